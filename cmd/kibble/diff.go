package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// newDiffCommand makes `kibble diff`.
func newDiffCommand() *cobra.Command {
	var out output
	var c comparison
	cmd := &cobra.Command{
		Use:   "diff OLD NEW | diff --live NEW",
		Short: "Show which hosts lead elsewhere when NEW takes the place of OLD",
		Long: `Show what requests notice when NEW takes the place of OLD, two directories or
files of objects: which hosts lead elsewhere, for whom, from what to what, and
the rules that did it; and which listeners, answers and conditions change. A
change that no request notices, such as a comment, is none.

With --live, OLD is what a running kibble serve serves, and with --kubeconfig,
--context or -n what is in a cluster. The objects of NEW are added to those that
are there, in place of those of the same name, as kubectl apply would do.

Before a rule stands + if NEW has it and OLD does not, - if it is gone, and ~ if
it was there and did not decide. A name after + or - exists now, or no more.

The exit code is 0 if nothing changes, 1 if something does or NEW has mistakes.`,
		Example: `  kibble diff main/routing branch/routing
  kibble diff main/routing branch/routing --router ingress
  kibble diff main/routing branch/routing -o markdown > comment.md
  kibble diff --live routing
  kibble diff --kubeconfig ~/.kube/config routing`,
		Args: c.args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			d, found, err := c.compare(cmd.Context(), args)
			if err != nil {
				return err
			}
			printFindings(cmd.ErrOrStderr(), found)
			for _, n := range d.Notes {
				fmt.Fprintln(cmd.ErrOrStderr(), "kibble: "+n)
			}
			if err := printDiff(cmd.OutOrStdout(), cmd.ErrOrStderr(), d, &out); err != nil {
				return err
			}
			if !d.Empty() {
				return &exitError{code: exitFindings}
			}
			return verdict(found)
		},
	}
	out.flags(cmd, "table", "json", "markdown")
	f := cmd.Flags()
	f.StringVar(&c.router, "router", "", "only this router, by name or namespace/name")
	f.BoolVar(&c.live, "live", false, "compare with what kibble serve serves")
	c.admin.flags(f)
	complete(cmd, "router", c.routers)
	c.cluster.flags(cmd)
	f.StringSliceVarP(&c.cluster.namespaces, "namespace", "n", nil, "compare with a cluster: these namespaces only; default all")
	return cmd
}

func printDiff(w, notes io.Writer, d *translate.Difference, out *output) error {
	switch {
	case out.format == "json":
		return out.print(w, struct {
			Version string `json:"version"`
			*translate.Difference
		}{"kibble.dev/diff/v1alpha1", d})
	case out.format == "markdown":
		return diffMarkdown(w, d)
	case d.Empty():
		_, err := fmt.Fprintln(notes, "kibble: no request notices the change")
		return err
	}
	return diffTable(w, d)
}

// diffTable prints moves with their causes below them, then the other changes.
func diffTable(w io.Writer, d *translate.Difference) error {
	var t columns
	if len(d.Moves) > 0 {
		t.row("ROUTER", "HOST", "ENVIRONMENT", "FROM", "TO")
	}
	for _, m := range d.Moves {
		for i := range max(len(m.From), len(m.To), 1) {
			if i == 0 {
				t.row(m.Router, movedText(m), environmentText(m), cmp.Or(shareText(m.From, i), "-"), cmp.Or(shareText(m.To, i), "-"))
			} else {
				t.row("", "", "", shareText(m.From, i), shareText(m.To, i))
			}
		}
		for _, c := range m.Why {
			t.line("    " + causeText(c))
		}
	}
	if len(d.Objects) > 0 {
		if len(d.Moves) > 0 {
			t.line("")
		}
		for _, o := range d.Objects {
			t.line(objectText(o))
		}
	}
	return t.print(w)
}

// movedText says which hosts a move is of.
func movedText(m translate.Move) string {
	text := hostText(m.Host, m.Match)
	if len(m.Except) > 0 {
		text += " but not " + strings.Join(m.Except, ", ")
	}
	return text
}

// environmentText says for whom a move is.
func environmentText(m translate.Move) string {
	text := "-"
	for i, p := range m.Policies {
		if i == 0 {
			text = p
		} else {
			text += " + " + p
		}
	}
	if n := len(m.Members); n > 0 {
		text += fmt.Sprintf(" (%d members, such as %s)", n, m.Members[0])
	}
	return text
}

// causeText is one line for a cause.
func causeText(c translate.Cause) string {
	if c.Source == "" && c.Origin == "" {
		if c.Sign == "+" {
			return c.Sign + " " + c.Rule + " exists now"
		}
		return c.Sign + " " + c.Rule + " does not exist any more"
	}
	return c.Sign + " " + c.Rule + "   [" + dtab.In(c.Origin, c.Source) + "]"
}

// objectText is one line for a change of an object.
func objectText(o translate.ObjectChange) string {
	switch {
	case o.What == "" && o.From == "":
		return fmt.Sprintf("%s is new: %s   [%s]", o.Object, o.To, o.Source)
	case o.What == "":
		return fmt.Sprintf("%s is gone; it was: %s   [%s]", o.Object, o.From, o.Source)
	}
	return fmt.Sprintf("%s: %s was %s, is %s   [%s]", o.Object, o.What, cmp.Or(o.From, "not set"), cmp.Or(o.To, "not set"), o.Source)
}
