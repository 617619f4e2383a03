package dtab

import "slices"

// matches gives the numbers of the entries that match a path, from the greatest
// down. Few entries match most names, so that one walk finds them all.
type matches struct {
	limit int64 // entries with lower numbers are left
	// found has the greatest of those, descending; read of its n were given.
	found   [4]int64
	n, read int
}

// next gives the next number, 0 if there is none. Root and path are always the same.
func (m *matches) next(root *Node, path Path) int64 {
	if m.read == m.n {
		if m.n > 0 && m.n < len(m.found) {
			return 0 // that was all
		}
		m.n, m.read = 0, 0
		if m.walk(root, path); m.n == 0 {
			return 0
		}
	}
	m.limit = m.found[m.read]
	m.read++
	return m.limit
}

// walk finds the greatest numbers below the limit.
func (m *matches) walk(n *Node, path Path) {
	for {
		m.take(n.entries)
		if len(path) == 0 {
			return
		}
		if n.any != nil {
			m.walk(n.any, path[1:])
		}
		if n = n.children[path[0]]; n == nil {
			return
		}
		path = path[1:]
	}
}

// take takes what is among the greatest of ascending numbers.
func (m *matches) take(entries []int64) {
	if len(entries) == 0 {
		return
	}
	left := len(entries)
	if entries[left-1] >= m.limit {
		left, _ = slices.BinarySearch(entries, m.limit)
	}
	for left--; left >= 0; left-- {
		number, at := entries[left], m.n
		for at > 0 && m.found[at-1] < number {
			at--
		}
		if at == len(m.found) {
			return
		}
		m.n = min(m.n+1, len(m.found))
		copy(m.found[at+1:m.n], m.found[at:m.n])
		m.found[at] = number
	}
}
