package translate

import (
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// explored is what an exploration has found, in a form in which the next one can
// start from it. It is immutable once it is whole.
type explored struct {
	// nodes by number; nil where nothing leads any more.
	nodes   []*node
	numbers numbers
	marks   marks
	reads   *readIndex
	// live is how many nodes there are, over that it had to stop.
	live int
	over bool
	// frugal: only combinations of few policies were looked at.
	frugal bool
}

// A node is a region that was explored: what was found, what for, and where it
// leads. Regions are told apart by number.
type node struct {
	region region
	cell   *cell
	// reads are all names that were looked up to make the cell: whoever changes
	// the meaning of none of them changes nothing of the node.
	reads []dtab.Path
	next  []int32
	flips []*flips

	work int
	deep bool
	wide []int // policies that are combined with too many others
	// combined is what its combinations beyond maxTogether cost, or would.
	combined int
}

// flips are the regions in which a marked segment is each of many labels.
type flips struct {
	segment string
	fold    bool
	labels  []string // sorted
	ends    []int32  // where the regions of each label end in to
	to      []int32
	deep    bool
}

// at gives the regions of label i.
func (f *flips) at(i int) []int32 {
	first := int32(0)
	if i > 0 {
		first = f.ends[i-1]
	}
	return f.to[first:f.ends[i]]
}

// numbers gives regions numbers, by their keys.
type numbers struct {
	byKey layered[string, int32] // one more than the number
	next  int32
}

func (n *numbers) of(key string) int32 {
	if number := n.byKey.get(key); number > 0 {
		return number - 1
	}
	n.next++
	n.byKey.set(key, n.next)
	return n.next - 1
}

// pathSet is a set of names, in the order in which they were added.
type pathSet struct {
	list []dtab.Path
	keys map[string]bool // once there are many
}

// add adds a copy of a path that is not there yet.
func (s *pathSet) add(path dtab.Path) {
	const few = 24
	if len(s.list) < few {
		if slices.ContainsFunc(s.list, path.Equal) {
			return
		}
		s.list = append(s.list, slices.Clone(path))
		return
	}
	if s.keys == nil {
		s.keys = map[string]bool{}
		for _, p := range s.list {
			s.keys[strings.Join(p, "\x00")] = true
		}
	}
	key := strings.Join(path, "\x00")
	if s.keys[key] {
		return
	}
	s.keys[key] = true
	s.list = append(s.list, slices.Clone(path))
}
