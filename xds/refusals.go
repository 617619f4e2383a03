package xds

import "sync"

// refusedMost is how many refusals are logged one by one in a countEvery: thousands can
// be had for nothing by whoever gets to the address.
const refusedMost = 20

// refusals counts those of a while. The zero value has none.
type refusals struct {
	mu     sync.Mutex
	logged int
	more   int
}

// add tells whether one more is to be logged.
func (r *refusals) add() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logged >= refusedMost {
		r.more++
		return false
	}
	r.logged++
	return true
}

// next begins the next while, and tells how many of the last one were not logged.
func (r *refusals) next() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	more := r.more
	r.logged, r.more = 0, 0
	return more
}
