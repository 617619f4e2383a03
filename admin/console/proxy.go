package console

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// proxy lists the resources of one proxy, or shows one of them: what kibble
// config prints. It waits for its turn, since a proxy may have very many.
func (c *console) proxy(w http.ResponseWriter, r *http.Request) {
	select {
	case c.busy <- struct{}{}:
		defer func() { <-c.busy }()
	case <-r.Context().Done():
		return
	}
	node, class := r.FormValue("node"), r.FormValue("class")
	i := slices.IndexFunc(c.Proxies(), func(p xds.ProxyStatus) bool { return p.Node == node && (class == "" || p.Class == class) })
	if c.Config == nil || i < 0 {
		c.problem(w, http.StatusNotFound, "No such proxy is connected")
		return
	}
	status := c.Proxies()[i]
	asked := xds.ConfigQuery{Class: status.Class, Node: node, Type: r.FormValue("type"), Name: r.FormValue("name")}
	if asked.Name != "" {
		c.resource(w, asked)
		return
	}
	var types []string
	for _, t := range status.Types {
		types = append(types, translate.ShortType(t.Type))
	}
	slices.Sort(types)
	q, state := r.FormValue("q"), r.FormValue("state")
	var found []xds.ConfigEntry
	for _, e := range c.Config(asked) {
		if matches(q, e.Name, e.Source, e.Words) && (state == "" || e.State == state) {
			found = append(found, e)
		}
	}
	list, pages := paged(r, found, "node", node, "class", status.Class, "type", asked.Type, "state", state, "q", q)
	c.render(w, http.StatusOK, "proxy", page{Title: "Proxy " + node, Here: "proxies", Data: map[string]any{
		"Proxy": status, "Entries": list, "Pages": pages, "Q": q, "State": state, "Type": asked.Type, "Types": slices.Compact(types),
		"States": []string{
			publish.HoldAccepted, publish.HoldSent, publish.HoldRefused, publish.HoldWithheld, publish.HoldWaits, publish.HoldBehind, publish.HoldRetiring,
		},
	}})
}

// shown is a resource as Envoy has it.
type shown struct {
	What, YAML string
	// Longer says that this is only its beginning.
	Longer bool
}

// maxShown is how much of a resource a page shows, in bytes: a table of
// thousands of hosts is no page.
const maxShown = 256 << 10

// resource shows a resource of a proxy, without what is secret.
func (c *console) resource(w http.ResponseWriter, asked xds.ConfigQuery) {
	found := c.Config(asked)
	if len(found) == 0 {
		c.problem(w, http.StatusNotFound, "The proxy has no such resource, and is not to get it")
		return
	}
	e := found[0]
	if err := e.Show(); err != nil {
		c.problem(w, http.StatusInternalServerError, err.Error())
		return
	}
	var all []shown
	for _, s := range []struct {
		what, version string
		body          any
	}{
		{"What it has accepted", e.Accepted, e.AcceptedBody},
		{"What it is to have", e.Wanted, e.WantedBody},
	} {
		if s.body == nil {
			continue
		}
		text, err := yaml.Marshal(s.body)
		if err != nil {
			c.problem(w, http.StatusInternalServerError, fmt.Sprintf("encode %s: %v", e.Name, err))
			return
		}
		all = append(all, shown{
			What: s.what + ", version " + cmp.Or(s.version, "none"), YAML: strings.ToValidUTF8(string(text[:min(len(text), maxShown)]), ""),
			Longer: len(text) > maxShown,
		})
	}
	c.render(w, http.StatusOK, "resource", page{Title: translate.ShortType(e.Type) + " " + e.Name, Here: "proxies", Data: map[string]any{
		"Node": asked.Node, "Entry": e, "Shown": all,
	}})
}
