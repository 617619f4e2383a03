package dtab

import (
	"maps"
	"slices"
)

// Node is a place in the tree of all prefixes of a table.
type Node struct {
	*fanout         // nil where no prefix goes on, as at most places
	entries []int64 // that end here: their numbers, ascending
}

// fanout is how prefixes go on.
type fanout struct {
	// labels are sorted; where they lead is few, in the same order, or else many, by
	// label.
	labels []string
	few    []*Node
	many   map[string]*Node
	any    *Node
}

// fewChildren is up to how many children are looked through one by one.
const fewChildren = 8

// Child gives the node one label further, nil if no prefix goes there.
func (n *Node) Child(label string) *Node {
	if n.fanout == nil {
		return nil
	}
	return n.child(label)
}

func (f *fanout) child(label string) *Node {
	if f.many != nil {
		return f.many[label]
	}
	for i, l := range f.labels {
		if l == label {
			return f.few[i]
		}
	}
	return nil
}

// Any gives the node one wildcard further, nil if no prefix goes there.
func (n *Node) Any() *Node {
	if n.fanout == nil {
		return nil
	}
	return n.any
}

// Labels gives the labels that prefixes go on with, sorted. Nodes of two indexes
// that have the same labels may have the same list. It must not be changed.
func (n *Node) Labels() []string {
	if n.fanout == nil {
		return nil
	}
	return n.labels
}

// Ends tells that a prefix ends here.
func (n *Node) Ends() bool { return len(n.entries) > 0 }

// indexEdit changes an index under way: nodes that it owns are nobody else's.
type indexEdit struct {
	owned map[*Node]bool
	// relabelled are owned nodes of many children that have got or lost children of
	// these labels, which they do not list yet.
	relabelled map[*Node][]string
}

func newIndexEdit() *indexEdit {
	return &indexEdit{owned: map[*Node]bool{}, relabelled: map[*Node][]string{}}
}

func (e *indexEdit) own(n *Node) *Node {
	if e.owned[n] {
		return n
	}
	own := &Node{entries: slices.Clone(n.entries)}
	if n.fanout != nil {
		own.fanout = &fanout{labels: n.labels, few: slices.Clone(n.few), many: maps.Clone(n.many), any: n.any}
	}
	e.owned[own] = true
	return own
}

// add adds an entry below a node that is owned.
func (e *indexEdit) add(n *Node, prefix Prefix, number int64) {
	for _, elem := range prefix {
		next := n.Any()
		if !elem.Any {
			next = n.Child(elem.Label)
		}
		if next == nil {
			next = &Node{}
		}
		next = e.own(next)
		e.put(n, elem, next)
		n = next
	}
	i, _ := slices.BinarySearch(n.entries, number)
	n.entries = slices.Insert(n.entries, i, number)
}

// put sets or, with nil, takes away what is one element below an owned node.
func (e *indexEdit) put(n *Node, elem Elem, child *Node) {
	if n.fanout == nil {
		n.fanout = &fanout{}
	}
	if elem.Any {
		n.any = child
		return
	}
	if n.many != nil {
		e.putMany(n, elem.Label, child)
		return
	}
	i, found := slices.BinarySearch(n.labels, elem.Label)
	switch {
	case found && child != nil:
		n.few[i] = child
	case found:
		n.labels = slices.Delete(slices.Clone(n.labels), i, i+1)
		n.few = slices.Delete(n.few, i, i+1)
	case child != nil && len(n.few) < fewChildren:
		n.labels = slices.Insert(slices.Clip(n.labels), i, elem.Label)
		n.few = slices.Insert(n.few, i, child)
	case child != nil:
		n.many = make(map[string]*Node, len(n.few)+1)
		for i, l := range n.labels {
			n.many[l] = n.few[i]
		}
		n.few = nil
		e.putMany(n, elem.Label, child)
	}
}

func (e *indexEdit) putMany(n *Node, label string, child *Node) {
	if had := n.many[label] != nil; had != (child != nil) {
		e.relabelled[n] = append(e.relabelled[n], label)
	}
	if child == nil {
		delete(n.many, label)
		return
	}
	n.many[label] = child
}

// remove gives a node without an entry, nil if nothing is left.
func (e *indexEdit) remove(n *Node, prefix Prefix, number int64) *Node {
	n = e.own(n)
	switch {
	case len(prefix) == 0:
		n.entries = slices.DeleteFunc(n.entries, func(m int64) bool { return m == number })
	case prefix[0].Any:
		e.put(n, prefix[0], e.remove(n.Any(), prefix[1:], number))
	default:
		e.put(n, prefix[0], e.remove(n.Child(prefix[0].Label), prefix[1:], number))
	}
	if n.fanout != nil && len(n.few)+len(n.many) == 0 && n.any == nil {
		n.fanout = nil
	}
	if n.fanout == nil && len(n.entries) == 0 {
		return nil
	}
	return n
}

// sort lists the labels of nodes that have got or lost some.
func (e *indexEdit) sort() {
	for n, changed := range e.relabelled {
		if n.fanout == nil || n.many == nil {
			continue // all were gone, and few came
		}
		if len(changed) > 8 {
			n.labels = slices.Sorted(maps.Keys(n.many))
			continue
		}
		labels := slices.Clone(n.labels)
		for _, l := range changed {
			switch i, listed := slices.BinarySearch(labels, l); {
			case listed && n.many[l] == nil:
				labels = slices.Delete(labels, i, i+1)
			case !listed && n.many[l] != nil:
				labels = slices.Insert(labels, i, l)
			}
		}
		n.labels = labels
	}
}
