package dtab

import "slices"

// alternatives collects what the branches of an alternation are bound to.
type alternatives struct {
	all  bool // keep also those after the first
	kept Tree // one branch, or an Alt
	end  end
	err  *BindError
}

// add takes the next branch and tells whether the rest does not matter.
func (a *alternatives) add(branch answer, err *BindError) (done bool) {
	if err != nil {
		if a.kept == nil {
			a.err = err
		}
		a.end = endStop
		return true
	}
	switch branch.tree.(type) {
	case Neg:
		return false
	case Empty:
		branch.end = endEmpty
	case Fail:
		branch.end = endStop
	default:
		a.keep(branch.tree)
		a.end = branch.end
		return !a.all || a.end != endNeg
	}
	if a.kept == nil {
		a.kept = branch.tree
	}
	a.end = branch.end
	return true
}

func (a *alternatives) keep(tree Tree) {
	kept, several := a.kept.(Alt)
	switch {
	case a.kept == nil:
		a.kept = tree
		return
	case !several:
		kept = Alt{a.kept}
	}
	// Parts of trees are shared: what is appended to is always our own copy.
	more, several := tree.(Alt)
	if !several {
		more = Alt{tree}
	}
	a.kept = slices.Concat(kept, more)
}

func (a *alternatives) result() (answer, *BindError) {
	switch {
	case a.err != nil:
		return answer{}, a.err
	case a.kept == nil:
		return answer{tree: Neg{}}, nil
	}
	return answer{tree: a.kept, end: a.end}, nil
}
