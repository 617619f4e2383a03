package dtab

import (
	"hash/maphash"
	"slices"
	"sync/atomic"
)

// madeBounds are bound names that a namer was asked for lately and more than once,
// so that a name which is bound again and again is made once. Several may use it at
// once.
type madeBounds struct {
	seed  maphash.Seed
	slots [256]madeBound
}

// madeBound is a place for one of the names that it would be good for.
type madeBound struct {
	hash  atomic.Uint64 // of the last segment of the path that was asked for last
	bound atomic.Pointer[Bound]
}

func (m *madeBounds) init() { m.seed = maphash.MakeSeed() }

// slot gives the place of what a path is bound to, and the path's hash.
func (m *madeBounds) slot(path Path) (*madeBound, uint64) {
	hash := maphash.String(m.seed, path[len(path)-1])
	return &m.slots[hash%uint64(len(m.slots))], hash
}

// of gives the bound name whose id is some segments, which are always the same, and
// after them id; nil if there is none.
func (m *madeBound) of(segments int, id, residual Path) *Bound {
	b := m.bound.Load()
	if b == nil || !slices.Equal(b.ID[segments:], id) || !slices.Equal(b.Residual, residual) {
		return nil
	}
	return b
}

// make makes a bound name for a path of that hash, and keeps it if the path before had
// the same.
func (m *madeBound) make(hash uint64, start, id, residual Path) *Bound {
	b := newBound(start, id, residual)
	if m.hash.Load() == hash {
		m.bound.Store(b)
	} else {
		m.hash.Store(hash)
	}
	return b
}
