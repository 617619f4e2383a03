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
	}
	it.missing = p.lacking(s.asks)
	if it.flying > 0 {
		it.missing = []string{s.heir.Name}
	}
	if it.missing == nil {
		return remove, nil
	}
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

// lacking gives, in words, those of what a listener asks for that the proxy does not have,
// a few of them. For what it refused the listener waits no longer.
func (p *Proxy) lacking(refs []translate.Ref) []string {
	var lacks []string
	for _, r := range refs {
		if !p.hasRef(r) {
			lacks = append(lacks, translate.ShortType(r.Type)+" "+r.Name)
		}
	}
	return lacks[:min(len(lacks), few)]
}

func (p *Proxy) hasRef(r translate.Ref) bool {
	k := p.kinds[r.Type]
	if k == nil {
		return false
	}
	if k.has.get(r.Name) == nil {
		it := k.open[r.Name]
		return it != nil && it.rare().refused != nil
	}
	if r.Type != translate.RouteType || !p.hasTable(r.Name) {
		return true
	}
	// Hosts that are on their way come before what is sent next.
	wants, hosts := p.class.tables.hosts[r.Name], p.kinds[translate.VirtualHostType]
	return len(wants) == 0 || hosts != nil && hosts.someOf(wants)
}
