package dtab

// Lookup gives the tree that one look-up of a path has, before anything in it
// is looked up again: of the dentries whose prefix matches, from last to first,
// the right side with the rest of the path appended to every leaf. No match is
// Neg, several are an Alt in that order (Finagle, Dtab.lookup).
func (d Dtab) Lookup(path Path) Tree {
	var found Alt
	for i := len(d) - 1; i >= 0; i-- {
		if d[i].Prefix.Matches(path) {
			found = append(found, appendResidual(d[i].Dst, path[len(d[i].Prefix):]))
		}
	}
	switch len(found) {
	case 0:
		return Neg{}
	case 1:
		return found[0]
	}
	return found
}

// appendResidual gives the tree with rest appended to each leaf.
func appendResidual(tree Tree, rest Path) Tree {
	if len(rest) == 0 {
		return tree
	}
	switch t := tree.(type) {
	case Leaf:
		return Leaf{Path: t.Path.Join(rest...)}
	case Alt:
		alt := make(Alt, len(t))
		for i, b := range t {
			alt[i] = appendResidual(b, rest)
		}
		return alt
	case Union:
		union := make(Union, len(t))
		for i, w := range t {
			union[i] = Weighted{Weight: w.Weight, Tree: appendResidual(w.Tree, rest)}
		}
		return union
	}
	return tree
}
