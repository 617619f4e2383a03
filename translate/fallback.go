package translate

import (
	"fmt"
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// under is a name at a router where certain policies hold. It answers for
// routes and for explain alike.
type under struct {
	router *router
	name   dtab.Path
	// base is the answer where no policy holds.
	base answer
	// active are the policies that hold, weakest first.
	active []overlay
	// tables gives what stands on top of the router's table: overrides, and perhaps
	// more.
	tables func([]overlay) dtab.Dtab
	// watch, if not nil, is told of each path that is looked up on the way.
	watch func(dtab.Path)
	// read, if not nil, is told of every path that is looked up for the answer.
	read func(dtab.Path)
}

// reading gives a function that tells read too.
func (u under) reading(watch func(dtab.Path)) func(dtab.Path) {
	switch {
	case u.read == nil:
		return watch
	case watch == nil:
		return u.read
	}
	return func(p dtab.Path) {
		u.read(p)
		watch(p)
	}
}

// answer gives the answer under the policies, and what their fallback makes of
// it: who stands in for an override's targets, which policies are passed over
// because their target is not there, and who is responsible.
func (u under) answer() answer {
	a := u.bound(u.active)
	leads, changed := a.leads(), a.leads() != u.base.leads()
	u.watch = nil
	for i := len(u.active) - 1; i >= 0; i-- {
		if i > 0 && changed && leads == u.bound(u.active[i:i+1]).leads() {
			a.owner = u.active[i].id // the same as by itself: whoever is weaker does not count
			break
		}
		without := u.base
		if i > 0 {
			without = u.bound(u.active[:i])
		}
		if leads != without.leads() {
			a.owner = u.active[i].id
			break
		}
		if u.active[i].baseline && u.missing(i) {
			a.fellBack = append(a.fellBack, u.active[i].id)
		}
	}
	slices.Reverse(a.fellBack)
	return a
}

// bound evaluates the name with overrides appended, and puts the baseline
// behind their targets where they allow it.
func (u under) bound(active []overlay) answer {
	in := u.router.interpreter(u.tables(active), u.reading(u.watch))
	failover := u.router.spec.Failover
	a := u.router.bind(in, u.name, failover)
	if !slices.ContainsFunc(active, func(o overlay) bool { return o.baseline }) {
		return a
	}
	if failover {
		return u.strangers(a, active)
	}
	base := u.base
	for i := len(active) - 1; i > 0 && !base.routed(); i-- {
		base = u.bound(active[:i]) // without the last policies there is still an environment
	}
	return fallBack(a, base, func() answer { return u.router.bind(in, u.name, true) })
}

// strangers marks, where the router's own alternatives stand behind each target,
// from where on they are none of the overrides'.
func (u under) strangers(a answer, active []overlay) answer {
	if !a.routed() || a.leads() == u.base.leads() {
		return a
	}
	strict := make([]overlay, len(active))
	for i, o := range active {
		strict[i] = overlay{id: o.id + "!", table: withoutFallback(o.table)}
	}
	own := u.router.bind(u.router.interpreter(u.tables(strict), u.reading(nil)), u.name, true)
	for i := range a.branches {
		b := &a.branches[i]
		for _, o := range own.branches {
			if len(b.chain) == 0 || len(o.chain) == 0 || b.chain[0].cluster != o.chain[0].cluster {
				continue
			}
			b.standIn = max(0, slices.IndexFunc(b.chain, func(t target) bool { return !containsTarget(o.chain, t) }))
		}
	}
	return a
}

// missing tells that policy i has a rule for the very name, and that it leads to
// nothing that exists. A rule for all names below a prefix does not promise that
// there is a service for each of them: an environment may hold only a few.
func (u under) missing(i int) bool {
	own := u.active[i].table
	exact := map[int]bool{} // entries of it
	watch := func(path dtab.Path) {
		for n, d := range own {
			if len(d.Prefix) == len(path) && d.Prefix.Matches(path) {
				exact[n] = true
			}
		}
	}
	if _, err := u.router.interpreter(u.tables(u.active[:i+1]), u.reading(watch)).Bind(u.name); err != nil || len(exact) == 0 {
		return false
	}
	strict := overlay{id: fmt.Sprint(u.active[i].id, exact), table: slices.Clone(own)}
	for n := range exact {
		strict.table[n].Dst = dtab.Alt{own[n].Dst, dtab.Fail{}}
	}
	table := u.tables(append(slices.Clone(u.active[:i]), strict))
	return u.router.bind(u.router.interpreter(table, u.reading(nil)), u.name, false).outcome == dtab.OutcomeFail
}

// tableOf gives the overrides of policies as one table, weakest first.
func tableOf(active []overlay) dtab.Dtab {
	var t dtab.Dtab
	for _, o := range active {
		t = append(t, o.table...)
	}
	return t
}

// overlayOf is a policy, as routers see it.
func overlayOf(p dogfood.Policy) overlay {
	return overlay{
		id: p.ID, family: p.Family, table: p.Override, pos: p.Pos,
		baseline: p.Fallback != v1alpha1.FallbackFail,
	}
}
