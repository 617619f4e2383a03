package dtab

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Index is a table made ready for many bindings: a look-up costs what the name
// is long, whatever the table is. It is immutable, and With shares what it can; what
// it notes while names are bound changes no answer.
type Index struct {
	table Dtab
	// order has a number for each entry, ascending. There is room between them, so
	// that the nodes that an edit does not touch stay as they are.
	order []int64
	// even says that the numbers are those of a new index.
	even bool
	root *Node
	// top is where names begin that no entry has made, and starts is where those
	// begin that the entries make, as far as that is known.
	top    start
	starts []atomic.Pointer[start]
	// binders are those of earlier bindings under the table.
	binders sync.Pool
}

// binder gives one that has the state of another binding, or none.
func (x *Index) binder() *binder {
	if x != nil {
		if b, ok := x.binders.Get().(*binder); ok {
			return b
		}
	}
	return &binder{}
}

// done takes back a binder that is not used any more.
func (x *Index) done(b *binder) {
	if x != nil {
		b.Interpreter = nil
		b.memo = memo{}
		x.binders.Put(b)
	}
}

// spacing is between the numbers of the entries of a new index.
const spacing = 1 << 20

// NewIndex makes the index of a table, which must not be changed afterwards.
func NewIndex(table Dtab) *Index {
	order := make([]int64, len(table))
	e := newIndexEdit()
	root := e.own(&Node{})
	for i := range table {
		order[i] = int64(i+1) * spacing
		e.add(root, table[i].Prefix, order[i])
	}
	e.sort()
	return newIndex(table, order, true, root)
}

func newIndex(table Dtab, order []int64, even bool, root *Node) *Index {
	return &Index{
		table: table, order: order, even: even, root: root,
		top: start{at: root}, starts: make([]atomic.Pointer[start], len(table)),
	}
}

// Dtab gives the table. It must not be changed.
func (x *Index) Dtab() Dtab {
	if x == nil {
		return nil
	}
	return x.table
}

// Root gives where all prefixes begin.
func (x *Index) Root() *Node { return x.root }

// With gives the index of another table, and the prefixes of all entries in which
// it differs from this one: any name that none of them matches means the same.
func (x *Index) With(table Dtab) (next *Index, edited []Prefix) {
	gone, come := Edits(x.table, table)
	for _, i := range gone {
		edited = append(edited, x.table[i].Prefix)
	}
	for _, i := range come {
		edited = append(edited, table[i].Prefix)
	}
	if x.rewritten(table, gone, come) {
		return newIndex(table, x.order, x.even, x.root), edited
	}
	order, ok := x.renumber(len(table), gone, come)
	if !ok || len(edited) > 64+len(table)/4 {
		return NewIndex(table), edited
	}
	root := x.root
	e := newIndexEdit()
	for _, i := range gone {
		if root = e.remove(root, x.table[i].Prefix, x.order[i]); root == nil {
			root = &Node{}
		}
	}
	for _, i := range come {
		root = e.own(root)
		e.add(root, table[i].Prefix, order[i])
	}
	e.sort()
	return newIndex(table, order, false, root), edited
}

// rewritten tells that an edit leaves every prefix where it is.
func (x *Index) rewritten(table Dtab, gone, come []int) bool {
	return slices.Equal(gone, come) && !slices.ContainsFunc(gone, func(i int) bool {
		return !slices.Equal(x.table[i].Prefix, table[i].Prefix)
	})
}

// renumber gives the numbers of a table of n entries which is this one without
// some entries and with others. It is not ok where there is no room.
func (x *Index) renumber(n int, gone, come []int) ([]int64, bool) {
	kept := make([]int64, 0, len(x.order)-len(gone))
	from := 0
	for _, i := range gone {
		kept = append(kept, x.order[from:i]...)
		from = i + 1
	}
	kept = append(kept, x.order[from:]...)
	order := make([]int64, 0, n)
	from = 0
	for j, i := range come {
		old := i - j // how many that were kept stand before
		order = append(order, kept[from:old]...)
		from = old
		low, high := int64(0), int64(math.MaxInt64)
		if len(order) > 0 {
			low = order[len(order)-1]
		}
		if old < len(kept) {
			high = kept[old]
		}
		number := min(low+spacing, low+(high-low)/2)
		if number <= low || number >= high {
			return nil, false
		}
		order = append(order, number)
	}
	return append(order, kept[from:]...), true
}

// entry gives which entry has a number.
func (x *Index) entry(number int64) int {
	if x.even {
		return int(uint64(number)/spacing) - 1
	}
	i, _ := slices.BinarySearch(x.order, number)
	return i
}
