package translate

import (
	"maps"
	"slices"
	"strings"
)

// update brings the domains of the table before to what has been explored now. It
// gives the names of the domains that may need another virtual host.
func (t *hostTable) update(r *router, last *hostTable) map[string]bool {
	gone, come := cellChanges(last.explored.nodes, t.explored.nodes)
	changed := map[string]bool{}
	if len(gone)+len(come) > 0 {
		changed = t.regroup(r, gone, come)
		t.reprune(r, changed)
	}
	if overlaysMoved(last.explored.overlays, t.explored.overlays) {
		t.retell(last, changed)
	}
	return changed
}

// cellChanges gives the cells that are not there any more, and those that have come.
func cellChanges(was, is []*node) (gone, come []*cell) {
	cellOf := func(nodes []*node, i int) *cell {
		if i < len(nodes) && nodes[i] != nil {
			return nodes[i].cell
		}
		return nil
	}
	for i := range max(len(was), len(is)) {
		a, b := cellOf(was, i), cellOf(is, i)
		if a == b {
			continue
		}
		if a != nil {
			gone = append(gone, a)
		}
		if b != nil {
			come = append(come, b)
		}
	}
	return gone, come
}

// regroup gives domains other cells, and gives the names of the domains that are
// others than before.
func (t *hostTable) regroup(r *router, gone, come []*cell) map[string]bool {
	host := r.identifier.host()
	lost, own := map[*cell]bool{}, map[string][]*cell{}
	var general []*cell
	for _, c := range gone {
		lost[c] = true
		own[c.domain] = nil
	}
	for _, c := range come {
		own[c.domain] = append(own[c.domain], c)
	}
	for _, c := range slices.Concat(gone, come) {
		if c.general(host) {
			general = append(general, c)
		}
	}
	if len(general) > 0 {
		isLost := func(c *cell) bool { return lost[c] }
		t.general = slices.DeleteFunc(slices.Clone(t.general), isLost)
		for _, c := range come {
			if c.general(host) {
				t.general = append(t.general, c)
			}
		}
		t.domains.each(func(name string, d *domain) {
			if slices.ContainsFunc(general, func(c *cell) bool { return d.sees(c, r, host) }) {
				own[name] = slices.Clip(own[name])
			}
		})
	}
	changed := map[string]bool{}
	for name, more := range own {
		was := t.domains.get(name)
		next := &domain{name: name, base: pattern{open: true}, own: more}
		if was != nil {
			next.base = was.base
			next.own = append(slices.DeleteFunc(slices.Clone(was.own), func(c *cell) bool { return lost[c] }), more...)
		} else {
			next.base = more[0].hosts
		}
		if len(next.own) == 0 && name != everyHost {
			t.domains.set(name, nil)
			changed[name] = true
			continue
		}
		r.complete(next, t.general, host)
		if was != nil {
			next.wide, next.pruned = was.wide, was.pruned
			if slices.EqualFunc(was.cells, next.cells, sameCell) {
				next.made = was.made
			}
		}
		changed[name] = true
		t.domains.set(name, next)
	}
	return changed
}

// sameCell tells that two cells make the same routes.
func sameCell(a, b *cell) bool {
	return a == b || a.same == b.same && a.region.key() == b.region.key()
}

// reprune decides anew about the domains that changed, and those that a wider one
// which changed may stand for.
func (t *hostTable) reprune(r *router, changed map[string]bool) {
	wider, came := false, map[string]bool{}
	for name := range changed {
		suffix, wild := strings.CutPrefix(name, "*.")
		wider = wider || wild || name == everyHost
		if wild && t.wild[suffix] != (t.domains.get(name) != nil) {
			came[suffix] = true
		}
	}
	if len(came) > 0 {
		t.wild = maps.Clone(t.wild)
		for suffix := range came {
			t.wild[suffix] = !t.wild[suffix]
		}
	}
	s := siblings{named: t.domains.get, wild: t.wild}
	again := maps.Clone(changed)
	if wider {
		t.domains.each(func(name string, d *domain) {
			if d.wide != "" && (changed[d.wide] || len(came) > 0 && s.wider(name) != d.wide) {
				again[name] = true
			}
		})
	}
	for name := range again {
		d := t.domains.get(name)
		if d == nil {
			continue
		}
		wide, pruned := r.covered(d, s)
		if wide == d.wide && pruned == d.pruned {
			continue
		}
		next := *d
		next.wide, next.pruned = wide, pruned
		t.domains.set(name, &next)
		changed[name] = true
	}
}

// overlaysMoved tells that a policy that has stayed is written elsewhere.
func overlaysMoved(was, is []overlay) bool {
	at := map[string]overlay{}
	for _, o := range was {
		at[o.id] = o
	}
	return slices.ContainsFunc(is, func(o overlay) bool {
		before, there := at[o.id]
		return there && before.pos != o.pos
	})
}

// retell takes away the virtual hosts that say where a policy was written.
func (t *hostTable) retell(last *hostTable, changed map[string]bool) {
	at := map[string]overlay{}
	for _, o := range last.explored.overlays {
		at[o.id] = o
	}
	var again []*domain
	t.domains.each(func(_ string, d *domain) {
		if d.made != nil && slices.ContainsFunc(d.policies(), func(p int) bool {
			o := t.explored.overlays[p]
			return at[o.id].pos != o.pos
		}) {
			again = append(again, d)
		}
	})
	for _, d := range again {
		next := *d
		next.made = nil
		t.domains.set(d.name, &next)
		changed[d.name] = true
	}
}
