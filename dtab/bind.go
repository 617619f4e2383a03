package dtab

import (
	"errors"
	"slices"
)

// Interpreter says what names mean: under a table, with namers, in the world
// that the namers know. The zero Interpreter has an empty table and only the
// built-in /$/ namers. It holds no state; its methods may be called at once
// from several goroutines if Visit and the namers allow it.
type Interpreter struct {
	Dtab Dtab
	// Base, if not nil, is a table below Dtab: its entries lose to those of Dtab.
	// A large table belongs here, and what is put on top of it in Dtab.
	Base *Index
	// Namers in the order of the configuration; later ones are asked first.
	Namers []Namer
	// Visit, if not nil, is told every path that is looked up, in order. A path
	// that is looked up again may be told again or not. The callee must not
	// keep the path (it may clone it).
	Visit func(Path)
	// MaxWork bounds the effort of one binding, roughly in look-ups; 0 means a
	// default that takes well under a second. It is there for tables that loop
	// with branches, which the original never finishes.
	MaxWork int
}

// maxDepth is how many look-ups one chain may have (Finagle, namerMaxDepth).
const maxDepth = 100

// Bind gives the bound tree of a name: of Bound, Union, Neg, Empty and Fail,
// without alternations (Finagle, Namer.bind). An error is a *BindError.
func (in Interpreter) Bind(path Path) (Tree, error) { return in.bind(path, false) }

// BindAll is as Bind, but an alternation keeps every branch that is not
// negative, in order, up to the first that is empty, fail or in error; that one
// is dropped unless it is the first. The first of all is what Bind gives, the
// others are what it would give if those before them did not exist.
func (in Interpreter) BindAll(path Path) (Tree, error) {
	tree, err := in.bind(path, true)
	var failed *BindError
	if errors.As(err, &failed) && failed.Kind == ErrWork {
		// The alternatives that are not taken may be the ones that loop.
		return in.bind(path, false)
	}
	return tree, err
}

func (in *Interpreter) bind(path Path, all bool) (Tree, error) {
	b := in.Base.binder()
	b.Interpreter, b.all, b.budget, b.memo, b.thrown = *in, all, newBudget(in.MaxWork), memo{}, false
	b.stack = b.room[:0]
	answer, err := b.path(path, 0)
	in.Base.done(b)
	if err != nil {
		return nil, err
	}
	return answer.tree, nil
}

// binder is one binding under way. It keeps the paths it makes on a stack, so
// that most look-ups allocate nothing.
type binder struct {
	Interpreter
	budget
	memo
	all   bool
	stack []string
	room  [16]string // where the stack begins

	// thrown tells of the error that was just returned that the original throws
	// it instead of making a failed Activity. That ends a whole union, where
	// otherwise only the branch is lost. The next look-up on the way out
	// catches it.
	thrown bool
}

// answer is what a tree is bound to.
type answer struct {
	tree Tree
	end  end
}

// end says, where all alternatives are kept, what comes after the last: if none
// of them existed, the answer would be this.
type end int

const (
	endNeg end = iota // negative: further alternatives may be tried
	endEmpty
	endStop // fail, or an error
)

// path binds a name that is reached after depth look-ups.
func (b *binder) path(path Path, depth int) (answer, *BindError) {
	if found, err, known := b.reach(path, depth); known {
		return found, err
	}
	return b.lookUp(path, depth)
}

// reach counts and tells a name before it is looked up. It gives the answer where
// the name need not be looked up any more.
func (b *binder) reach(path Path, depth int) (found answer, err *BindError, known bool) {
	if err := b.spend(len(path), len(b.Dtab)); err != nil {
		return answer{}, err, true
	}
	if b.Visit != nil {
		b.Visit(path)
	}
	if !b.remembers() {
		return answer{}, nil, false
	}
	found, err = b.remembered(path, depth)
	return found, err, true
}

// lookUp looks a name up in the table, or else asks the namers, and binds the
// result. While that is one other name, it goes on with that one.
func (b *binder) lookUp(path Path, depth int) (found answer, err *BindError) {
	mark, began := len(b.stack), depth
	for known := false; !known; {
		var m matches
		b.match(path, &m)
		only, to := b.only(&m)
		if only == nil {
			found, err = b.several(path, &m, depth)
			break
		}
		if err = b.descend(depth + 1); err != nil {
			break
		}
		depth++
		path = b.push(to, path[len(only.Prefix):])
		found, err, known = b.reach(path, depth)
	}
	b.stack = b.stack[:mark]
	if depth > began {
		b.thrown = false
	}
	return found, err
}

// only gives the entry that matches a name if no other does and it says another
// path, and that path. It does not look for it in Dtab.
func (b *binder) only(m *matches) (*Dentry, Path) {
	if m.own > 0 || m.n != 1 {
		return nil, nil
	}
	d := b.Base.entry(m.found[0])
	if leaf, ok := d.Dst.(Leaf); ok {
		return d, leaf.Path
	}
	return nil, nil
}

// several binds the right sides of the entries that match a name, be they none,
// one or more.
func (b *binder) several(path Path, m *matches, depth int) (answer, *BindError) {
	first := b.next(path, m)
	if first == nil {
		return b.named(path, depth)
	}
	second := b.next(path, m)
	if second == nil {
		if _, neg := first.Dst.(Neg); neg {
			return b.named(path, depth)
		}
		bound, err := b.tree(first.Dst, path[len(first.Prefix):], depth+1)
		b.thrown = false
		return bound, err
	}
	if err := b.descend(depth + 1); err != nil {
		return answer{}, err
	}
	found := alternatives{all: b.all}
	for d := first; d != nil; d, second = second, b.next(path, m) {
		bound, err := b.tree(d.Dst, path[len(d.Prefix):], depth+1)
		if found.add(bound, err) || second == nil {
			break
		}
	}
	b.thrown = false
	return found.result()
}

// named asks the namers for a path and binds their answer.
func (b *binder) named(path Path, depth int) (answer, *BindError) {
	mark := len(b.stack)
	reply := ask(b.Namers, path, b.stack)
	if reply.err != nil {
		b.thrown = reply.thrown
		return answer{}, reply.err
	}
	bound, err := answer{}, b.descend(depth+1)
	switch {
	case err != nil:
	case reply.tree != nil:
		bound, err = b.tree(reply.tree, nil, depth+1)
	default:
		// A rewritten path was put on the stack.
		b.stack = append(b.stack, reply.path...)
		bound, err = b.path(b.stack[mark:len(b.stack):len(b.stack)], depth+1)
	}
	b.stack = b.stack[:mark]
	b.thrown = false
	return bound, err
}

// descend checks how deep the chain of look-ups is (Finagle, Namer.bind).
func (b *binder) descend(depth int) *BindError {
	if depth > maxDepth {
		b.cut = true
		return depthError()
	}
	b.deepest = max(b.deepest, depth)
	return nil
}

// tree binds a tree with rest appended to its leaves.
func (b *binder) tree(tree Tree, rest Path, depth int) (answer, *BindError) {
	if err := b.descend(depth); err != nil {
		return answer{}, err
	}
	switch t := tree.(type) {
	case Leaf:
		mark := len(b.stack)
		bound, err := b.path(b.push(t.Path, rest), depth)
		b.stack = b.stack[:mark]
		return bound, err
	case Alt:
		found := alternatives{all: b.all}
		for i, branch := range t {
			bound, err := b.tree(branch, rest, depth)
			if i > 0 {
				b.thrown = false
			}
			if found.add(bound, err) {
				break
			}
		}
		return found.result()
	case Union:
		return b.union(t, rest, depth)
	}
	return answer{tree: tree}, nil
}

// push gives a path with rest appended, on the stack where it is a new one.
func (b *binder) push(path, rest Path) Path {
	if len(rest) == 0 {
		return path
	}
	mark := len(b.stack)
	b.stack = slices.Grow(b.stack, len(path)+len(rest))[:mark+len(path)+len(rest)]
	pushed := Path(b.stack[mark:len(b.stack):len(b.stack)])
	pushed.set(path, rest)
	return pushed
}
