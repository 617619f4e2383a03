package translate

import (
	"errors"
	"fmt"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Override is a request that carries rules of its own, as the resolver sees it.
type Override struct {
	// Router is namespace/name.
	Router string
	// Class is the proxy class that asks.
	Class   string
	Request Request
}

// Resolution is what the resolver says about such a request. Either Status is
// 200 and there are Branches, or Body says what is wrong. It is immutable.
type Resolution struct {
	Status int
	Body   string
	// Class is the proxy class of the router.
	Class string
	// Dtab is the merged override in canonical text: it travels on.
	Dtab string
	// Branches are the shares of the requests.
	Branches []ResolvedBranch
}

// ResolvedBranch is a share of the requests, and what proxies need for it.
type ResolvedBranch struct {
	WeightedCluster
	Needs
}

// Needs are the clusters and load assignments that proxies must have for a cluster.
type Needs struct {
	Resources []*Resource
	// Local are the load assignments that differ by proxy, as in ClassSnapshot.
	Local map[string]map[Scope]*Resource
}

// Draw chooses a branch for one request by a number from 0 to 1.
func (r Resolution) Draw(draw float64) ResolvedBranch { return drawn(r.Branches, draw) }

// Resolve evaluates a request under the caller's own rules: those of
// l5d-ctx-dtab, then those of l5d-dtab, after the policies of l5d-ctx-dogfood
// and the router's table. The order is linkerd's (dtab-semantics, 7). At an
// untrusted router it trusts that the proxy hands on only what was granted.
func (m *Model) Resolve(o Override) Resolution {
	r, res := m.asked(o)
	if r == nil {
		return res
	}
	if r.spec.AdHocOverrides == nil {
		return Resolution{Status: 403, Body: "router " + o.Router + " takes no overrides from callers\n"}
	}
	own, status, reason := r.ownRules(o.Request)
	if status != 0 {
		return Resolution{Status: status, Body: reason + "\n"}
	}
	name, err := r.identify(o.Request)
	if err != nil {
		return Resolution{Status: 400, Body: "Unknown destination: " + err.Error() + "\n"}
	}
	active := dogfood.ParseContext(o.Request.Header[headerDogfood]).Active(m.policies)
	_, a, out := r.ask(name, active, own)
	switch {
	case out != "":
		return Resolution{Status: 403, Body: out + "\n"}
	case !a.routed():
		return Resolution{Status: 502, Body: r.unroutable(name, own, a)}
	}
	res = Resolution{Status: 200, Class: r.spec.ProxyClass, Dtab: own.String()}
	for _, b := range a.branches {
		placed, ok := r.place(m, b)
		if !ok {
			return Resolution{Status: 502, Body: "Unable to route request!\n"}
		}
		res.Branches = append(res.Branches, placed)
	}
	return res
}

// ResolveKey is equal for requests that have equal resolutions by this model;
// not ok if there is none, because nothing of the request matters.
func (m *Model) ResolveKey(o Override) (key string, ok bool) {
	r, _ := m.asked(o)
	if r == nil {
		return "", false
	}
	name, err := r.identify(o.Request)
	if err != nil {
		return "", false
	}
	parts := []string{o.Router, o.Class, name.String()}
	for _, header := range []string{headerDogfood, HeaderCtxDtab, HeaderDtab} {
		parts = append(append(parts, header), o.Request.Header[header]...)
	}
	return strings.Join(parts, "\n"), true // no header has a line break in it
}

// asked gives the router that a proxy asks for, or what to answer without one.
func (m *Model) asked(o Override) (*router, Resolution) {
	r, err := m.router(o.Router)
	if err != nil {
		return nil, Resolution{Status: 503, Body: err.Error() + "\n"}
	}
	if r.spec.ProxyClass != o.Class {
		return nil, Resolution{Status: 503, Body: fmt.Sprintf(
			"router %s is for proxies of class %s, not %q\n", r.key, r.spec.ProxyClass, o.Class)}
	}
	return r, Resolution{}
}

// ask evaluates a name under the router's table, the overrides of policies, and
// a caller's own rules; out says that these lead where they must not. What
// policies change falls back to what there is without them, unless one of them
// says otherwise.
func (r *router) ask(name dtab.Path, active []dogfood.Policy, own dtab.Dtab) (in *dtab.Interpreter, a answer, out string) {
	with := func(active []overlay) dtab.Dtab { return append(tableOf(active), own...) }
	overlays := make([]overlay, len(active))
	for i, p := range active {
		overlays[i] = overlayOf(p)
	}
	in = r.interpreter(with(overlays), nil)
	base := r.bind(r.interpreter(with(nil), nil), name, r.spec.Failover)
	a = under{router: r, name: name, base: base, active: overlays, tables: with}.answer()
	if len(own) > 0 && a.routed() {
		out = r.leadsOut(in, name, &a)
	}
	return in, a, out
}

// unroutable is the original's text. Outside it says nothing of the router's table.
func (r *router) unroutable(name dtab.Path, own dtab.Dtab, a answer) string {
	base := "base dtab:\n" + r.table.Dtab().Indented("  ")
	if r.untrusted() {
		base = ""
	}
	return fmt.Sprintf("Unable to route request!\n\nservice name: %s\n%soverride dtab:\n%s%s",
		name, base, own.Indented("  "), reason(a))
}

func reason(a answer) string {
	if a.message != "" {
		return "error: " + a.message + "\n"
	}
	return "outcome: " + string(a.outcome) + "\n"
}

// place makes what the proxy needs for a branch.
func (r *router) place(m *Model, br branch) (ResolvedBranch, bool) {
	cb := newClassBuilder(m.inventory)
	cb.source = "override at router " + r.key.String()
	b := &builder{router: r}
	to, ok := b.cluster(nil, br)
	for _, n := range b.needs {
		cb.keep(n.name, cb.fulfil(n))
	}
	placed := ResolvedBranch{to.weighted(br.share), Needs{Local: cb.snapshot.Local}}
	for _, t := range []string{ClusterType, EndpointType} {
		for _, name := range sortedKeys(cb.snapshot.Resources[t]) {
			placed.Resources = append(placed.Resources, cb.snapshot.Resources[t][name])
		}
	}
	return placed, ok
}

// ownRules reads the rules that a request carries itself, where the router
// takes them. A status other than 0 is the answer to rules that cannot be used.
func (r *router) ownRules(req Request) (own dtab.Dtab, status int, reason string) {
	if r.spec.AdHocOverrides == nil {
		return nil, 0, ""
	}
	for _, line := range r.ruleLines(req) {
		table, err := dtab.Parse(dtab.Source{Name: line.header}, line.text)
		if syntax, ok := errors.AsType[*dtab.SyntaxError](err); ok {
			return nil, 400, strings.ToValidUTF8(syntax.Upstream(), "\uFFFD")
		} else if err != nil {
			return nil, 400, err.Error()
		}
		own = append(own, named(table, line.header)...)
	}
	if reason := r.forbids(own); reason != "" {
		return nil, 403, reason
	}
	return own, 0, ""
}

type ruleLine struct{ header, text string }

// ruleLines gives the texts of a request's own rules, weakest first. From
// outside there are none in the context, and all lines were made one: a comma,
// which no rule has, parts them.
func (r *router) ruleLines(req Request) []ruleLine {
	var all []ruleLine
	if r.untrusted() {
		for text := range strings.SplitSeq(strings.Join(req.Header[HeaderDtab], ","), ",") {
			all = append(all, ruleLine{HeaderDtab, text})
		}
		return all
	}
	for _, header := range []string{HeaderCtxDtab, HeaderDtab} {
		for _, text := range req.Header[header] {
			all = append(all, ruleLine{header, text})
		}
	}
	return all
}
