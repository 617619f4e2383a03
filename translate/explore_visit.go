package translate

import (
	"fmt"
	"strings"

	"kibble.dev/dtab"
)

// visit evaluates a region: without policies, with each one that can matter,
// and with those that can matter together.
func (e *explorer) visit(r region, was *node) *node {
	n := &node{region: r}
	e.at, e.was, e.read = n, was, pathSet{}
	clear(e.watched)
	s := newSample(r, e.router.identifier.vars, e.marks)
	c := &cell{region: r, sample: s, name: e.router.identifier.name(s.values), same: &token{}}
	c.place(e.router.identifier.host())
	n.cell = c
	e.evaluate(s, c)
	n.reads = e.read.list
	return n
}

// evaluate gives a cell its answers, and tells whether they are those of every
// combination of policies.
func (e *explorer) evaluate(s *sample, c *cell) (all bool) {
	var passed map[int]bool
	touched := map[int]bool{}
	c.base = e.router.bind(e.router.interpreter(nil, e.watch(s, touched)), c.name, e.router.spec.Failover)
	e.add(s.spelled(c.base.leads()))
	done := map[string]bool{}
	for len(touched) > 0 {
		var sets [][]int
		sets, passed = e.sets(touched, c)
		grown := false
		for _, set := range sets {
			key := fmt.Sprint(set)
			if done[key] {
				continue
			}
			done[key], grown = true, true
			c.variants = append(c.variants, variant{policies: set, answer: e.evaluateSet(s, c, set, touched)})
		}
		if !grown {
			break
		}
	}
	c.variants = useful(c, passed)
	return passed == nil
}

// evaluateSet gives the answer where a set of policies holds.
func (e *explorer) evaluateSet(s *sample, c *cell, set []int, touched map[int]bool) answer {
	active := make([]overlay, len(set))
	for i, p := range set {
		active[i] = e.overlays[p]
	}
	a := under{
		router: e.router, name: c.name, base: c.base, active: active, tables: e.table,
		watch: e.watch(s, touched), read: func(p dtab.Path) { e.read.add(p) },
	}.answer()
	e.add(s.spelled(a.leads()))
	return a
}

// watch follows up all that the evaluation of a sample compares, and notes the
// policies that it meets.
func (e *explorer) watch(s *sample, touched map[int]bool) func(dtab.Path) {
	w := walker{
		sample:  s,
		matched: func(owner int) { touched[owner] = true },
		found:   e.add,
		labels:  func(segment string, labels []string) { e.flip(s, segment, labels, false) },
	}
	return func(path dtab.Path) {
		e.at.work++
		e.read.add(path)
		key := strings.Join(path, "\x00")
		if e.watched[key] {
			return
		}
		e.watched[key] = true
		e.index.walk(path, w)
		w.table(e.router.table.Root(), path, -1)
		e.namerFlips(path, s)
	}
}

// table gives the overrides of policies as one table, weakest first.
func (e *explorer) table(active []overlay) dtab.Dtab {
	if len(active) == 0 {
		return nil
	}
	ids := make([]string, len(active))
	for i, o := range active {
		ids[i] = o.id
	}
	key := strings.Join(ids, ",")
	t, ok := e.tables[key]
	if !ok {
		t = tableOf(active)
		e.tables[key] = t
	}
	return t
}
