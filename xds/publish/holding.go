package publish

import (
	"slices"
	"strings"

	"kibble.dev/translate"
)

// The states of a resource at a proxy.
const (
	HoldAccepted = "accepted" // it has what it is to have
	HoldSent     = "sent"     // it has not answered yet
	HoldRefused  = "refused"  // it refused what it is to have
	HoldWithheld = "withheld" // another proxy refused what it is to have, so it is not given it
	HoldWaits    = "waits"    // it is to get it once it has the clusters that it names
	HoldBehind   = "behind"   // it is to get another version, or the first
	HoldRetiring = "retiring" // it has it, and it is to go
)

// Holding is a resource as one proxy has it, or is to have it.
type Holding struct {
	Type, Name, State string
	// Accepted is what the proxy has, and Wanted what it is to have; nil for
	// nothing. Of what it had before it connected only the version may be known.
	Accepted, Wanted *translate.Resource
	// Words are the proxy's own, where State is refused.
	Words string
	// WaitsFor are some of the clusters that State waits is about.
	WaitsFor []string
}

// Holdings gives what the proxy has and is to have of the types that it asked
// for, in the order of Types, then by name.
func (p *Proxy) Holdings() []Holding {
	var all []Holding
	for _, typ := range p.Asked() {
		k := p.kinds[typ]
		var of []Holding
		for name := range k.has.all() {
			of = append(of, p.holding(k, name))
		}
		for name := range k.open {
			if k.has.get(name) == nil {
				of = append(of, p.holding(k, name))
			}
		}
		slices.SortFunc(of, func(a, b Holding) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, slices.DeleteFunc(of, func(h Holding) bool { return h.Accepted == nil && h.Wanted == nil })...)
	}
	return all
}

func (p *Proxy) holding(k *kind, name string) Holding {
	h := Holding{Type: k.typ, Name: name, State: HoldAccepted, Accepted: k.has.get(name)}
	if p.class.target == nil {
		return h
	}
	var scope translate.Scope
	h.Wanted, scope = p.look(k.typ, name)
	it := k.open[name]
	switch {
	case it != nil && it.rare().refused != nil && h.Wanted != nil && it.rare().refused.Version == h.Wanted.Version:
		h.State, h.Words = HoldRefused, it.rare().refused.Words
	case h.Wanted == nil:
		h.State = HoldRetiring
	case equal(h.Accepted, h.Wanted):
	case p.class.memory.bad(key{k.typ, name, scope}, h.Wanted.Version):
		h.State = HoldWithheld
	case it != nil && it.missing != nil:
		h.State, h.WaitsFor = HoldWaits, it.missing
	case it != nil && it.flying > 0:
		h.State = HoldSent
	default:
		h.State = HoldBehind
	}
	return h
}
