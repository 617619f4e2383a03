package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// newProxiesCommand makes `kibble proxies`.
func newProxiesCommand() *cobra.Command {
	var p proxies
	cmd := &cobra.Command{
		Use:   "proxies",
		Short: "Show who is connected to kibble serve, who is behind, and what was refused",
		Long: `Show which proxies are connected to kibble serve: their class, whether they have
accepted all that they are to have, since when they have not, and what they
refused, in their own words, with the object and line that it was made of.

In a cluster, forward the admin port first. Each replica of kibble serve knows the
proxies that are connected to itself only: ask all of them, one by one, as with
kubectl port-forward -n kibble-system pod/NAME 9990.

The exit code is 1 if a proxy refuses something or has to be restarted.`,
		Example: `  kibble proxies
  kibble proxies --proxy-class edge -o json
  kibble proxies --watch`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := p.out.check(); err != nil {
				return err
			}
			if p.watch {
				w := cmd.OutOrStdout()
				return follow(cmd.Context(), w, p.out.between(), p.fetch, func(all []xds.ProxyStatus) error { return p.print(w, all, time.Now()) })
			}
			all, err := p.fetch(cmd.Context())
			if err != nil {
				return err
			}
			p.admin.notAll(cmd.ErrOrStderr())
			if err := p.print(cmd.OutOrStdout(), all, time.Now()); err != nil {
				return err
			}
			for _, one := range all {
				if s := one.State(); s == xds.StateRefuses || s == xds.StateStuck {
					return &exitError{code: exitFindings}
				}
			}
			return nil
		},
	}
	p.out.flags(cmd, "table", "json", "yaml")
	f := cmd.Flags()
	p.admin.flags(f)
	f.StringVar(&p.class, "proxy-class", "", "only proxies of this class")
	f.BoolVarP(&p.watch, "watch", "w", false, "print again whenever it changes, until interrupted")
	p.admin.completions(cmd)
	return cmd
}

// proxies is one question about proxies.
type proxies struct {
	out   output
	admin adminClient
	class string
	watch bool
}

// fetch asks the admin server.
func (p *proxies) fetch(ctx context.Context) ([]xds.ProxyStatus, error) {
	var all, found []xds.ProxyStatus
	if err := p.admin.get(ctx, "/api/proxies", nil, &all); err != nil {
		return nil, err
	}
	for _, one := range all {
		if p.class == "" || one.Class == p.class {
			found = append(found, one)
		}
	}
	return found, nil
}

func (p *proxies) print(w io.Writer, all []xds.ProxyStatus, now time.Time) error {
	if p.out.format != "table" {
		return p.out.print(w, append([]xds.ProxyStatus{}, all...))
	}
	var t columns
	t.row("CLASS", "PROXY", "STATE", "BEHIND", "CONNECTED", "ACCEPTED")
	for _, one := range all {
		behind, accepted := "-", 0
		if !one.BehindSince.IsZero() {
			behind = since(now, one.BehindSince)
		}
		for _, typ := range one.Types {
			accepted += typ.Acked
		}
		t.row(shown(one.Class), shown(one.Node), one.State(), behind, since(now, one.Connected), strconv.Itoa(accepted))
		for _, typ := range one.Types {
			kind := shown(translate.ShortType(typ.Type))
			for _, r := range typ.Refused {
				what := "refused"
				if r.Elsewhere {
					what = "refused elsewhere, and not given:"
				}
				t.line(fmt.Sprintf("    %s %s %s [%s]: %q", what, kind, shown(r.Name), shown(r.Source), r.Words))
			}
			for _, x := range typ.Waiting {
				t.line(fmt.Sprintf("    %s %s [%s] waits for %s", kind, shown(x.Name), shown(x.Source), shown(strings.Join(x.Clusters, ", "))))
			}
			if typ.Overdue {
				t.line("    " + kind + ": the answer to what was sent last is overdue")
			}
		}
		if one.Stuck {
			t.line("    one of its clusters does not get warm: if this lasts for minutes, restart this proxy")
		}
	}
	return t.print(w)
}

// since is the time between, in whole seconds.
func since(now, then time.Time) string { return max(now.Sub(then), 0).Truncate(time.Second).String() }

// shown is a text that a proxy said, such as its name, without what a terminal
// would obey.
func shown(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}
