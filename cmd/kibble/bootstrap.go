package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	bootstrap "kibble.dev/envoy-bootstrap"
)

// rendering is what `kibble bootstrap` is asked for.
type rendering struct {
	options        bootstrap.Options
	secured        bootstrap.TLS
	output         string
	memory         uint64
	servers, calls []string
}

// newBootstrapCommand makes `kibble bootstrap`.
func newBootstrapCommand() *cobra.Command {
	var r rendering
	cmd := &cobra.Command{
		Use:   "bootstrap --proxy-class CLASS",
		Short: "Print the file that an Envoy is started with",
		Long: `Print the bootstrap of an Envoy: where Kibble is, who this proxy is, its admin
address and its limits. Everything else Envoy asks Kibble for. Write it to a
file and start Envoy with it: envoy -c FILE.

The class is the proxyClass of the Routers that this Envoy is to serve: edge,
sidecar, node, or a name of your own.

With a certificate or a token the connection is secured by TLS. Envoy follows
files of certificates that are replaced by what --output-dir writes beside the
bootstrap: xds-certificate.yaml and xds-authority.yaml. --sds-dir says where
they will be when Envoy runs, if that is elsewhere.`,
		Example: `  # The Envoy at the edge
  kibble bootstrap --proxy-class edge --node-id edge-0 --xds-address kibble.kibble-system.svc:18000

  # The Envoy beside a pod, whose routers bind the pod's address
  kibble bootstrap --proxy-class sidecar --node-id "$POD_NAME" --pod-ip "$POD_IP" --namespace "$NAMESPACE"

  # The Envoy at the edge, which proves its class by a certificate
  kibble bootstrap --proxy-class edge --node-id edge-0 --xds-address kibble.kibble-system.svc:18000 \
    --tls-dir /etc/kibble/tls --output-dir /etc/kibble/envoy

  # Two replicas without a common name: the proxy goes to the other when one is gone
  kibble bootstrap --proxy-class edge --node-id edge-0 --xds-address 10.0.0.1:18000 --xds-address 10.0.0.2:18000

  # Check it
  kibble bootstrap --proxy-class edge --node-id edge-0 > edge.yaml && envoy --mode validate -c edge.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.write(cmd.OutOrStdout()) },
	}
	r.flags(cmd.Flags())
	_ = cmd.MarkFlagRequired("proxy-class") // fails for a flag that is not there only
	_ = cmd.RegisterFlagCompletionFunc("proxy-class", cobra.FixedCompletions(
		[]cobra.Completion{bootstrap.ClassEdge, bootstrap.ClassSidecar, bootstrap.ClassNode}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (r *rendering) flags(f *pflag.FlagSet) {
	f.StringVar(&r.options.Class, "proxy-class", "", "proxy class: edge, sidecar, node, or your own (Envoy's node.cluster)")
	f.StringVar(&r.options.NodeID, "node-id", "", "name of this proxy, such as its pod's (Envoy's node.id); empty: give envoy --service-node")
	f.StringSliceVar(&r.servers, "xds-address", []string{bootstrap.DefaultServer}, "host:port of kibble serve; may be repeated, for replicas without a common name")
	f.StringVar(&r.options.AdminAddress, "admin-address", bootstrap.DefaultAdminAddress, "ip:port of Envoy's admin pages")
	f.StringVar(&r.options.StatusAddress, "status-address", "", "ip:port that answers /ready and /stats/prometheus to others; empty: none")
	f.StringVar(&r.options.PodIP, "pod-ip", "", "address of the pod: where Routers with bind pod listen")
	f.StringVar(&r.options.NodeName, "node-name", "", "Kubernetes node that the proxy runs on")
	f.StringVar(&r.options.Namespace, "namespace", "", "namespace that the proxy runs in")
	f.StringVar(&r.options.Workload, "workload", "", "whose proxy it is, such as a Deployment's name: at routers on demand all its proxies have what one of them uses")
	f.StringSliceVar(&r.calls, "calls", nil, "hosts that it calls, which it has in advance at routers on demand")
	f.Uint64Var(&r.options.MaxHeapBytes, "max-heap-bytes", 0, "bound of Envoy's memory; 0: by class")
	f.Uint64Var(&r.memory, "memory-limit", 0, "bytes that Envoy's container may use; without --max-heap-bytes eight tenths of it bound the memory")
	f.Uint64Var(&r.options.MaxConnections, "max-connections", 0, "bound of connections from clients; 0: by class")
	f.StringVar(&r.secured.CertificateDir, "tls-dir", "", "directory of the proxy's tls.crt, tls.key and ca.crt, as Envoy sees it")
	f.StringVar(&r.secured.CAFile, "tls-ca", "", "file of the authorities of Kibble's certificate, if it is not ca.crt of --tls-dir")
	f.StringVar(&r.secured.ServerName, "tls-server-name", "", "name that Kibble's certificate must be for; empty: the host of --xds-address")
	f.StringVar(&r.secured.TokenFile, "token", "", "file of a ServiceAccount token for the audience kibble, sent with every call")
	f.StringVar(&r.secured.SDSDir, "sds-dir", "", "directory of xds-certificate.yaml and xds-authority.yaml, as Envoy sees it; empty: that of --output-dir")
	f.StringVar(&r.output, "output-dir", "", "directory to write bootstrap.yaml into, and what it refers to; empty: print it")
}

// write writes the bootstrap, and with --output-dir what it refers to.
func (r *rendering) write(w io.Writer) error {
	o := r.options
	if o.MaxHeapBytes == 0 {
		o.MaxHeapBytes = r.memory / 10 * 8
	}
	if secured := r.secured; secured != (bootstrap.TLS{}) {
		if o.TLS = &secured; secured.SDSDir == "" {
			secured.SDSDir = r.output
		}
	}
	o.Server, o.Calls = strings.Join(r.servers, ","), strings.Join(r.calls, ",")
	b, err := bootstrap.Render(o)
	switch {
	case err != nil:
		return err
	case r.output == "":
		_, err = w.Write(b)
		return err
	}
	files := bootstrap.SecretFiles(o)
	files["bootstrap.yaml"] = b
	return writeFiles(r.output, files)
}

// writeFiles writes files into a directory, which is made if it is not there.
func writeFiles(dir string, files map[string][]byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return wrongf("%w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return wrongf("%w", err)
		}
	}
	return nil
}
