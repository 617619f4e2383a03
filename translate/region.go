package translate

import "strings"

// A region is a set of requests that get the same answer from a table: a
// pattern for each variable of the router's names.
type region struct {
	parts []pattern
}

func (r region) key() string {
	keys := make([]string, len(r.parts))
	for i, p := range r.parts {
		keys[i] = p.key()
	}
	return strings.Join(keys, "\x00")
}

func (r region) score() int {
	n := 0
	for _, p := range r.parts {
		n += p.score()
	}
	return n
}

// size is how many atoms a region has.
func (r region) size() int {
	n := 0
	for _, p := range r.parts {
		n += len(p.atoms)
	}
	return n
}

// with gives a copy of the region with another pattern for variable i.
func (r region) with(i int, p pattern) region {
	parts := append([]pattern(nil), r.parts...)
	parts[i] = p
	return region{parts: parts}
}

func (r region) overlaps(q region) bool {
	for i := range r.parts {
		if !r.parts[i].overlaps(q.parts[i]) {
			return false
		}
	}
	return true
}

func (r region) contains(q region) bool {
	for i := range r.parts {
		if !r.parts[i].contains(q.parts[i]) {
			return false
		}
	}
	return true
}
