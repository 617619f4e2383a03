package publish

import (
	"slices"

	"kibble.dev/translate"
)

// fate is where the content that a proxy is to have of a name comes from.
type fate int

const (
	wanted   fate = iota // it is what the class wants
	older                // it stands in for what was refused, or is no longer wanted
	withheld             // wanted, but refused, and there is nothing older
	absent               // not wanted
)

// choose says what the proxy is to have of a name.
func (p *Proxy) choose(k *kind, name string, it *item) (*translate.Resource, fate) {
	c := p.class
	want, scope := p.look(k.typ, name)
	id := key{k.typ, name, scope}
	if want == nil {
		if k.given(name) == nil && p.needs(k, name) {
			if r := c.memory.accepted[id]; p.canHave(r) {
				return r, older
			}
		}
		return nil, absent
	}
	t := it.rare()
	refused := t.refused != nil && t.refused.Version == want.Version || c.memory.hopeless(id, want.Version)
	tried := it.flying > 0 && equal(it.sent, want) // its answer will tell
	if t.once == want.Version && t.once != "" || !refused && (tried || !c.memory.bad(id, want.Version)) {
		return want, wanted
	}
	has, known := k.has.get(name), c.memory.accepted[id]
	if it.flying > 0 && it.sent != nil && !equal(it.sent, want) && !slices.Contains(t.bad, it.sent.Version) {
		has = it.sent // it is on its way back to that already
	}
	if known != nil && equal(known, want) || !p.canHave(known) {
		known = nil
	}
	switch {
	case has != nil && (has.Body != nil || known == nil):
		return has, older
	case known != nil:
		return known, older
	}
	if refused {
		return nil, withheld
	}
	return want, wanted
}

// canHave says that every cluster which older content names is there for the
// proxy, wanted or remembered, and that it is a whole table where it must be.
// That a proxy on demand has not asked for one does not help: see fetchAll.
func (p *Proxy) canHave(r *translate.Resource) bool {
	if r == nil || translate.InParts(r.Version) && p.whole(r.Name) {
		return false
	}
	k := p.kinds[translate.ClusterType]
	return !slices.ContainsFunc(r.Clusters, func(name string) bool {
		if p.class.target.has(translate.ClusterType, name) {
			return false
		}
		if k == nil {
			return p.returning // it has not said what it has
		}
		return (k.subscribed(name) || k.wildcard) && k.given(name) == nil &&
			p.class.memory.accepted[key{typ: translate.ClusterType, name: name}] == nil
	})
}

// needs says that the proxy needs a name that the class no longer wants,
// for the sake of older content that it was given.
func (p *Proxy) needs(k *kind, name string) bool {
	switch {
	case k.typ == translate.ClusterType:
		_, ok := p.extra[name]
		return ok
	case k.typ == translate.EndpointType:
		clusters := p.kinds[translate.ClusterType]
		return clusters != nil && clusters.given(name) != nil
	}
	return lingers(k.typ) && k.names.has(name)
}
