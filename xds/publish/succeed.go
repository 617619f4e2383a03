package publish

import (
	"slices"

	"kibble.dev/translate"
)

// A listener whose addresses another one is to have does not leave them at once. The
// other one accepts nobody before it has its table, filters and secrets, and if Envoy
// were told otherwise meanwhile, it would drop whoever waits there. So the one that goes
// is first given what the other one says, under its own name: Envoy goes on by what the
// listener was until it has all that it is to be. Then they take turns, and the other
// one lacks nothing.

// succession is what a listener is given whose addresses another one is to have.
type succession struct {
	heir *translate.Resource // the other one, as it is wanted
	lent *translate.Resource // the same, under the name of the one that goes
	asks []translate.Ref     // what it has a proxy ask for
}

// handOver decides about a listener that the proxy has and that is no longer wanted.
func (p *Proxy) handOver(k *kind, name string, it *item) (action, *translate.Resource) {
	s := p.succeeds(k, name, it)
	switch {
	case s == nil, slices.Contains(it.rare().bad, s.lent.Version):
		return remove, nil
	case !equal(k.given(name), s.lent):
		return give, s.lent
	case it.flying == 0 && p.hasAll(s.asks):
		return remove, nil
	}
	it.missing = []string{s.heir.Name}
	p.handsOver = true
	return nothing, nil
}

// succeeds gives the succession of a listener, nil if no other one simply takes its place.
func (p *Proxy) succeeds(k *kind, name string, it *item) *succession {
	has := k.given(name)
	if has == nil || has.Body == nil || it.rare().maybe != nil {
		return nil
	}
	var heir *translate.Resource
	for other, o := range k.open {
		if other == name || !k.subscribed(other) || k.has.get(other) != nil || o.mayBeThere() {
			continue
		}
		want, f := p.choose(k, other, o)
		if f != wanted || !meet(want.Binds, has.Binds) {
			continue
		}
		if heir != nil {
			return nil
		}
		heir = want
	}
	if heir == nil || heir.Asks != translate.AsksBy(has.Version) || !sameAddresses(heir, has) || p.missing(heir) != nil {
		return nil
	}
	if s := it.rare().succession; s != nil && equal(s.heir, heir) {
		return s
	}
	lent, err := translate.Under(name, heir)
	if err != nil {
		return nil
	}
	asks, err := translate.AskedBy(heir)
	if err != nil {
		return nil
	}
	it.own().succession = &succession{heir, lent, asks}
	return it.trouble.succession
}

func sameAddresses(a, b *translate.Resource) bool {
	return slices.Equal(slices.Sorted(slices.Values(a.Binds)), slices.Sorted(slices.Values(b.Binds)))
}

// hasAll says that the proxy has these: a listener that asks for them accepts. One that
// it refused it waits for no longer.
func (p *Proxy) hasAll(refs []translate.Ref) bool {
	for _, r := range refs {
		k := p.kinds[r.Type]
		if k == nil {
			return false
		}
		it := k.open[r.Name]
		refused := it != nil && it.rare().refused != nil
		hosts := p.class.tables.hosts[r.Name]
		switch {
		case k.has.get(r.Name) == nil && !refused:
			return false
		case r.Type == translate.RouteType && p.hasTable(r.Name) && len(hosts) > 0 && !p.hasSomeOf(hosts):
			return false
		}
	}
	return true
}

// hasSomeOf says that the proxy has one of these hosts.
func (p *Proxy) hasSomeOf(hosts byName) bool {
	k := p.kinds[translate.VirtualHostType]
	if k == nil {
		return false
	}
	for name := range hosts {
		if k.has.get(name) != nil {
			return true
		}
	}
	return false
}
