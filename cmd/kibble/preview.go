package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kibble.dev/translate"
)

// newPreviewCommand makes `kibble preview`.
func newPreviewCommand() *cobra.Command {
	var in input
	var out output
	var class, router string
	cmd := &cobra.Command{
		Use:   "preview -f DIR",
		Short: "Show what Envoy would be told",
		Long: `Show what Envoy would be told for the objects of a directory: as a table, where
each host goes and what each policy changes; as yaml or json, the resources of
xDS themselves, by proxy class. Nothing is sent anywhere.`,
		Example: `  kibble preview -f examples/hello-world
  kibble preview -f examples/hello-world --router ingress
  kibble preview -f examples/hello-world --proxy-class edge -o yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			m, found, err := in.model(cmd)
			if err != nil {
				return err
			}
			snapshot, more := m.Snapshot()
			printFindings(cmd.ErrOrStderr(), more)
			found = append(found, more...)
			if class != "" && snapshot.Classes[class] == nil {
				return wrongf("no router is of class %q; there are: %s", class,
					cmp.Or(strings.Join(slices.Sorted(maps.Keys(snapshot.Classes)), ", "), "none"))
			}
			if class, err = classOf(m, class, router); err != nil {
				return err
			}
			if out.format == "table" {
				err = previewTable(cmd.OutOrStdout(), m, class, router)
			} else {
				err = previewResources(cmd.OutOrStdout(), m, &out, snapshot, class, router)
			}
			return cmp.Or(err, verdict(found))
		},
	}
	in.flags(cmd)
	out.flags(cmd, "table", "yaml", "json")
	cmd.Flags().StringVar(&class, "proxy-class", "", "only what proxies of this class are told")
	cmd.Flags().StringVar(&router, "router", "", "only this router, by name or namespace/name")
	return cmd
}

// classOf gives the class of the chosen router, and else the chosen class.
func classOf(m *translate.Model, class, router string) (string, error) {
	if router == "" {
		return class, nil
	}
	rows, err := m.Preview(router)
	switch {
	case err != nil:
		return "", wrongf("%w", err)
	case len(rows) == 0:
		return class, nil
	case class != "" && class != rows[0].Class:
		return "", wrongf("router %s is of class %s, not %s: leave --proxy-class away", rows[0].Router, rows[0].Class, class)
	}
	return rows[0].Class, nil
}

func previewTable(w io.Writer, m *translate.Model, class, router string) error {
	rows, err := m.Preview(router)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTER\tHOST\tPOLICIES\tSHARE\tSERVICE\tFALLBACK")
	for _, r := range rows {
		if class != "" && r.Class != class {
			continue
		}
		host := r.Host
		if r.Match != "" {
			host += " (" + r.Match + ")"
		}
		for _, to := range r.To {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Router, host, cmp.Or(strings.Join(r.Policies, " + "), "-"),
				percent(to.Share), to.Service, cmp.Or(strings.Join(to.Fallback, ", "), "-"))
		}
	}
	return t.Flush()
}

func percent(share float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", share*100), "0"), ".") + " %"
}
