package dtab

import (
	"slices"
	"strings"
)

// Shape is a set of names: those whose first segments are as Elems says, with
// nothing after them, or, where Open, with anything after them.
type Shape struct {
	Elems []Elem
	Open  bool
}

// ShapeOf gives the names below a path, the path itself among them.
func ShapeOf(path Path) Shape { return Shape{Elems: literal(path), Open: true} }

func literal(path []string) []Elem {
	elems := make([]Elem, len(path))
	for i, label := range path {
		elems[i] = Elem{Label: label}
	}
	return elems
}

// maxShape is how many elements of a shape count, and maxShapes how many shapes
// are followed. What is longer is taken for open, and where there are more
// every rule is taken to be reached: no finding rests on a guess.
const (
	maxShape  = 16
	maxShapes = 20_000
)

// Reached tells of each rule of a table whether a name of the roots can come to
// it, on whatever way. It may say yes where the truth is no, never the other way round.
func Reached(table Dtab, namers []Namer, roots []Shape) []bool {
	r := reacher{table: table, namers: namers, reached: make([]bool, len(table)), seen: map[string]bool{}}
	for _, s := range roots {
		r.push(s)
	}
	for len(r.queue) > 0 {
		s := r.queue[len(r.queue)-1]
		r.queue = r.queue[:len(r.queue)-1]
		r.follow(s)
	}
	if len(r.seen) >= maxShapes {
		for i := range r.reached {
			r.reached[i] = true
		}
	}
	return r.reached
}

type reacher struct {
	table   Dtab
	namers  []Namer
	reached []bool
	seen    map[string]bool
	queue   []Shape
}

func (r *reacher) push(s Shape) {
	if len(s.Elems) > maxShape {
		s = Shape{Elems: s.Elems[:maxShape], Open: true}
	}
	key := s.key()
	if r.seen[key] || len(r.seen) >= maxShapes {
		return
	}
	r.seen[key] = true
	r.queue = append(r.queue, s)
}

func (s Shape) key() string {
	text := appendPrefix(nil, s.Elems)
	if s.Open {
		text = append(text, 0) // which no canonical text has
	}
	return string(text)
}

// follow pushes everything that names of a shape are rewritten to.
func (r *reacher) follow(s Shape) {
	for i, d := range r.table {
		if !s.meets(d.Prefix) {
			continue
		}
		r.reached[i] = true
		for leaf := range Leaves(d.Dst) {
			r.push(s.rest(len(d.Prefix)).after(literal(leaf)))
		}
	}
	if s.mayBegin("#") {
		for _, n := range r.namers {
			if made, ok := r.rewritten(n, s); ok {
				r.push(made)
			}
		}
	}
	if s.mayBegin("$") {
		for _, made := range s.utility() {
			r.push(made)
		}
	}
}

// meets tells whether a name of the shape may begin with the prefix.
func (s Shape) meets(prefix Prefix) bool {
	if len(prefix) > len(s.Elems) && !s.Open {
		return false
	}
	for i := range min(len(prefix), len(s.Elems)) {
		if a, b := prefix[i], s.Elems[i]; !a.Any && !b.Any && a.Label != b.Label {
			return false
		}
	}
	return true
}

// rest gives what is left after n segments.
func (s Shape) rest(n int) Shape { return Shape{Elems: s.Elems[min(n, len(s.Elems)):], Open: s.Open} }

// after gives the shape with elements in front.
func (s Shape) after(front []Elem) Shape {
	return Shape{Elems: slices.Concat(front, s.Elems), Open: s.Open}
}

func (s Shape) mayBegin(label string) bool { return s.meets(Prefix{{Label: label}}) }

// rewritten gives the names that a namer makes of names of the shape; not ok if
// it makes none.
func (r *reacher) rewritten(n Namer, s Shape) (Shape, bool) {
	if !s.meets(append(Prefix{{Label: "#"}}, literal(n.Prefix())...)) {
		return Shape{}, false
	}
	switch n := n.(type) {
	case *idNamer:
		return Shape{}, false
	case rewriter:
		return n.makes(), true
	}
	return Shape{Open: true}, true
}

// makes gives the names that a rewriter makes: its name up to the first capture.
func (n rewriter) makes() Shape {
	fixed, _, captures := strings.Cut(n.name, "{")
	if captures {
		fixed = fixed[:strings.LastIndexByte(fixed, '/')+1]
	}
	path, err := ParsePath("/" + strings.Trim(fixed, "/"))
	if err != nil {
		return Shape{Open: true}
	}
	return Shape{Elems: literal(path), Open: captures}
}

// utility gives the names that a built-in namer makes of names of the shape.
func (s Shape) utility() []Shape {
	anything := []Shape{{Open: true}}
	if len(s.Elems) < 2 || s.Elems[0].Any || s.Elems[1].Any {
		if s.Open || len(s.Elems) > 1 {
			return anything
		}
		return nil
	}
	name, args := s.Elems[1].Label, s.rest(2)
	build, prefixed := rewriteOf(name)
	at := 0 // the argument that is carried through
	switch {
	case build == nil:
		return nil
	case strings.HasSuffix(name, "subdomainOfPfx"):
		at = 1
	case !prefixed:
		return anything
	}
	if at >= len(args.Elems) {
		return anything
	}
	return []Shape{{Elems: args.Elems[at : at+1], Open: true}}
}
