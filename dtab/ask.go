package dtab

import "errors"

// asker asks the namers, for one binding or trace.
type asker struct {
	// stack has room for the paths that are made on the way.
	stack []string
	// by tells who answered last: the index of a configured namer, byUtility or
	// byNobody.
	by int
	// thrown tells of the error that was just returned that the original throws
	// it instead of making a failed Activity. That ends a whole union, where
	// otherwise only the branch is lost. The next look-up on the way out
	// catches it.
	thrown bool
}

const (
	byNobody  = -1
	byUtility = -2
)

// ask asks the configured namers for a path, last first, until one does not
// answer negative; then the built-in ones (linkerd, ConfiguredNamersInterpreter).
// The answer is a tree or, if that is nil, another name, which may lie on top of the
// stack.
func (a *asker) ask(namers []Namer, path Path) (Tree, Path, *BindError) {
	a.by = byNobody
	if len(path) == 0 {
		return Neg{}, nil, nil
	}
	if path[0] == "$" {
		a.by = byUtility
		return a.utility(path)
	}
	if path[0] != "#" {
		return Neg{}, nil, nil
	}
	asked := false
	for i := len(namers) - 1; i >= 0; i-- {
		prefix := namers[i].Prefix()
		if !path[1:].HasPrefix(prefix) {
			continue
		}
		tree, err := namers[i].Lookup(path[1+len(prefix):])
		if err != nil {
			// What a negative answer leads to is no longer thrown.
			a.by, a.thrown = i, !asked
			return nil, nil, asBindError(err)
		}
		asked = true
		if _, neg := tree.(Neg); neg {
			continue
		}
		a.by = i
		return tree, nil, nil
	}
	return Neg{}, nil, nil
}

func asBindError(err error) *BindError {
	if b, ok := errors.AsType[*BindError](err); ok {
		return b
	}
	return &BindError{Kind: ErrUnsupported, Message: err.Error()}
}
