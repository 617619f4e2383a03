package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/pki/secrets"
)

// newCertsCommand makes `kibble certs`.
func newCertsCommand() *cobra.Command {
	var k pki.Kept
	var in inSecrets
	cmd := &cobra.Command{
		Use:   "certs {--dir DIR | --secrets NAMESPACE/PREFIX} --server-name NAME",
		Short: "Make the certificates of proxies and server, and renew them",
		Long: `Make an authority, a certificate for kibble serve, and one for each proxy class,
in a directory: ca, server, class-CLASS. A proxy gets the configuration of the
class that its certificate names, and no other.

Run it again, daily for instance, with the same flags: it replaces what has less
than a third of its life left, and leaves the rest. Server and proxies read the
new files while they run, and connections stay. The authority too is replaced
in time, in steps between which everybody trusts both. Keep DIR/ca to yourself.

With --secrets the certificates are kept in a cluster, in the Secrets PREFIX-ca,
PREFIX-server and PREFIX-class-CLASS, which must be there, empty at first: the
chart makes them, and runs this daily. --webhook names the configuration of the
injector, which is told whom to trust.

Those who have cert-manager or the like do not need this command. A proxy's
certificate has the URI spiffe://TRUST-DOMAIN/kibble/class/CLASS.`,
		Example: `  kibble certs --dir /etc/kibble/certs --server-name kibble.kibble-system.svc --proxy-class edge --proxy-class sidecar
  kibble serve -f /etc/kibble/objects --tls-cert /etc/kibble/certs/server/tls.crt \
    --tls-key /etc/kibble/certs/server/tls.key --client-ca /etc/kibble/certs/server/ca.crt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if k.Life < time.Minute || k.CALife < 10*k.Life {
				return wrongf("--ca-life %v and --life %v: want certificates of a minute or more, and an authority that lasts ten times as long", k.CALife, k.Life)
			}
			for _, name := range k.ServerNames {
				if _, err := netip.ParseAddr(name); err != nil && !v1alpha1.TLSHost(name) {
					return wrongf("--server-name %s cannot be asked for by TLS: want a name such as kibble.kibble-system.svc, or an IP address", quoted(name))
				}
			}
			wrote, err := in.renew(cmd.Context(), k)
			for _, folder := range wrote {
				fmt.Fprintln(cmd.OutOrStdout(), folder)
			}
			var refused *exitError
			if err != nil && !errors.As(err, &refused) {
				return &exitError{code: exitUnreachable, err: err}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&k.Dir, "dir", "", "directory of the certificates; with --secrets: where to work")
	f.StringSliceVar(&k.ServerNames, "server-name", nil, "name or IP address that proxies call kibble serve by; may be repeated")
	f.StringSliceVar(&k.Classes, "proxy-class", nil, "proxy class that gets a certificate; may be repeated")
	f.DurationVar(&k.Life, "life", 30*24*time.Hour, "how long certificates last")
	f.DurationVar(&k.CALife, "ca-life", 10*365*24*time.Hour, "how long an authority lasts")
	f.StringVar(&in.secrets, "secrets", "", "NAMESPACE/PREFIX of Secrets that keep the certificates")
	f.StringVar(&in.webhook, "webhook", "", "MutatingWebhookConfiguration that is told the authorities; with --secrets")
	in.cluster.flags(cmd)
	_ = cmd.MarkFlagRequired("server-name") // fails for a flag that is not there only
	cmd.MarkFlagsOneRequired("dir", "secrets")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// inSecrets says which Secrets keep certificates, if any do.
type inSecrets struct {
	cluster          cluster
	secrets, webhook string
}

// renew renews certificates in a directory, or in Secrets.
func (s *inSecrets) renew(ctx context.Context, k pki.Kept) ([]string, error) {
	if s.secrets == "" {
		if s.webhook != "" || s.cluster.asked() {
			return nil, wrongf("--webhook, --kubeconfig and --context go with --secrets only")
		}
		return k.Renew(time.Now())
	}
	namespace, prefix, ok := secrets.Parse(s.secrets)
	if !ok {
		return nil, wrongf("--secrets %q: want NAMESPACE/PREFIX, such as kibble-system/kibble", s.secrets)
	}
	config, err := s.cluster.config()
	if err != nil {
		return nil, err
	}
	config.Timeout = patience
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, wrongf("no cluster: %w", err)
	}
	if k.Dir == "" {
		if k.Dir, err = os.MkdirTemp("", "kibble-certs-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(k.Dir)
	}
	return secrets.Keeper{Client: client, Namespace: namespace, Prefix: prefix, Webhook: s.webhook}.Renew(ctx, k, time.Now())
}
