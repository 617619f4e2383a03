package dtab

// union binds all branches. Branches in error do not count if another one is
// not in error; of several that are left, negative ones and fails are dropped
// (Finagle, Namer.bindUnion).
func (b *binder) union(union Union, rest Path, depth int) (answer, *BindError) {
	var kept Union
	var failed *BindError
	var last Tree
	answered, ends := 0, endNeg
	for i, w := range union {
		bound, err := b.tree(w.Tree, rest, depth)
		if err != nil {
			if b.thrown || b.exhausted() {
				return answer{}, err
			}
			if failed == nil {
				failed = err
			}
			continue
		}
		answered++
		last = bound.tree
		switch last.(type) {
		case Neg, Fail:
			continue
		case Empty:
			ends = endEmpty
		}
		if bound.end == endEmpty {
			ends = endEmpty
		}
		if kept == nil {
			kept = make(Union, 0, len(union)-i)
		}
		kept = append(kept, Weighted{Weight: w.Weight, Tree: bound.tree})
	}
	switch {
	case answered == 0 && failed != nil:
		return answer{}, failed
	case answered == 1:
		// Also a fail: the original simplifies a union of one to that one.
		return answer{tree: last, end: ends}, nil
	case len(kept) == 0:
		return answer{tree: Neg{}}, nil
	case len(kept) == 1:
		return answer{tree: kept[0].Tree, end: ends}, nil
	}
	return answer{tree: kept, end: ends}, nil
}
