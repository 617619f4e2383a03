package dtab

import (
	"math"
	"slices"
)

// matches are the entries that match a path, the one that wins first. Few match
// most names, so that one walk finds those of Base.
type matches struct {
	own   int   // how many entries of Dtab are left
	limit int64 // entries of Base with lower numbers are left
	// found has the greatest of those, descending; read of its n were given.
	found   [4]int64
	n, read int
}

// match is an entry that matches a path.
type match struct {
	*Dentry     // nil: there is none
	i       int // which of Base it is; -1: it is of Dtab
}

// top is where a name begins that no entry of Base has made.
func (in *Interpreter) top() *start {
	if in.Base == nil {
		return nil
	}
	return &in.Base.top
}

// first gives the entry that wins among those that match a path, whose start is
// given. If there are more, they are what next gives.
func (in *Interpreter) first(path Path, from *start, m *matches) match {
	if len(in.Dtab) == 0 && from != nil && from.at == nil {
		if from.found == 0 {
			return match{}
		}
		i := in.Base.entry(from.found)
		return match{&in.Base.table[i], i}
	}
	in.match(path, from, m)
	return in.next(path, m)
}

// more tells that there may be more entries that match.
func (m *matches) more() bool { return m.own > 0 || m.read < m.n }

// match begins with the entries that match a path, whose start is given.
func (in *Interpreter) match(path Path, from *start, m *matches) {
	m.own, m.limit = len(in.Dtab), math.MaxInt64
	if from == nil {
		return
	}
	if from.found != 0 {
		m.found[0], m.n = from.found, 1
	}
	if from.at != nil {
		m.walk(from.at, path[from.passed:])
	}
}

// next gives the next entry that matches. The path is always the same.
func (in *Interpreter) next(path Path, m *matches) match {
	for m.own > 0 {
		m.own--
		if in.Dtab[m.own].Prefix.Matches(path) {
			return match{&in.Dtab[m.own], -1}
		}
	}
	if m.read == len(m.found) {
		m.limit, m.n, m.read = m.found[m.read-1], 0, 0
		m.walk(in.Base.root, path)
	}
	if m.read == m.n {
		return match{}
	}
	i := in.Base.entry(m.found[m.read])
	m.read++
	return match{&in.Base.table[i], i}
}

// start gives where names begin that an entry makes, whose right side is a path.
func (in *Interpreter) start(of match) *start {
	if of.i < 0 {
		return in.top()
	}
	return in.Base.start(of.i)
}

// walk finds the greatest numbers below the limit.
func (m *matches) walk(n *Node, path Path) {
	for i := 0; ; i++ {
		if len(n.entries) > 0 {
			m.take(n.entries)
		}
		if i == len(path) || n.fanout == nil {
			return
		}
		if n.any != nil {
			m.walk(n.any, path[i+1:])
		}
		if n = n.child(path[i]); n == nil {
			return
		}
	}
}

// take takes what is among the greatest of ascending numbers.
func (m *matches) take(entries []int64) {
	if m.n == 0 && len(entries) == 1 && entries[0] < m.limit {
		m.found[0], m.n = entries[0], 1
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
		for i := m.n - 1; i > at; i-- {
			m.found[i] = m.found[i-1]
		}
		m.found[at] = number
	}
}
