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
func (in *Interpreter) Bind(path Path) (Tree, error) { return in.bind(path, false) }

// BindAll is as Bind, but an alternation keeps every branch that is not
// negative, in order, up to the first that is empty, fail or in error; that one
// is dropped unless it is the first. The first of all is what Bind gives, the
// others are what it would give if those before them did not exist.
func (in *Interpreter) BindAll(path Path) (Tree, error) {
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
	b.Interpreter, b.all, b.budget = in, all, newBudget(in.MaxWork)
	b.stack, b.thrown = b.room[:0], false
	answer, err := b.path(path, in.top(), 0)
	in.Base.done(b)
	if err != nil {
		return nil, err
	}
	return answer.tree, nil
}

// binder is one binding under way. It keeps the paths it makes on a stack, so
// that most look-ups allocate nothing.
type binder struct {
	*Interpreter
	budget
	memo
	asker
	all  bool
	room [16]string // where the stack begins
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
func (b *binder) path(path Path, from *start, depth int) (answer, *BindError) {
	return b.lookUp(path, from, depth, false)
}

// lookUp looks a name up in the table, or else asks the namers, and binds the
// result. While that is one other name, it goes on with that one. Each name is
// counted, told and, maybe, remembered instead, unless the first one was.
func (b *binder) lookUp(path Path, from *start, depth int, counted bool) (found answer, err *BindError) {
	mark, began := len(b.stack), depth
chain:
	for ; ; counted = false {
		if !counted {
			if err = b.spend(len(path), len(b.Dtab)); err != nil {
				break
			}
			if b.Visit != nil {
				b.Visit(path)
			}
			if b.remembers() {
				found, err = b.remembered(path, from, depth)
				break
			}
		}
		var m matches
		first := b.first(path, from, &m)
		if m.more() {
			if second := b.next(path, &m); second.Dentry != nil {
				found, err = b.several(first, second, path, &m, depth)
				break
			}
		}
		var tree Tree = Neg{} // also if no entry matches
		if first.Dentry != nil {
			tree = first.Dst
		}
		var rest Path
		switch to := tree.(type) {
		case Leaf:
			if err = b.descend(depth + 1); err != nil {
				break chain
			}
			path, from = b.push(to.Path, path[len(first.Prefix):]), b.start(first)
			depth++
			continue
		case Neg:
			if tree, path, err = b.ask(b.Namers, path); err != nil {
				break chain
			}
		default:
			rest = path[len(first.Prefix):]
		}
		depth++
		if tree != nil {
			found, err = b.tree(tree, rest, depth)
			break
		}
		if err = b.descend(depth); err != nil {
			break
		}
		from = b.top()
	}
	b.stack = b.stack[:mark]
	if depth > began {
		b.thrown = false
	}
	return found, err
}

// several binds the right sides of the entries that match a name, of which there are
// at least two.
func (b *binder) several(first, second match, path Path, m *matches, depth int) (answer, *BindError) {
	if err := b.descend(depth + 1); err != nil {
		return answer{}, err
	}
	found := alternatives{all: b.all}
	for d := first; d.Dentry != nil; d, second = second, b.next(path, m) {
		bound, err := b.side(d, path, depth+1)
		if found.add(bound, err) || second.Dentry == nil {
			break
		}
	}
	b.thrown = false
	return found.result()
}

// side binds the right side of an entry for a name that it matches.
func (b *binder) side(of match, path Path, depth int) (answer, *BindError) {
	rest := path[len(of.Prefix):]
	if leaf, ok := of.Dst.(Leaf); ok {
		return b.leaf(leaf, rest, b.start(of), depth)
	}
	return b.tree(of.Dst, rest, depth)
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
	if leaf, ok := tree.(Leaf); ok {
		return b.leaf(leaf, rest, b.top(), depth)
	}
	if err := b.descend(depth); err != nil {
		return answer{}, err
	}
	switch t := tree.(type) {
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

// leaf binds a path with rest appended, which begins at a start.
func (b *binder) leaf(leaf Leaf, rest Path, from *start, depth int) (answer, *BindError) {
	if err := b.descend(depth); err != nil {
		return answer{}, err
	}
	mark := len(b.stack)
	bound, err := b.path(b.push(leaf.Path, rest), from, depth)
	b.stack = b.stack[:mark]
	return bound, err
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
