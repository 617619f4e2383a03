package translate

import (
	"maps"
	"slices"
	"strings"
)

// comparison asks two forms of a router about the same requests. It explores both
// at once: wherever one of them tells requests apart, both are asked about
// each, so that no difference hides behind the narrower rule of the other.
type comparison struct {
	forms [2]form // old, new
	ids   []string
	over  bool
	found map[*sample][]Move
}

// form is one of the two.
type form struct {
	*explorer
	builder *builder
}

func newComparison(old, now *Model, before, after *router) *comparison {
	x := &comparison{found: map[*sample][]Move{}}
	x.forms[0] = newForm(old, before)
	x.forms[1] = newForm(now, after)
	texts := slices.Concat(x.forms[0].texts, x.forms[1].texts)
	m := newMarks(after.identifier.spells(), append(texts, before.table.Dtab().String(), after.table.Dtab().String())...)
	x.forms[0].marks, x.forms[1].marks = m, m
	for _, f := range x.forms {
		for _, o := range f.overlays {
			x.ids = append(x.ids, o.id)
		}
	}
	x.ids = union(x.ids, nil)
	return x
}

func newForm(m *Model, r *router) form {
	e := newExplorer(r, m.names, m.overlays)
	e.frugal = m.isFrugal(r)
	return form{explorer: e, builder: &builder{router: r, overlays: m.overlays}}
}

// moves gives the hosts that lead elsewhere, in the order of their domains.
func (x *comparison) moves() []Move {
	r := x.forms[1].router
	var moves []Move
	domains := r.prune(r.domains(x.explore()))
	for _, d := range domains {
		for _, c := range d.cells {
			for _, m := range x.found[c.sample] {
				m.Except = x.staying(d, domains)
				m.Router, m.Host = r.key.String(), d.name
				m.Match = x.forms[1].builder.describeMatch(d, c)
				moves = append(moves, m)
			}
		}
	}
	return moves
}

// staying gives the narrower domains whose hosts all stay where they are.
func (x *comparison) staying(in *domain, all []*domain) []string {
	if !strings.HasPrefix(in.name, "*") {
		return nil
	}
	var names []string
	for _, d := range all {
		inside := d != in && strings.HasSuffix(d.name, strings.TrimPrefix(in.name, "*"))
		if inside && !slices.ContainsFunc(d.cells, func(c *cell) bool { return len(x.found[c.sample]) > 0 }) {
			names = append(names, d.name)
		}
	}
	return names
}

// explore gives cells whose answers say what is different, so that those that
// differ alike are merged as those of a route table are.
func (x *comparison) explore() []*cell {
	a, b := x.forms[0], x.forms[1]
	var cells []*cell
	var queue []region
	done := map[string]bool{}
	add := func(regions []region) {
		for _, r := range regions {
			key := r.key()
			switch {
			case done[key]:
			case len(done) >= maxCells:
				x.over = true
			default:
				done[key] = true
				queue = append(queue, r)
			}
		}
	}
	for add(a.roots()); len(queue) > 0 && a.work+b.work < a.most()+b.most(); {
		next := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		old, now := a.visit(next, nil), b.visit(next, nil)
		a.take(old)
		b.take(now)
		cells = append(cells, x.compare(old.cell, now.cell))
		add(a.leads(old))
		add(b.leads(now))
	}
	x.over = x.over || len(queue) > 0
	return cells
}

// leads gives the regions that a node leads to.
func (f form) leads(n *node) []region {
	var all []region
	add := func(numbers []int32) {
		for _, number := range numbers {
			all = append(all, f.pending[number])
		}
	}
	add(n.next)
	for _, fl := range n.flips {
		add(fl.to)
	}
	return all
}

// compare makes a cell of what two cells of one region say differently.
func (x *comparison) compare(old, now *cell) *cell {
	c := &cell{region: now.region, sample: now.sample, name: now.name}
	c.place(x.forms[1].router.identifier.host())
	c.base.message = "="
	reported := map[string][][]string{} // sets of policies by from and to
	for _, set := range x.sets(old, now) {
		from, fromKey := x.forms[0].under(old, set)
		to, toKey := x.forms[1].under(now, set)
		key := fromKey + "\x03" + toKey
		if fromKey == toKey || slices.ContainsFunc(reported[key], func(s []string) bool { return subset(s, set) }) {
			continue
		}
		reported[key] = append(reported[key], set)
		why := causes(x.forms[0].trace(old, set), x.forms[1].trace(now, set))
		x.found[c.sample] = append(x.found[c.sample], Move{Policies: set, From: from, To: to, Why: why})
		different := answer{message: key}
		if len(set) == 0 {
			c.base = different
			continue
		}
		v := variant{answer: different}
		for _, id := range set {
			v.policies = append(v.policies, slices.Index(x.ids, id))
		}
		c.variants = append(c.variants, v)
	}
	return c
}

// sets gives the sets of policies that either form has an answer of its own
// for, the empty one first, smaller ones before larger ones.
func (x *comparison) sets(old, now *cell) [][]string {
	all := map[string][]string{"": nil}
	for i, c := range []*cell{old, now} {
		for _, v := range c.variants {
			var ids []string
			for _, p := range v.policies {
				ids = append(ids, x.forms[i].overlays[p].id)
			}
			slices.Sort(ids)
			all[strings.Join(ids, ",")] = ids
		}
	}
	return slices.SortedFunc(maps.Values(all), func(a, b []string) int {
		if n := len(a) - len(b); n != 0 {
			return n
		}
		return slices.Compare(a, b)
	})
}

func subset(of, set []string) bool {
	return !slices.ContainsFunc(of, func(id string) bool { return !slices.Contains(set, id) })
}

// numbers gives the form's own numbers of policies; those it lacks are left out.
func (f form) numbers(ids []string) []int {
	var set []int
	for i, o := range f.overlays {
		if slices.Contains(ids, o.id) {
			set = append(set, i)
		}
	}
	return set
}

// under gives the shares of a cell's requests where policies hold, as proxies are told.
func (f form) under(c *cell, ids []string) ([]RowShare, string) {
	set := f.numbers(ids)
	a, _ := c.where(func(p int) bool { return slices.Contains(set, p) })
	shares := f.builder.shares(c, a)
	return shares, sharesKey(shares)
}

func (f form) trace(c *cell, ids []string) trace {
	var active []overlay
	for _, i := range f.numbers(ids) {
		active = append(active, f.overlays[i])
	}
	in := f.router.interpreter(f.table(active), nil)
	return newTrace(in, c.name, func(s string) string { return f.builder.hideMarks(c, s) })
}
