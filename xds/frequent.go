package xds

import (
	"slices"
	"strings"
	"sync"
	"time"

	"kibble.dev/translate"
)

// Bounds of what counts as frequent.
const (
	frequentAfter = 16                    // requests of one kind
	frequentMost  = 128                   // kinds, of which the oldest goes first
	frequentFor   = time.Hour             // then it must show again that it is
	countedMost   = 4096                  // kinds that are counted at a time
	frequentPause = 50 * time.Millisecond // between two, so that a flood of rules is no flood of changes
	never         = -1 << 30
)

// frequent finds the overrides that come often. Its zero value has seen none.
// It is safe for concurrent use.
type frequent struct {
	mu     sync.Mutex
	counts map[string]int
	found  []frequentKind // oldest first
	latest time.Time
}

type frequentKind struct {
	key      string
	override translate.Override
	since    time.Time
}

// seen counts a request, and tells whether it has just become frequent.
func (f *frequent) seen(m *translate.Model, o translate.Override, now time.Time) bool {
	key, ok := m.ResolveKey(o)
	if !ok || len(key) > answerKeyMost {
		return false
	}
	key += "\n" + o.Request.Host // that one name has several spellings does not make them one kind
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil || len(f.counts) >= countedMost {
		f.counts = map[string]int{}
	}
	f.counts[key]++
	if f.counts[key] < frequentAfter || now.Sub(f.latest) < frequentPause {
		return false
	}
	if !m.Foretellable(o) {
		f.counts[key] = never
		return false
	}
	delete(f.counts, key)
	f.latest = now
	f.found = slices.DeleteFunc(f.found, func(k frequentKind) bool { return k.key == key })
	f.found = append(f.found, frequentKind{key: key, override: o, since: now})
	if len(f.found) > frequentMost {
		f.found = slices.Delete(f.found, 0, 1)
	}
	return true
}

// all gives the frequent overrides, in the order of their keys.
func (f *frequent) all(now time.Time) []translate.Override {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found = slices.DeleteFunc(f.found, func(k frequentKind) bool { return now.Sub(k.since) > frequentFor })
	sorted := slices.SortedFunc(slices.Values(f.found), func(a, b frequentKind) int { return strings.Compare(a.key, b.key) })
	overrides := make([]translate.Override, len(sorted))
	for i, k := range sorted {
		overrides[i] = k.override
	}
	return overrides
}
