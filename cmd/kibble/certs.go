package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/internal/pki"
)

// newCertsCommand makes `kibble certs`.
func newCertsCommand() *cobra.Command {
	var k pki.Kept
	cmd := &cobra.Command{
		Use:   "certs --dir DIR --server-name NAME",
		Short: "Make the certificates of proxies and server, and renew them",
		Long: `Make an authority, a certificate for kibble serve, and one for each proxy class,
in a directory: ca, server, class-CLASS. A proxy gets the configuration of the
class that its certificate names, and no other.

Run it again, daily for instance, with the same flags: it replaces what has less
than a third of its life left, and leaves the rest. Server and proxies read the
new files while they run, and connections stay. The authority too is replaced
in time, in steps between which everybody trusts both. Keep DIR/ca to yourself.

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
			wrote, err := k.Renew(time.Now())
			for _, folder := range wrote {
				fmt.Fprintln(cmd.OutOrStdout(), folder)
			}
			if err != nil {
				return &exitError{code: exitUnreachable, err: err}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&k.Dir, "dir", "", "directory of the certificates")
	f.StringSliceVar(&k.ServerNames, "server-name", nil, "name or IP address that proxies call kibble serve by; may be repeated")
	f.StringSliceVar(&k.Classes, "proxy-class", nil, "proxy class that gets a certificate; may be repeated")
	f.DurationVar(&k.Life, "life", 30*24*time.Hour, "how long certificates last")
	f.DurationVar(&k.CALife, "ca-life", 10*365*24*time.Hour, "how long an authority lasts")
	for _, name := range []string{"dir", "server-name"} {
		_ = cmd.MarkFlagRequired(name) // fails for a flag that is not there only
	}
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}
