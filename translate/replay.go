package translate

import (
	"reflect"
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// exploration is what was explored of a router, and of what.
type exploration struct {
	explored
	router   *router
	overlays []overlay
	found    []dtab.Finding
	// cells of a router whose names are not made of regions.
	cells []*cell
}

// explore explores a router. Of an earlier exploration, which may be nil, all
// stays that has read nothing of what has changed since; services are those whose
// names may mean something else. What it gives is what there is without it.
func (m *Model) explore(r *router, last *exploration, services []Key) *exploration {
	if r.identifier.kind == identifyIngress {
		e := newExplorer(r, m.names, m.overlays)
		cells := e.exploreIngress()
		m.frugal.Store(r.key, false)
		return &exploration{explored: e.explored, router: r, overlays: m.overlays, found: e.findings(), cells: cells}
	}
	e := m.replay(r, last, services)
	if e == nil {
		e = exploreAll(r, m.names, m.overlays)
	}
	e.numbers.byKey = e.numbers.byKey.closed()
	m.frugal.Store(r.key, e.frugal)
	return &exploration{explored: e.explored, router: r, overlays: m.overlays, found: e.findings()}
}

// prepare sees to it that the next exploration can start from this one.
func (x *exploration) prepare() {
	if x.reads == nil && x.cells == nil && !x.over {
		x.reads = newReadIndex(x.nodes, x.marks)
	}
}

// replay walks over what was explored before, and explores anew what has read
// something else. It is nil where to begin again is better, or must be.
func (m *Model) replay(r *router, last *exploration, services []Key) *explorer {
	if last == nil || last.reads == nil || last.over || !r.alike(last.router) {
		return nil
	}
	if until, _ := r.substitutions(); len(until) > 0 && len(services) > 0 {
		return nil // what stands in place of answers is not among what was read
	}
	edits := editsBetween(last, r, m.overlays)
	edits.prefixes = append(edits.prefixes, r.namesOf(services)...)
	if len(edits.prefixes) > 64+last.live/16 {
		return nil
	}
	e := unmarkedExplorer(r, m.names, m.overlays)
	words, ok := e.remark(last.marks, edits)
	if !ok {
		return nil
	}
	e.nodes, e.numbers, e.frugal = slices.Clone(last.nodes), last.numbers, last.frugal
	e.numbers.byKey = e.numbers.byKey.open()
	stale := last.stale(edits.prefixes, words)
	var anew []int32
	e.walk(func(number int32) *node {
		var was *node
		if int(number) < len(e.nodes) {
			was = e.nodes[number]
		}
		switch {
		case was == nil:
			anew = append(anew, number)
			return e.visit(e.pending[number], nil)
		case !stale[number]:
			return was.renumbered(edits)
		}
		anew = append(anew, number)
		n := e.visit(was.region, was)
		if same := was.renumbered(edits); n.cell.equal(same.cell) {
			n.cell = same.cell
		}
		return n
	})
	if e.over || e.work >= e.most() || e.frugal != (e.combined > maxCombined) || len(e.nodes) > 1024+2*e.live {
		return nil
	}
	e.reads = last.reads.with(e.nodes, anew)
	return e
}

// alike tells that two forms of a router differ in nothing but their tables, as
// far as an exploration goes.
func (r *router) alike(o *router) bool {
	plain := func(s v1alpha1.RouterSpec) v1alpha1.RouterSpec {
		s.Dtab, s.DtabRef, s.TLS, s.Tracing = "", nil, nil, nil
		return s
	}
	return r.identifier.kind != identifyIngress && r.portsCount() == o.portsCount() && r.key == o.key &&
		reflect.DeepEqual(plain(r.spec), plain(o.spec))
}

// namesOf gives the prefixes of the names by which a router's namers know Services.
func (r *router) namesOf(services []Key) []dtab.Prefix {
	var all []dtab.Prefix
	for _, n := range r.namers {
		prefix := dtab.Prefix{{Label: "#"}}
		for _, segment := range n.prefix {
			prefix = append(prefix, dtab.Elem{Label: segment})
		}
		for _, key := range services {
			own := slices.Clip(prefix)
			switch n.config.Kind {
			case dtab.KindK8s, dtab.KindK8sExternal:
				own = append(own, dtab.Elem{Label: key.Namespace})
			case dtab.KindK8sNS:
				if !strings.EqualFold(n.namespace, key.Namespace) {
					continue
				}
			default:
				continue
			}
			all = append(all, append(own, dtab.Elem{Any: true}, dtab.Elem{Label: key.Name}))
		}
	}
	return all
}

// remark gives the explorer the marks that it would have anew, and the words of
// which tables have come to hold a spelling, or hold it no more. It is not ok if
// the marks are others than before.
func (e *explorer) remark(last marks, edits edits) (changed map[string]bool, ok bool) {
	spells := e.router.identifier.spells()
	first := newMarks(false)
	if !spells && last.text == first.text && last.method == first.method && last.port == first.port {
		// What stayed holds no mark.
		e.marks = newMarks(false, append(e.texts, edits.come.String())...)
	} else {
		e.marks = newMarks(spells, append(e.texts, e.router.table.Dtab().String())...)
	}
	if e.marks.text != last.text || e.marks.method != last.method || e.marks.port != last.port {
		return nil, false
	}
	changed = map[string]bool{}
	for _, two := range [][2]map[string]bool{{last.words, e.marks.words}, {e.marks.words, last.words}} {
		for w := range two[0] {
			if !two[1][w] {
				changed[strings.ToLower(w)] = true
			}
		}
	}
	return changed, true
}

// stale gives the nodes that may have read what an edit is about.
func (x *exploration) stale(prefixes []dtab.Prefix, words map[string]bool) map[int32]bool {
	all := map[int32]bool{}
	for _, p := range prefixes {
		x.reads.each(x.nodes, p, func(number int32) { all[number] = true })
	}
	if len(words) > 0 {
		for number, n := range x.nodes {
			if n != nil && n.region.spells(words) {
				all[int32(number)] = true
			}
		}
	}
	return all
}

// spells tells that a literal of any spelling in the region is one of some words,
// which are in lower case.
func (r region) spells(words map[string]bool) bool {
	return slices.ContainsFunc(r.parts, func(p pattern) bool {
		return slices.ContainsFunc(p.atoms, func(a atom) bool { return a.fold && words[strings.ToLower(a.lit)] })
	})
}

// edits is what has changed for a router since it was explored.
type edits struct {
	// prefixes of all rules that came or went.
	prefixes []dtab.Prefix
	// come are the rules of the router's table that came.
	come dtab.Dtab
	// policies are the new numbers of those that were there before; -1: it is not
	// there, or is another one. Nil: they are what they were.
	policies []int
}

func editsBetween(last *exploration, r *router, overlays []overlay) edits {
	var e edits
	gone, come := dtab.Edits(last.router.table.Dtab(), r.table.Dtab())
	for _, i := range gone {
		e.prefixes = append(e.prefixes, last.router.table.Dtab()[i].Prefix)
	}
	for _, i := range come {
		d := r.table.Dtab()[i]
		e.come = append(e.come, d)
		e.prefixes = append(e.prefixes, d.Prefix)
	}
	all := func(o overlay) {
		for _, d := range o.table {
			e.prefixes = append(e.prefixes, d.Prefix)
		}
	}
	byID := map[string]int{}
	for i, o := range overlays {
		byID[o.id] = i
	}
	kept, moved, next := map[int]bool{}, len(overlays) != len(last.overlays), -1
	e.policies = make([]int, len(last.overlays))
	for i, o := range last.overlays {
		j, there := byID[o.id]
		// One that has passed another is taken for a new one.
		if !there || j <= next || !o.says(overlays[j]) {
			all(o)
			e.policies[i], moved = -1, true
			continue
		}
		next, kept[j], e.policies[i] = j, true, j
		moved = moved || i != j
	}
	for j, o := range overlays {
		if !kept[j] {
			all(o)
		}
	}
	if !moved {
		e.policies = nil
	}
	return e
}

// says tells that two overlays mean the same.
func (o overlay) says(p overlay) bool {
	if o.id != p.id || o.family != p.family || o.baseline != p.baseline {
		return false
	}
	gone, come := dtab.Edits(o.table, p.table)
	return len(gone)+len(come) == 0
}

// renumbered gives the node with the numbers that its policies have now. None of
// them has gone: that would be something that the node has read.
func (n *node) renumbered(e edits) *node {
	if e.policies == nil || len(n.cell.variants) == 0 && len(n.wide) == 0 {
		return n
	}
	if !slices.ContainsFunc(n.cell.variants, func(v variant) bool { return e.moves(v.policies) }) && !e.moves(n.wide) {
		return n
	}
	next, c := *n, *n.cell
	next.cell, next.wide = &c, e.renumber(n.wide)
	c.key, c.variants = "", slices.Clone(c.variants)
	for i, v := range c.variants {
		c.variants[i].policies = e.renumber(v.policies)
	}
	return &next
}

func (e edits) moves(policies []int) bool {
	return slices.ContainsFunc(policies, func(p int) bool { return e.policies[p] != p })
}

func (e edits) renumber(policies []int) []int {
	next := make([]int, len(policies))
	for i, p := range policies {
		next[i] = e.policies[p]
	}
	return next
}

// equal tells that two cells of a region say the same.
func (c *cell) equal(o *cell) bool {
	return c.name.Equal(o.name) && slices.EqualFunc(c.sample.values, o.sample.values, slices.Equal) &&
		c.base.equal(o.base) && slices.EqualFunc(c.variants, o.variants, func(a, b variant) bool {
		return slices.Equal(a.policies, b.policies) && a.answer.equal(b.answer)
	})
}

// equal tells that two answers are the same in every respect.
func (a answer) equal(b answer) bool {
	same := func(x, y target) bool {
		return x.cluster == y.cluster && x.id.Equal(y.id) && reflect.DeepEqual(x.namer, y.namer)
	}
	return a.key() == b.key() && slices.EqualFunc(a.branches, b.branches, func(x, y branch) bool {
		return x.share == y.share && slices.EqualFunc(x.chain, y.chain, same)
	})
}
