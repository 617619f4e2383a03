package translate

import (
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// RouterSummary is what people want to know first of a router.
type RouterSummary struct {
	// Name is namespace/name.
	Name  string `json:"name"`
	Class string `json:"proxyClass"`
	Port  int32  `json:"port"`
	// Untrusted says that policies are decided here, and foreign context removed.
	Untrusted bool `json:"untrusted"`
	// Source is where the object was written.
	Source string `json:"source"`
	// Text is the router's own table as somebody wrote it.
	Text string `json:"-"`
	// Shared is the Dtab object whose rules come before it, "" if there is none.
	Shared string `json:"shared,omitempty"`
}

// Routers gives the routers that can be served, in the order of their names.
func (m *Model) Routers() []RouterSummary {
	all := make([]RouterSummary, 0, len(m.routers))
	for _, r := range m.routers {
		all = append(all, r.summary())
	}
	return all
}

// RouterSummary describes the router of a name, or of namespace/name; not ok if
// none of that name can be served, or several.
func (m *Model) RouterSummary(name string) (s RouterSummary, ok bool) {
	r, err := m.router(name)
	if err != nil {
		return s, false
	}
	return r.summary(), true
}

func (r *router) summary() RouterSummary {
	s := RouterSummary{
		Name: r.key.String(), Class: r.spec.ProxyClass, Port: r.spec.Port, Untrusted: r.untrusted(),
		Source: r.origin.Field("spec").At(1, 1).String(), Text: r.spec.Dtab,
	}
	if ref := r.spec.DtabRef; ref != nil {
		s.Shared = Key{r.key.Namespace, ref.Name}.String()
	}
	return s
}

// Policies gives the policies that are served, members of families one by one.
// Their rules are as they are evaluated: with fallback fail, each ends in "!".
func (m *Model) Policies() []dogfood.Policy { return slices.Clone(m.policies) }

// deciding gives the routers at which a policy is decided.
func (m *Model) deciding(id string) []string {
	var names []string
	for _, r := range m.routers {
		if slices.ContainsFunc(m.decidedAt(r), func(p dogfood.Policy) bool { return p.ID == id }) {
			names = append(names, r.key.String())
		}
	}
	return names
}

// Alive counts the places behind a service as a Row of the router names it, and
// those of them that are ready, before transformers change any. It is not ok
// for texts that are not one service: several names in one, or an answer.
func (m *Model) Alive(router, service string) (ready, all int, ok bool) {
	id, err := dtab.ParsePath(service)
	r := m.named(router)
	if err != nil || r == nil {
		return 0, 0, false
	}
	n := r.namerOf(id)
	if n == nil {
		return 0, 0, false
	}
	places, ok := n.places(m.inventory, id, false)
	for _, p := range places {
		if p.ready {
			ready++
		}
	}
	return ready, len(places), ok
}

// override gives a policy's rules as somebody wrote them.
func (m *Model) override(p dogfood.Policy) string {
	if src := m.good[Key{p.Namespace, p.Name}]; src != nil {
		return src.Object.Spec.Override
	}
	return p.Override.Indented("")
}

// PolicySummary is what people want to know of a policy beside its condition.
type PolicySummary struct {
	dogfood.Policy
	// Text is the override as somebody wrote it; of a family with {namespace}.
	Text string
	// Fails says that a request is refused where the override cannot answer.
	Fails bool
	// Routers are those at which it is decided.
	Routers []string
}

// PolicySummary describes a policy by its id; not ok if none of the id is served.
func (m *Model) PolicySummary(id string) (s PolicySummary, ok bool) {
	i := slices.IndexFunc(m.policies, func(p dogfood.Policy) bool { return p.ID == id })
	if i < 0 {
		return s, false
	}
	p := m.policies[i]
	return PolicySummary{Policy: p, Text: m.override(p), Fails: p.Fallback == v1alpha1.FallbackFail, Routers: m.deciding(id)}, true
}
