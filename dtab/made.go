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
	slots [256]struct {
		hash  atomic.Uint64 // of the last segment of the id that was asked for last
		bound atomic.Pointer[Bound]
	}
}

func (m *madeBounds) init() { m.seed = maphash.MakeSeed() }

// bound gives the bound name whose id is start, which is always the same, and after
// it id, which is not empty.
func (m *madeBounds) bound(start, id Path) *Bound {
	hash := maphash.String(m.seed, id[len(id)-1])
	slot := &m.slots[hash%uint64(len(m.slots))]
	if slot.hash.Load() != hash {
		slot.hash.Store(hash)
		return newBound(start, id, nil)
	}
	if b := slot.bound.Load(); b != nil && slices.Equal(b.ID[len(start):], id) {
		return b
	}
	b := newBound(start, id, nil)
	slot.bound.Store(b)
	return b
}
