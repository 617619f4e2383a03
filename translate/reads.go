package translate

import (
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// readIndex finds the nodes that have looked up a name of some form. What has
// been explored since it was made is looked through one by one.
type readIndex struct {
	index *index
	marks marks
	later []int32
}

// manyLater is from how many nodes on that are looked through a new index is made.
const manyLater = 512

func newReadIndex(nodes []*node, m marks) *readIndex {
	x := &readIndex{index: &index{}, marks: m}
	for number, n := range nodes {
		if n == nil {
			continue
		}
		for _, path := range n.reads {
			x.index.add(x.pattern(path), number)
		}
	}
	return x
}

// pattern is a name as a prefix: wild where it is marked, and in lower case, so
// that it may seem to be read where it is not, but never the other way round.
func (x *readIndex) pattern(path dtab.Path) dtab.Prefix {
	prefix := make(dtab.Prefix, len(path))
	for i, segment := range path {
		if prefix[i].Any = x.marks.in(segment); !prefix[i].Any {
			prefix[i].Label = strings.ToLower(segment)
		}
	}
	return prefix
}

// with gives the index for nodes of which some were explored anew.
func (x *readIndex) with(nodes []*node, anew []int32) *readIndex {
	if len(x.later)+len(anew) > manyLater {
		return newReadIndex(nodes, x.marks)
	}
	next := *x
	next.later = append(slices.Clip(next.later), anew...)
	return &next
}

// each tells of nodes that may have looked up names that begin as prefix says, or
// of which the prefix is the beginning of one that they have asked what it begins.
func (x *readIndex) each(nodes []*node, prefix dtab.Prefix, found func(number int32)) {
	prefix = lowered(prefix)
	tell := func(number int) {
		if number < len(nodes) && nodes[number] != nil {
			found(int32(number))
		}
	}
	x.index.meeting(prefix, tell)
	for _, number := range x.later {
		if n := nodes[number]; n != nil && x.reads(n, prefix) {
			found(number)
		}
	}
}

func lowered(prefix dtab.Prefix) dtab.Prefix {
	low := make(dtab.Prefix, len(prefix))
	for i, e := range prefix {
		low[i] = dtab.Elem{Any: e.Any, Label: strings.ToLower(e.Label)}
	}
	return low
}

func (x *readIndex) reads(n *node, prefix dtab.Prefix) bool {
	for _, path := range n.reads {
		meets := true
		for i := 0; meets && i < min(len(path), len(prefix)); i++ {
			meets = prefix[i].Any || strings.EqualFold(path[i], prefix[i].Label) || x.marks.in(path[i])
		}
		if meets {
			return true
		}
	}
	return false
}

// meeting tells of the owners of all entries that some name matches as far as it
// matches prefix.
func (x *index) meeting(prefix dtab.Prefix, found func(owner int)) {
	for _, o := range x.owners {
		found(o)
	}
	if x.any != nil {
		x.any.meeting(rest(prefix), found)
	}
	if len(prefix) == 0 || prefix[0].Any {
		for _, c := range x.children {
			c.meeting(rest(prefix), found)
		}
		return
	}
	if c := x.children[prefix[0].Label]; c != nil {
		c.meeting(rest(prefix), found)
	}
}

func rest(prefix dtab.Prefix) dtab.Prefix { return prefix[min(1, len(prefix)):] }
