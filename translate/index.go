package translate

import "kibble.dev/dtab"

// index holds the prefixes of many dentries, so that one walk along a path says
// which of them match it, and which would if a marked segment were another.
type index struct {
	children map[string]*index
	any      *index
	sorted   []string // the labels of the children, once asked for
	// owners are those of the entries that end here.
	owners []int
}

func (x *index) add(prefix dtab.Prefix, owner int) {
	for _, e := range prefix {
		if e.Any {
			if x.any == nil {
				x.any = &index{}
			}
			x = x.any
			continue
		}
		x = x.child(e.Label)
	}
	if n := len(x.owners); n == 0 || x.owners[n-1] != owner {
		x.owners = append(x.owners, owner)
	}
}

func (x *index) addPath(path dtab.Path) {
	for _, segment := range path {
		x = x.child(segment)
	}
}

func (x *index) child(label string) *index {
	c := x.children[label]
	if c == nil {
		c = &index{}
		if x.children == nil {
			x.children = map[string]*index{}
		}
		x.children[label] = c
	}
	return c
}

// walker is told what a walk meets.
type walker struct {
	sample *sample
	// matched is told each owner with an entry that matches the path.
	matched func(owner int)
	// found is told the regions in which the comparison comes out otherwise.
	found func([]region)
	// labels is told what a marked segment was compared with, sorted.
	labels func(segment string, labels []string)
}

// walk goes along a path that the evaluation of a sample looked up.
func (x *index) walk(path dtab.Path, w walker) { x.step(path, w, -1) }

// step carries the open variable whose last mark was passed, or -1: whatever is
// compared after it stands elsewhere when the variable has more atoms.
func (x *index) step(path dtab.Path, w walker, passed int) {
	for _, o := range x.owners {
		w.matched(o)
	}
	if passed >= 0 && (len(x.children) > 0 || x.any != nil) {
		w.found(w.sample.split(passed))
	}
	if len(path) == 0 {
		return
	}
	segment := path[0]
	if !w.sample.marks.in(segment) {
		if c := x.children[segment]; c != nil {
			c.step(path[1:], w, passed)
		}
	} else {
		w.labels(segment, x.labels())
		passed = w.passes(segment, passed)
	}
	if x.any != nil {
		x.any.step(path[1:], w, passed)
	}
}

// passes gives the open variable whose last mark was passed when a marked segment
// is.
func (w walker) passes(segment string, passed int) int {
	if v, _ := w.sample.owner(segment); v >= 0 && segment == w.sample.extra(v) {
		return v
	}
	return passed
}

func (x *index) labels() []string {
	if len(x.sorted) != len(x.children) {
		x.sorted = sortedKeys(x.children)
	}
	return x.sorted
}

// table walks along a path in the index of a router's own table, as step does.
func (w walker) table(n *dtab.Node, path dtab.Path, passed int) {
	if passed >= 0 && (len(n.Labels()) > 0 || n.Any() != nil) {
		w.found(w.sample.split(passed))
	}
	if len(path) == 0 {
		return
	}
	segment := path[0]
	if !w.sample.marks.in(segment) {
		if c := n.Child(segment); c != nil {
			w.table(c, path[1:], passed)
		}
	} else {
		w.labels(segment, n.Labels())
		passed = w.passes(segment, passed)
	}
	if n.Any() != nil {
		w.table(n.Any(), path[1:], passed)
	}
}
