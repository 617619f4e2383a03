package dtab

import (
	"slices"
	"sort"
)

// Edits tells which entries of a table are gone in another, and which have come:
// positions in the one and in the other, ascending. What is left of both is the
// same, in the same order. Where rules were written does not count.
func Edits(was, is Dtab) (gone, come []int) {
	first, n := 0, min(len(was), len(is))
	for first < n && sameRule(&was[first], &is[first]) {
		first++
	}
	last := 0
	for last < n-first && sameRule(&was[len(was)-1-last], &is[len(is)-1-last]) {
		last++
	}
	kept := longestCommon(was[first:len(was)-last], is[first:len(is)-last])
	for i := first; i < len(was)-last; i++ {
		if j := sort.Search(len(kept), func(k int) bool { return kept[k][0] >= i-first }); j == len(kept) || kept[j][0] != i-first {
			gone = append(gone, i)
		}
	}
	for i := first; i < len(is)-last; i++ {
		if j := sort.Search(len(kept), func(k int) bool { return kept[k][1] >= i-first }); j == len(kept) || kept[j][1] != i-first {
			come = append(come, i)
		}
	}
	return gone, come
}

// longestCommon gives pairs of positions of equal entries, ascending in both: as
// many as there can be if no entry is written twice.
func longestCommon(was, is Dtab) [][2]int {
	if len(was) == 0 || len(is) == 0 {
		return nil
	}
	at := map[string][]int{}
	for i, d := range is {
		text := d.String()
		at[text] = append(at[text], i)
	}
	// Patience: tails[k] is the pair that ends the best chain of k+1 pairs.
	type pair struct{ was, is, before int }
	var pairs []pair
	var tails []int
	for i, d := range was {
		text := d.String()
		if len(at[text]) == 0 {
			continue
		}
		j := at[text][0]
		at[text] = at[text][1:]
		k := sort.Search(len(tails), func(k int) bool { return pairs[tails[k]].is >= j })
		before := -1
		if k > 0 {
			before = tails[k-1]
		}
		pairs = append(pairs, pair{i, j, before})
		if k == len(tails) {
			tails = append(tails, 0)
		}
		tails[k] = len(pairs) - 1
	}
	var chain [][2]int
	if len(tails) > 0 {
		for p := tails[len(tails)-1]; p >= 0; p = pairs[p].before {
			chain = append(chain, [2]int{pairs[p].was, pairs[p].is})
		}
	}
	slices.Reverse(chain)
	return chain
}

// sameRule tells that two entries mean the same wherever they stand.
func sameRule(a, b *Dentry) bool {
	return (sameSlice(a.Prefix, b.Prefix) || slices.Equal(a.Prefix, b.Prefix)) && sameTree(a.Dst, b.Dst)
}

// sameSlice tells that two slices are the same memory.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func sameTree(a, b Tree) bool {
	switch a := a.(type) {
	case Leaf:
		b, ok := b.(Leaf)
		return ok && (sameSlice(a.Path, b.Path) || a.Path.Equal(b.Path))
	case Alt:
		b, ok := b.(Alt)
		return ok && slices.EqualFunc(a, b, sameTree)
	case Union:
		b, ok := b.(Union)
		return ok && slices.EqualFunc(a, b, func(x, y Weighted) bool {
			return x.Weight == y.Weight && sameTree(x.Tree, y.Tree)
		})
	case *Bound:
		b, ok := b.(*Bound)
		return ok && a.ID.Equal(b.ID) && a.Residual.Equal(b.Residual)
	}
	return a == b
}
