package dtab

import (
	"maps"
	"slices"
)

// Simplify gives a shorter tree of the same meaning: in an alternation without
// negative branches and what comes after the first fail, in a union without
// negative branches and fails. One branch left stands for the whole, none is
// Neg (Finagle, NameTree.simplified).
func Simplify(tree Tree) Tree {
	switch t := tree.(type) {
	case Alt:
		if len(t) == 1 {
			return Simplify(t[0])
		}
		var kept Alt
		for _, b := range t {
			b = Simplify(b)
			if _, neg := b.(Neg); neg {
				continue
			}
			kept = append(kept, b)
			if _, fail := b.(Fail); fail {
				break
			}
		}
		switch len(kept) {
		case 0:
			return Neg{}
		case 1:
			return kept[0]
		}
		return kept
	case Union:
		if len(t) == 1 {
			return Simplify(t[0].Tree)
		}
		var kept Union
		for _, w := range t {
			b := Simplify(w.Tree)
			switch b.(type) {
			case Neg, Fail:
				continue
			}
			kept = append(kept, Weighted{Weight: w.Weight, Tree: b})
		}
		switch len(kept) {
		case 0:
			return Neg{}
		case 1:
			return kept[0].Tree
		}
		return kept
	}
	return tree
}

// Simplify gives a shorter table of the same meaning but for one thing:
// dentries whose simplified right side is negative are left out, although two
// of them keep a namer from being asked (Finagle, Dtab.simplified).
func (d Dtab) Simplify() Dtab {
	var kept Dtab
	for _, dentry := range d {
		dentry.Dst = Simplify(dentry.Dst)
		if _, neg := dentry.Dst.(Neg); !neg {
			kept = append(kept, dentry)
		}
	}
	return kept
}

// Eval gives the leaves that a tree stands for when nothing is looked up,
// sorted and each once, or false where that is nothing: the tree is negative or
// fails (Finagle, NameTree.eval; weights do not count).
func Eval(tree Tree) ([]string, bool) {
	set, verdict := eval(tree)
	if verdict != known {
		return nil, false
	}
	leaves := slices.AppendSeq([]string{}, maps.Keys(set))
	slices.Sort(leaves)
	return leaves, true
}

type verdict int

const (
	known verdict = iota
	negative
	failing
)

func eval(tree Tree) (map[string]bool, verdict) {
	switch t := tree.(type) {
	case Leaf:
		return map[string]bool{t.Path.String(): true}, known
	case *Bound:
		return map[string]bool{t.String(): true}, known
	case Empty:
		return nil, known
	case Fail:
		return nil, failing
	case Alt:
		for _, b := range t {
			if set, v := eval(b); v != negative {
				return set, v
			}
		}
	case Union:
		if len(t) == 1 {
			return eval(t[0].Tree)
		}
		all, found := map[string]bool{}, false
		for _, w := range t {
			set, v := eval(w.Tree)
			if v != known {
				continue
			}
			found = true
			for leaf := range set {
				all[leaf] = true
			}
		}
		if found {
			return all, known
		}
	}
	return nil, negative
}
