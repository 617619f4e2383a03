package dtab

// Interpreter says what names mean: under a table, with namers, in the world
// that the namers know. The zero Interpreter has an empty table and only the
// built-in /$/ namers.
type Interpreter struct {
	Dtab Dtab
	// Namers in the order of the configuration; later ones are asked first.
	Namers []Namer
	// Visit, if not nil, is told every path that is looked up, in order; a path
	// may be told more than once. The callee must not keep the path (it may
	// clone it).
	Visit func(Path)
	// MaxWork bounds the effort of one binding, in look-ups; 0 means a default
	// that takes well under a second. It is there for tables that loop with
	// branches, which the original never finishes.
	MaxWork int
}

const (
	// maxDepth is how many look-ups one chain may have (Finagle, Namer.MaxDepth).
	maxDepth       = 100
	defaultMaxWork = 200_000
)

// BindError says why a binding has no answer at all: neither bound nor
// negative, empty or fail.
type BindError struct {
	// Kind is the class of the original's exception.
	Kind string
	// Message is the original's text.
	Message string
}

// Error gives the message.
func (e *BindError) Error() string { return e.Message }

// The kinds of binding errors.
const (
	ErrDepth        = "NamerExceededMaxDepthException"
	ErrUnknownNamer = "UnknownNamer"
	ErrRequirement  = "IllegalArgumentException"
	ErrUnsupported  = "UnsupportedOperationException"
	ErrWork         = "WorkLimit" // ours: the original would not finish
)

func depthError() *BindError {
	return &BindError{Kind: ErrDepth, Message: "Max recursion level: 100 reached in Namer lookup"}
}

func workError() *BindError {
	return &BindError{Kind: ErrWork, Message: "the table loops with branches: the name takes too many lookups"}
}

// Bind gives the bound tree of a name: of Bound, Union, Neg, Empty and Fail,
// without alternations. An error is a *BindError.
func (in Interpreter) Bind(path Path) (Tree, error) { return in.bind(path, false) }

// BindAll is as Bind, but an alternation keeps every branch that is not
// negative, in order, up to the first that is empty, fail or in error; that one
// is dropped unless it is the first. The first of all is what Bind gives. It
// tells what stands behind the branch that is taken.
func (in Interpreter) BindAll(path Path) (Tree, error) { return in.bind(path, true) }

func (in Interpreter) bind(path Path, all bool) (Tree, error) {
	b := binder{Interpreter: in, all: all, work: in.MaxWork}
	if b.work == 0 {
		b.work = defaultMaxWork
	}
	tree, err := b.path(path, 0)
	if b.work < 0 {
		err = workError()
	}
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// binder is one binding under way.
type binder struct {
	Interpreter
	all  bool
	work int // look-ups that are left
}

// path binds a name that is reached after depth look-ups.
func (b *binder) path(path Path, depth int) (Tree, *BindError) {
	if b.work--; b.work < 0 {
		return nil, workError()
	}
	if b.Visit != nil {
		b.Visit(path)
	}
	first := b.match(path, len(b.Dtab))
	if first < 0 {
		return b.namers(path, depth)
	}
	second := b.match(path, first)
	if second < 0 {
		if _, neg := b.Dtab[first].Dst.(Neg); neg {
			return b.namers(path, depth)
		}
		return b.tree(b.Dtab[first].Dst, path[len(b.Dtab[first].Prefix):], depth+1)
	}
	if depth+1 > maxDepth {
		return nil, depthError()
	}
	var kept alternatives
	for i := first; i >= 0; i = b.match(path, i) {
		tree, err := b.tree(b.Dtab[i].Dst, path[len(b.Dtab[i].Prefix):], depth+1)
		if kept.add(tree, err, b.all) {
			break
		}
	}
	return kept.result()
}

// match gives the last dentry before i that matches a path, -1 if none does.
func (b *binder) match(path Path, i int) int {
	for i--; i >= 0; i-- {
		if b.Dtab[i].Prefix.Matches(path) {
			return i
		}
	}
	return -1
}

// tree binds a tree with rest appended to its leaves.
func (b *binder) tree(tree Tree, rest Path, depth int) (Tree, *BindError) {
	if depth > maxDepth {
		return nil, depthError()
	}
	switch t := tree.(type) {
	case Leaf:
		path := t.Path
		if len(rest) > 0 {
			path = path.Join(rest...)
		}
		return b.path(path, depth)
	case Alt:
		var kept alternatives
		for _, branch := range t {
			bound, err := b.tree(branch, rest, depth)
			if kept.add(bound, err, b.all) {
				break
			}
		}
		return kept.result()
	case Union:
		return b.union(t, rest, depth)
	}
	return tree, nil
}

// alternatives collects the branches of an alternation.
type alternatives struct {
	kept Alt
	err  *BindError
}

// add takes the next branch and tells whether the rest does not matter.
func (a *alternatives) add(tree Tree, err *BindError, all bool) (done bool) {
	if err != nil {
		if len(a.kept) == 0 {
			a.err = err
		}
		return true
	}
	stops := false
	switch first := tree.(type) {
	case Neg:
		return false
	case Empty, Fail:
		stops = true
	case Alt:
		// An alternation begins with what it is bound to.
		_, empty := first[0].(Empty)
		_, fail := first[0].(Fail)
		stops = empty || fail
	}
	if stops && len(a.kept) > 0 {
		return true
	}
	a.kept = append(a.kept, tree)
	return stops || !all
}

func (a *alternatives) result() (Tree, *BindError) {
	switch {
	case a.err != nil:
		return nil, a.err
	case len(a.kept) == 0:
		return Neg{}, nil
	case len(a.kept) == 1:
		return a.kept[0], nil
	}
	return a.kept, nil
}

// union binds all branches. Branches in error do not count if another one is
// not in error; negative ones and fails are dropped (Finagle, Namer.bind).
func (b *binder) union(union Union, rest Path, depth int) (Tree, *BindError) {
	kept := make(Union, 0, len(union))
	var failed *BindError
	answered := false
	for _, w := range union {
		tree, err := b.tree(w.Tree, rest, depth)
		if b.work < 0 {
			return nil, workError()
		}
		if err != nil {
			if failed == nil {
				failed = err
			}
			continue
		}
		answered = true
		switch tree.(type) {
		case Neg, Fail:
		default:
			kept = append(kept, Weighted{Weight: w.Weight, Tree: tree})
		}
	}
	switch {
	case !answered && failed != nil:
		return nil, failed
	case len(kept) == 0:
		return Neg{}, nil
	case len(kept) == 1:
		return kept[0].Tree, nil
	}
	return kept, nil
}

// namers asks the configured namers for a path, last first, then the built-in ones.
func (b *binder) namers(path Path, depth int) (Tree, *BindError) {
	tree, _, err := b.ask(path)
	if err != nil {
		return nil, err
	}
	return b.tree(tree, nil, depth+1)
}

// ask gives the namers' answer for a path, and the prefix of who answered.
func (in *Interpreter) ask(path Path) (Tree, string, *BindError) {
	for i := len(in.Namers) - 1; i >= 0; i-- {
		rest, ok := below(path, in.Namers[i].Prefix())
		if !ok {
			continue
		}
		tree, err := in.Namers[i].Lookup(rest)
		if err != nil {
			return nil, "/#" + in.Namers[i].Prefix().String(), asBindError(err)
		}
		if _, neg := tree.(Neg); !neg {
			return tree, "/#" + in.Namers[i].Prefix().String(), nil
		}
	}
	if len(path) > 0 && path[0] == "$" {
		return utility(path)
	}
	return Neg{}, "", nil
}

// below gives the rest of a path after /# and a namer's prefix.
func below(path, prefix Path) (Path, bool) {
	if len(path) <= len(prefix) || path[0] != "#" || !path[1:].HasPrefix(prefix) {
		return nil, false
	}
	return path[1+len(prefix):], true
}
