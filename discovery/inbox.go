package discovery

import (
	"context"
	"maps"
	"sync"
	"time"

	"kibble.dev/dtab"
)

// reading is what was read of one object of a cluster: its facts, and what
// there is to say of it. Without facts the object is gone, or invalid if there
// are findings.
type reading struct {
	object *object
	found  []dtab.Finding
	// kept: it is gone with its kind, and is served as it was.
	kept bool
	// generation and uid of an object of ours, else 0 and "".
	generation int64
	uid        string
}

// inbox holds what has been read until somebody takes it. Of each object it
// holds the newest reading only, so it is never larger than the cluster.
type inbox struct {
	mu       sync.Mutex
	readings map[id]reading
	news     chan struct{}
	last     time.Time // that wait returned true; its caller's alone
}

func newInbox() *inbox {
	return &inbox{readings: map[id]reading{}, news: make(chan struct{}, 1)}
}

func (b *inbox) put(all map[id]reading) {
	b.mu.Lock()
	maps.Copy(b.readings, all)
	b.mu.Unlock()
	b.ring()
}

// ring says that there is something to look at.
func (b *inbox) ring() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *inbox) take() map[id]reading {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.readings
	b.readings = map[id]reading{}
	return all
}

// wait returns true when something has come in, and a pause after it did so
// last; false when ctx has ended.
func (b *inbox) wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-b.news:
	}
	if rest := pause - time.Since(b.last); rest > 0 {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(rest):
		}
	}
	b.last = time.Now()
	return true
}
