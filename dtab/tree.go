package dtab

import "iter"

// Tree is a name tree: what a name stands for. It is one of Neg, Empty, Fail,
// Leaf, Alt, Union and, in trees that an Interpreter has bound, Bound. A
// consumer of bound trees never sees a Leaf. Trees are values and not changed
// once made; they may share parts.
type Tree interface {
	// String gives the canonical text of Finagle's NameTree.show.
	String() string
	isTree()
}

// Neg is "~": there is no such name, others may be tried.
type Neg struct{}

// Empty is "$": the name exists and has nobody behind it. It stops a search.
type Empty struct{}

// Fail is "!": the name must not be used, nor anything after it be tried.
type Fail struct{}

// Leaf is a path that is still to be looked up.
type Leaf struct{ Path Path }

// Alt is "a | b": the first branch that is not negative.
type Alt []Tree

// Union is "1 * a & 9 * b": a weighted choice, made per request.
type Union []Weighted

// Weighted is a branch of a union.
type Weighted struct {
	// Weight is finite and not negative; it is relative to the other branches.
	Weight float64
	Tree   Tree
}

// Bound is a name that exists; as a Tree it is a *Bound. ID names it, for example
// /#/io.l5d.k8s/default/http/hello; Residual is what was left of the path.
type Bound struct{ ID, Residual Path }

// Leaves gives the paths of a tree, from left to right.
func Leaves(tree Tree) iter.Seq[Path] {
	return func(yield func(Path) bool) { leaves(tree, yield) }
}

// leaves tells that it has come to the end.
func leaves(tree Tree, yield func(Path) bool) bool {
	switch t := tree.(type) {
	case Leaf:
		return yield(t.Path)
	case Alt:
		for _, b := range t {
			if !leaves(b, yield) {
				return false
			}
		}
	case Union:
		for _, w := range t {
			if !leaves(w.Tree, yield) {
				return false
			}
		}
	}
	return true
}

// newBound makes a bound name of copies. Its id is start, and after it id.
func newBound(start, id, residual Path) *Bound {
	n := len(start) + len(id)
	b, room := roomy(n + len(residual))
	b.ID = room[:n:n]
	b.ID.set(start, id)
	if len(residual) > 0 {
		b.Residual = room[n:]
		b.Residual.set(residual, nil)
	}
	return b
}

// roomy gives a bound name with room for some segments, in one allocation where they
// are as few as most names have.
func roomy(segments int) (*Bound, Path) {
	switch {
	case segments <= 5:
		b := &struct {
			Bound
			room [5]string
		}{}
		return &b.Bound, b.room[:segments]
	case segments <= 8:
		b := &struct {
			Bound
			room [8]string
		}{}
		return &b.Bound, b.room[:segments]
	}
	return &Bound{}, make(Path, segments)
}

func (Neg) isTree()    {}
func (Empty) isTree()  {}
func (Fail) isTree()   {}
func (Leaf) isTree()   {}
func (Alt) isTree()    {}
func (Union) isTree()  {}
func (*Bound) isTree() {}
