package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// newConfigCommand makes `kibble config`.
func newConfigCommand() *cobra.Command {
	var c config
	cmd := &cobra.Command{
		Use:   "config [TYPE [NAME]]",
		Short: "Show what the proxies of kibble serve have, what they refused, and of what it was made",
		Long: `Show the resources of the proxies that are connected to kibble serve: what they
have accepted, what they are to have, what they refused, in their own words, and
the object and line that each was made of. Proxies that have a resource alike
share a line.

TYPE is clusters, endpoints, listeners, routes, hosts (virtual hosts), extensions
or secrets, or a type of Envoy's; without it all are shown. With -o yaml or json
the resources themselves are shown, as Envoy has them, without private keys and
the keys of tokens.

The states: accepted; sent, and not answered yet; refused; withheld, because
another proxy refused it; waits for clusters that must come first; behind,
because another version is to come; retiring, because it is to go.

In a cluster, forward the admin port first. Each replica of kibble serve knows the
proxies that are connected to itself only: ask all of them, one by one, as with
kubectl port-forward -n kibble-system pod/NAME 9990.

The exit code is 1 if a proxy refuses something that is shown.`,
		Example: `  kibble config
  kibble config routes --proxy-class edge
  kibble config clusters '/#/io.l5d.k8s/default/http/world-v1' -o yaml
  kibble config --node hello-0 --watch`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return fmt.Errorf("want a TYPE, and maybe a NAME, not %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: c.complete,
		RunE:              c.run,
	}
	c.out.flags(cmd, "table", "yaml", "json")
	f := cmd.Flags()
	c.admin.flags(f)
	f.StringVar(&c.class, "proxy-class", "", "only proxies of this class")
	f.StringVar(&c.node, "node", "", "only the proxy of this name (node.id)")
	f.BoolVarP(&c.watch, "watch", "w", false, "print again whenever it changes, until interrupted")
	c.admin.completions(cmd)
	return cmd
}

// config is one question about resources.
type config struct {
	out                     output
	admin                   adminClient
	class, node, typ, named string
	watch                   bool
}

func (c *config) run(cmd *cobra.Command, args []string) error {
	if err := c.read(args); err != nil {
		return err
	}
	w := cmd.OutOrStdout()
	if c.watch {
		return follow(cmd.Context(), w, c.out.between(), c.fetch, func(all []xds.ConfigEntry) error { return c.print(w, all) })
	}
	all, err := c.fetch(cmd.Context())
	if err != nil {
		return err
	}
	c.admin.notAll(cmd.ErrOrStderr())
	if len(all) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "kibble: no connected proxy has such a resource; kibble proxies lists the proxies")
	}
	if err := c.print(w, all); err != nil {
		return err
	}
	for _, e := range all {
		if e.State == publish.HoldRefused {
			return &exitError{code: exitFindings}
		}
	}
	return nil
}

// kindWord is a word of people for a type of resources.
type kindWord struct{ word, url string }

func kinds() []kindWord {
	return []kindWord{
		{"clusters", translate.ClusterType}, {"endpoints", translate.EndpointType}, {"listeners", translate.ListenerType},
		{"routes", translate.RouteType}, {"hosts", translate.VirtualHostType}, {"extensions", translate.ExtensionType}, {"secrets", translate.SecretType},
	}
}

func (c *config) read(args []string) error {
	if err := c.out.check(); err != nil {
		return err
	}
	if len(args) == 0 {
		return nil
	}
	var words []string
	for _, k := range kinds() {
		words = append(words, k.word)
		if args[0] == k.word || args[0] == strings.TrimSuffix(k.word, "s") || args[0] == k.url || strings.EqualFold(args[0], translate.ShortType(k.url)) {
			c.typ = k.url
		}
	}
	if c.typ == "" {
		return wrongf("unknown type %q: use one of %s", args[0], strings.Join(words, ", "))
	}
	if len(args) == 2 {
		c.named = args[1]
	}
	return nil
}

func (c *config) fetch(ctx context.Context) ([]xds.ConfigEntry, error) {
	query := url.Values{}
	for name, value := range map[string]string{"class": c.class, "node": c.node, "type": c.typ, "name": c.named} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if c.out.format != "table" {
		query.Set("bodies", "1")
	}
	var all []xds.ConfigEntry
	err := c.admin.get(ctx, "/api/config", query, &all)
	return all, err
}

// config answers /api/config.
func (s *serving) config(q url.Values) (any, error) {
	all := s.server.Config(xds.ConfigQuery{Class: q.Get("class"), Node: q.Get("node"), Type: q.Get("type"), Name: q.Get("name")})
	if q.Get("bodies") == "" {
		return all, nil
	}
	for i := range all {
		if err := all[i].Show(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *config) print(w io.Writer, all []xds.ConfigEntry) error {
	if c.out.format != "table" {
		return c.out.print(w, struct {
			Version   string            `json:"version"`
			Resources []xds.ConfigEntry `json:"resources"`
		}{"kibble.dev/config/v1alpha1", append([]xds.ConfigEntry{}, all...)})
	}
	var t columns
	t.row("CLASS", "TYPE", "NAME", "STATE", "ACCEPTED", "PROXIES", "SOURCE")
	for _, e := range all {
		accepted := e.Accepted
		if accepted == "" {
			accepted = "-"
		}
		proxies := shown(e.Proxies[0])
		if n := len(e.Proxies); n > 1 {
			proxies = fmt.Sprintf("%d, such as %s", n, proxies)
		}
		t.row(shown(e.Class), wordOf(e.Type), shown(e.Name), e.State, shown(accepted), proxies, shown(e.Source))
		switch e.State {
		case publish.HoldRefused:
			t.line(fmt.Sprintf("    refused %s: %q", e.Wanted, strings.TrimSpace(e.Words)))
		case publish.HoldWaits:
			t.line("    waits for " + shown(strings.Join(e.WaitsFor, ", ")))
		}
	}
	return t.print(w)
}

// wordOf is the word of people for a type, or its last word.
func wordOf(typ string) string {
	for _, k := range kinds() {
		if k.url == typ {
			return k.word
		}
	}
	return shown(translate.ShortType(typ))
}

// complete gives the types, then the names of a type at a running server.
func (c *config) complete(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	switch len(args) {
	case 0:
		for _, k := range kinds() {
			words = append(words, k.word)
		}
	case 1:
		if c.read(args) == nil {
			all, _ := c.fetch(cmd.Context()) // without a server there is nothing to choose from
			for _, e := range all {
				words = append(words, e.Name)
			}
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
