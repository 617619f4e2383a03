package publish

import (
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// An Envoy refuses a listener at an address that another of its listeners has,
// also where the other is about to leave it. So a listener waits until whoever
// has its address was acknowledged elsewhere. Where each waits for another, one
// of them is removed, and comes back when its place is free. Listeners that are
// removed are in nobody's way: Envoy removes first, and hands their socket over.

// makeWay says what to do about a listener that cannot be given as it is wanted
// because of others' addresses. It does not wait when none is in the way.
func (p *Proxy) makeWay(k *kind, name string, want *translate.Resource) (act action, res *translate.Resource, waits bool) {
	others := p.inTheWay(k, name, want)
	if len(others) == 0 {
		return nothing, nil, false
	}
	unsure := len(k.open[name].rare().maybe) > 0
	has := k.given(name)
	if (has != nil || unsure) && p.gives(k, name, others) {
		return remove, nil, true
	}
	k.open[name].missing = others
	if has != nil && !unsure {
		return nothing, nil, true
	}
	// It left its place, or may have, but nobody left the other: so it goes back.
	if has == nil {
		_, scope := p.look(k.typ, name)
		has = p.class.memory.accepted[key{k.typ, name, scope}]
	}
	switch {
	case p.canHave(has) && has.Body != nil && len(p.inTheWay(k, name, has)) == 0:
		return give, has, true
	case unsure:
		return remove, nil, true
	}
	return nothing, nil, true
}

// lookAtWaiting has the listeners looked at that wait for others: where one of
// these goes may be another place now.
func (p *Proxy) lookAtWaiting(now time.Time, k *kind) {
	for name, it := range k.open {
		if it.missing != nil {
			k.look(now, name)
		}
	}
}

// inTheWay gives, sorted, the other listeners which have an address of this one
// and are not removed.
func (p *Proxy) inTheWay(k *kind, name string, want *translate.Resource) []string {
	var others []string
	see := func(other string, has *translate.Resource) {
		if other != name && has != nil && meet(has.Binds, want.Binds) && !slices.Contains(others, other) && !k.removes(other) {
			others = append(others, other)
		}
	}
	for other, has := range k.has.all() {
		see(other, has)
	}
	for other, it := range k.open {
		if it.flying > 0 {
			see(other, it.sent)
		}
		for _, r := range it.rare().maybe {
			see(other, r)
		}
	}
	slices.Sort(others)
	return others
}

// removes says that a removal of the name is on its way.
func (k *kind) removes(name string) bool {
	it := k.open[name]
	return it != nil && it.flying > 0 && it.sent == nil
}

// removedFirst puts listeners that are not wanted in front, so that they are known
// to be removed when others are decided about, which take their place at once.
func (p *Proxy) removedFirst(k *kind, batch []string) {
	rank := func(name string) int {
		if want, _ := p.look(k.typ, name); want == nil {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(batch, func(a, b string) int { return rank(a) - rank(b) })
}

// takenByOther is what an Envoy says of a listener whose address another of its
// listeners has.
const takenByOther = "duplicate address"

// leavesUnknown says that a listener is the first of several that wait for each other
// at places which are not known: of a proxy that came back only the versions are, and
// it says that each is in another's way. When one was removed it goes on as above.
func (p *Proxy) leavesUnknown(k *kind, name string) bool {
	var waiting []string
	for other, has := range k.has.all() {
		if want, _ := p.look(k.typ, other); has.Body != nil || want == nil {
			continue
		}
		if !p.waitsAtUnknown(k, other) {
			return false // it may be in the way, and stay there
		}
		waiting = append(waiting, other)
	}
	return len(waiting) > 1 && slices.Min(waiting) == name
}

func (p *Proxy) waitsAtUnknown(k *kind, name string) bool {
	it := k.open[name]
	if it == nil || it.flying > 0 {
		return false
	}
	want, _ := p.look(k.typ, name)
	t := it.rare()
	return t.refused != nil && t.refused.Version == want.Version && t.once != want.Version && strings.Contains(t.refused.Words, takenByOther)
}

// lookAtRefused has the listeners looked at that were refused, because another one was
// too: see leavesUnknown.
func (p *Proxy) lookAtRefused(now time.Time, k *kind) {
	for name, it := range k.open {
		if it.rare().refused != nil {
			k.look(now, name)
		}
	}
}

// meet says that two lists have an address in common.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(x string) bool { return slices.Contains(b, x) })
}

// gives says that a listener is the first of those that wait for each other for
// ever, and so the one that gives its place up. It does not for one that was
// refused before and is only tried once more.
func (p *Proxy) gives(k *kind, name string, others []string) bool {
	if p.triesAgain(k, name) {
		return false
	}
	seen := map[string]bool{}
	circle := false
	for work := others; len(work) > 0; work = work[1:] {
		other := work[0]
		if circle = circle || other == name; other == name || seen[other] {
			continue
		}
		seen[other] = true
		if other < name {
			return false
		}
		it := k.open[other]
		if it == nil || p.triesAgain(k, other) {
			return false // it stays
		}
		to, _ := p.choose(k, other, it)
		if to == nil || equal(to, k.given(other)) {
			return false // it stays, or stays away
		}
		work = append(work, p.inTheWay(k, other, to)...)
	}
	return circle
}
