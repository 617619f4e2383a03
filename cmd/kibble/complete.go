package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// Completion of names in a shell. It reads what the command would read, and must
// be quick: what does not answer soon, or is broken, offers nothing. Nothing is
// said about it: the shell would print it in the middle of what is typed.

// soon is how long somebody who pressed a key waits.
const soon = 2 * time.Second

// completion is cobra's type of a function that completes.
type completion = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// offer makes a completion of what gives the words.
func offer(words func(cmd *cobra.Command) []string) completion {
	return func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var all []cobra.Completion
		for _, w := range words(cmd) {
			if strings.HasPrefix(w, typed) {
				all = append(all, w)
			}
		}
		slices.Sort(all)
		return slices.Compact(all), cobra.ShellCompDirectiveNoFileComp
	}
}

// complete lets a flag be completed, if the command has it.
func complete(cmd *cobra.Command, flag string, words func(cmd *cobra.Command) []string) {
	if cmd.Flags().Lookup(flag) != nil {
		_ = cmd.RegisterFlagCompletionFunc(flag, offer(words)) // fails for a flag that is not there only
	}
}

// completions lets the flags of a command that reads objects be completed.
func (in *input) completions(cmd *cobra.Command) {
	complete(cmd, "router", func(cmd *cobra.Command) []string { return routerNames(in.glance(cmd)) })
	complete(cmd, "policy", func(cmd *cobra.Command) []string { return policiesOf(in.glance(cmd)) })
	complete(cmd, "proxy-class", func(cmd *cobra.Command) []string {
		var all []string
		if m := in.glance(cmd); m != nil {
			for _, r := range m.Routers() {
				all = append(all, r.Class)
			}
		}
		return all
	})
}

// glance reads the objects, if that is quick; nil if it is not.
func (in *input) glance(cmd *cobra.Command) *translate.Model {
	if in.path == "-" {
		return nil
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), soon)
	defer cancel()
	cmd.SetContext(ctx)
	cmd.SetErr(io.Discard)
	inv, _, err := in.inventory(cmd)
	if err != nil {
		return nil
	}
	return translate.NewModel(inv, time.Now())
}

// routerNames gives the routers, those whose name is unique by that alone.
func routerNames(m *translate.Model) []string {
	var all []string
	if m == nil {
		return nil
	}
	for _, full := range m.RouterNames() {
		_, name, _ := strings.Cut(full, "/")
		if _, _, err := m.RouterName(name); err == nil {
			all = append(all, name)
		}
		all = append(all, full)
	}
	return all
}

func policiesOf(m *translate.Model) []string {
	var all []string
	if m == nil {
		return nil
	}
	for _, p := range m.Policies() {
		all = append(all, p.ID)
		if p.Family != "" {
			all = append(all, p.Family)
		}
	}
	return all
}

// hosts gives the hosts that a router knows by name.
func (in *input) hosts(cmd *cobra.Command, router string) []string {
	m := in.glance(cmd)
	if m == nil || router == "" {
		return nil
	}
	rows, err := m.Preview(router)
	if err != nil {
		return nil
	}
	var all []string
	for _, r := range rows {
		if !strings.Contains(r.Host, "*") {
			all = append(all, r.Host)
		}
	}
	return all
}

// completions lets the flags of a command that asks a server be completed.
func (c *adminClient) completions(cmd *cobra.Command) {
	ask := func(name func(xds.ProxyStatus) string) func(*cobra.Command) []string {
		return func(cmd *cobra.Command) []string {
			ctx, cancel := context.WithTimeout(cmd.Context(), soon)
			defer cancel()
			var all []xds.ProxyStatus
			if c.get(ctx, "/api/proxies", nil, &all) != nil {
				return nil
			}
			var words []string
			for _, p := range all {
				words = append(words, name(p))
			}
			return words
		}
	}
	complete(cmd, "node", ask(func(p xds.ProxyStatus) string { return p.Node }))
	complete(cmd, "proxy-class", ask(func(p xds.ProxyStatus) string { return p.Class }))
}
