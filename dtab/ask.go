package dtab

import "errors"

// reply is what the namers answer for a path.
type reply struct {
	// tree is the answer; nil if it is path.
	tree Tree
	// path is another name, bound again. It may lie in the free part of the
	// stack that was given.
	path Path
	// by tells who answered: the index of a configured namer, byUtility or
	// byNobody.
	by int

	err *BindError
	// thrown tells that the original throws err at once: see binder.thrown.
	thrown bool
}

const (
	byNobody  = -1
	byUtility = -2
)

// ask asks the configured namers for a path, last first, until one does not
// answer negative; then the built-in ones (linkerd, ConfiguredNamersInterpreter).
// The free part of stack may be used to build a path.
func ask(namers []Namer, path Path, stack []string) reply {
	if len(path) == 0 {
		return reply{tree: Neg{}, by: byNobody}
	}
	if path[0] == "$" {
		return utility(path, stack)
	}
	if path[0] != "#" {
		return reply{tree: Neg{}, by: byNobody}
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
			return reply{err: asBindError(err), by: i, thrown: !asked}
		}
		asked = true
		if _, neg := tree.(Neg); neg {
			continue
		}
		return reply{tree: tree, by: i}
	}
	return reply{tree: Neg{}, by: byNobody}
}

func asBindError(err error) *BindError {
	if b, ok := errors.AsType[*BindError](err); ok {
		return b
	}
	return &BindError{Kind: ErrUnsupported, Message: err.Error()}
}
