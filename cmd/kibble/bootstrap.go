package main

import (
	"github.com/spf13/cobra"

	bootstrap "kibble.dev/envoy-bootstrap"
)

// newBootstrapCommand makes `kibble bootstrap`.
func newBootstrapCommand() *cobra.Command {
	var o bootstrap.Options
	cmd := &cobra.Command{
		Use:   "bootstrap --proxy-class CLASS",
		Short: "Print the file that an Envoy is started with",
		Long: `Print the bootstrap of an Envoy: where Kibble is, who this proxy is, its admin
address and its limits. Everything else Envoy asks Kibble for. Write it to a
file and start Envoy with it: envoy -c FILE.

The class is the proxyClass of the Routers that this Envoy is to serve: edge,
sidecar, node, or a name of your own.`,
		Example: `  # The Envoy at the edge
  kibble bootstrap --proxy-class edge --node-id edge-0 --xds-address kibble.kibble-system.svc:18000

  # The Envoy beside a pod, whose routers bind the pod's address
  kibble bootstrap --proxy-class sidecar --node-id "$POD_NAME" --pod-ip "$POD_IP" --namespace "$NAMESPACE"

  # Check it
  kibble bootstrap --proxy-class edge --node-id edge-0 > edge.yaml && envoy --mode validate -c edge.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := bootstrap.Render(o)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(b)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Class, "proxy-class", "", "proxy class: edge, sidecar, node, or your own (Envoy's node.cluster)")
	f.StringVar(&o.NodeID, "node-id", "", "name of this proxy, such as its pod's (Envoy's node.id); empty: give envoy --service-node")
	f.StringVar(&o.Server, "xds-address", bootstrap.DefaultServer, "host:port of kibble serve")
	f.StringVar(&o.AdminAddress, "admin-address", bootstrap.DefaultAdminAddress, "ip:port of Envoy's admin pages")
	f.StringVar(&o.PodIP, "pod-ip", "", "address of the pod: where Routers with bind pod listen")
	f.StringVar(&o.NodeName, "node-name", "", "Kubernetes node that the proxy runs on")
	f.StringVar(&o.Namespace, "namespace", "", "namespace that the proxy runs in")
	f.Uint64Var(&o.MaxHeapBytes, "max-heap-bytes", 0, "bound of Envoy's memory; 0: by class")
	f.Uint64Var(&o.MaxConnections, "max-connections", 0, "bound of connections from clients; 0: by class")
	_ = cmd.MarkFlagRequired("proxy-class") // fails for a flag that is not there only
	_ = cmd.RegisterFlagCompletionFunc("proxy-class", cobra.FixedCompletions(
		[]cobra.Completion{bootstrap.ClassEdge, bootstrap.ClassSidecar, bootstrap.ClassNode}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
