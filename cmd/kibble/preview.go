package main

import (
	"cmp"
	"errors"
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
	var p preview
	cmd := &cobra.Command{
		Use:   "preview -f DIR",
		Short: "Show what Envoy would be told",
		Long: `Show what Envoy would be told for the objects of a directory: as a table, where
each host goes and what each policy changes; as yaml or json, the resources of
xDS themselves, by proxy class. Nothing is sent anywhere.

With --size: how much one proxy of each class is told; --max-bytes bounds it, for
a pipeline. Of routers with onDemand a proxy is told a part.

With --policy: what that environment changes, from what to what. With --cookie
and --header: the table as a person with such requests has it. Then yaml and
json are those tables.`,
		Example: `  kibble preview -f examples/hello-world
  kibble preview -f examples/hello-world --policy world-v2
  kibble preview -f examples/hello-world --cookie special_employee_cookie=dogfood
  kibble preview -f examples/hello-world --router ingress
  kibble preview -f examples/hello-world --proxy-class edge -o yaml
  kibble preview -f examples/hello-world --max-bytes 100000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := out.check(); err != nil {
				return err
			}
			if p.policy != "" && p.personal() {
				return errors.New("--policy shows one environment by itself, --cookie and --header a person's: use one of them")
			}
			if p.sizes() && (p.policy != "" || p.personal()) {
				return errors.New("--size and --max-bytes are about all that a proxy is told: leave --policy, --cookie, --header and --source away")
			}
			m, found, err := in.model(cmd)
			if err != nil {
				return err
			}
			rows, snapshot, more := m.Overview()
			printFindings(cmd.ErrOrStderr(), more)
			if rows, err = p.choose(m, rows, snapshot); err != nil {
				return err
			}
			switch {
			case p.sizes():
				err = p.printSizes(cmd.OutOrStdout(), cmd.ErrOrStderr(), m, snapshot, &out)
			case p.policy != "":
				err = p.changes(cmd.OutOrStdout(), cmd.ErrOrStderr(), m, rows, &out)
			case p.personal():
				err = p.person(cmd.OutOrStdout(), cmd.ErrOrStderr(), m, rows, &out)
			case out.format == "table":
				err = printRows(cmd.OutOrStdout(), rows)
			default:
				err = previewResources(cmd.OutOrStdout(), m, &out, snapshot, p.class, p.router)
			}
			return cmp.Or(err, verdict(append(found, more...)))
		},
	}
	in.flags(cmd)
	out.flags(cmd, "table", "yaml", "json")
	f := cmd.Flags()
	f.StringVar(&p.class, "proxy-class", "", "only what proxies of this class are told")
	f.StringVar(&p.router, "router", "", "only this router, by name or namespace/name")
	f.StringVar(&p.policy, "policy", "", "only what this policy changes; of a family, its name or NAME.NAMESPACE")
	f.StringArrayVar(&p.asked.cookies, "cookie", nil, "as a person with this cookie, name=value; may be given several times")
	f.StringArrayVar(&p.asked.headers, "header", nil, "as a person with this header, 'name: value'; may be given several times")
	f.StringVar(&p.asked.source, "source", "", "as a person with this IP address")
	f.BoolVar(&p.size, "size", false, "how many resources and bytes one proxy of each class is told")
	f.IntVar(&p.maxBytes, "max-bytes", 0, "the same, and end with 1 if it is more bytes than this")
	in.completions(cmd)
	return cmd
}

// preview is what is to be shown.
type preview struct {
	class, router, policy string
	asked                 asked
	size                  bool
	maxBytes              int // 0: any number
}

func (p *preview) personal() bool {
	return len(p.asked.cookies) > 0 || len(p.asked.headers) > 0 || p.asked.source != ""
}

// choose keeps the rows of the router or class, and learns the router's class.
func (p *preview) choose(m *translate.Model, rows []translate.Row, s *translate.Snapshot) ([]translate.Row, error) {
	if p.class != "" && s.Classes[p.class] == nil {
		return nil, wrongf("no router is of class %q; there are: %s", p.class,
			cmp.Or(strings.Join(slices.Sorted(maps.Keys(s.Classes)), ", "), "none"))
	}
	full := ""
	if p.router != "" {
		name, class, err := m.RouterName(p.router)
		switch {
		case err != nil:
			return nil, wrongf("%w", err)
		case p.class != "" && class != p.class:
			return nil, wrongf("router %s is of class %s, not %s: leave --proxy-class away", name, class, p.class)
		}
		full, p.class = name, class
	}
	return slices.DeleteFunc(rows, func(r translate.Row) bool {
		return full != "" && r.Router != full || p.class != "" && r.Class != p.class
	}), nil
}

// changes shows what one policy changes.
func (p *preview) changes(w, notes io.Writer, m *translate.Model, rows []translate.Row, out *output) error {
	changes, note, err := m.Changes(rows, p.policy)
	if err != nil {
		return wrongf("%w", err)
	}
	if note != "" {
		fmt.Fprintln(notes, "kibble: "+note)
	}
	if out.format != "table" {
		return out.print(w, changes)
	}
	if len(changes) == 0 {
		fmt.Fprintf(notes, "kibble: %s changes nothing\n", p.policy)
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTER\tHOST\tFROM\tTO")
	for _, c := range changes {
		for i := range max(len(c.From), len(c.To)) {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Router, hostText(c.Host, c.Match), shareText(c.From, i), shareText(c.To, i))
		}
	}
	return t.Flush()
}

// person shows the table as one person has it.
func (p *preview) person(w, notes io.Writer, m *translate.Model, rows []translate.Row, out *output) error {
	q, err := p.asked.question("")
	if err != nil {
		return err
	}
	context := m.ContextOf(q)
	rows = translate.As(rows, context)
	if out.format != "table" {
		return out.print(w, struct {
			Context []string        `json:"context"`
			Rows    []translate.Row `json:"rows"`
		}{append([]string{}, context...), rows})
	}
	fmt.Fprintf(notes, "kibble: policies that hold: %s\n", cmp.Or(context.String(), "none"))
	return printRows(w, rows)
}

func printRows(w io.Writer, rows []translate.Row) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ROUTER\tHOST\tPOLICIES\tSHARE\tSERVICE\tFALLBACK")
	for _, r := range rows {
		for _, to := range r.To {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Router, hostText(r.Host, r.Match), cmp.Or(strings.Join(r.Policies, " + "), "-"),
				translate.Percent(to.Share), to.Service, cmp.Or(strings.Join(to.Fallback, ", "), "-"))
		}
	}
	return t.Flush()
}

func hostText(host, match string) string {
	if match != "" {
		host += " (" + match + ")"
	}
	return host
}

// shareText gives share i of some, "" if there are fewer.
func shareText(shares []translate.RowShare, i int) string {
	if i >= len(shares) {
		return ""
	}
	text := shares[i].Service
	if len(shares) > 1 {
		text = translate.Percent(shares[i].Share) + " " + text
	}
	if len(shares[i].Fallback) > 0 {
		text += ", else " + strings.Join(shares[i].Fallback, ", ")
	}
	return text
}
