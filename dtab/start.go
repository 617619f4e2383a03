package dtab

// start is where the look-up of a name begins in an index: an entry has made the
// name by putting its right side, a path, in front, and along that side the look-up
// is always the same.
type start struct {
	// at is from where on entries are to be looked for; nil: there are no more.
	at *Node
	// passed is how many segments of the name lie before that place.
	passed int
	// found is the number of the entry that matches before that place; 0 for none.
	found int64
}

// start gives where names begin that an entry makes. Its right side is a path.
func (x *Index) start(entry int) *start {
	if s := x.starts[entry].Load(); s != nil {
		return s
	}
	s := &start{}
	*s = x.along(x.table[entry].Dst.(Leaf).Path)
	x.starts[entry].Store(s)
	return s
}

// along goes along a path as far as names that begin with it share their way and
// find one entry at most.
func (x *Index) along(path Path) start {
	s := start{at: x.root}
	for s.passed < len(path) {
		n := s.at
		if n.Any() != nil || !s.takes(n) {
			return s
		}
		s.passed++
		if s.at = n.Child(path[s.passed-1]); s.at == nil {
			return s
		}
	}
	if s.at.fanout == nil && s.takes(s.at) {
		s.at = nil
	}
	return s
}

// takes tells whether the entries of a place are taken, because there is still no
// more than one.
func (s *start) takes(n *Node) bool {
	switch {
	case len(n.entries) == 0:
		return true
	case len(n.entries) > 1 || s.found != 0:
		return false
	}
	s.found = n.entries[0]
	return true
}
