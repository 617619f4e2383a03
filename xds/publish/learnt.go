package publish

import (
	"cmp"
	"slices"
	"time"
)

// Workload is whose proxies use the same clusters: the pods of a Deployment,
// and the like. The zero value is nobody's, of which nothing is learnt.
type Workload struct{ Namespace, Name string }

// Bounds of what is learnt.
const (
	learntNames     = 1000 // of one workload
	learntWorkloads = 10_000
	// learntFor is how long a workload's use of a cluster is remembered after
	// the last of its proxies had it.
	learntFor = 30 * 24 * time.Hour
	// learntEvery is how often what proxies have is looked at.
	learntEvery = time.Hour
)

// Learnt is what workloads were seen to use. When it is full, what was in use
// longest ago goes. It is not safe for concurrent use.
type Learnt struct {
	// of are the clusters by workload, and when a proxy of it last had them.
	of    map[Workload]map[string]time.Time
	swept time.Time
	// changes counts how often it changed.
	changes int
}

// Use is one cluster that a workload was seen to use.
type Use struct {
	Namespace string    `json:"namespace"`
	Workload  string    `json:"workload"`
	Cluster   string    `json:"cluster"`
	Last      time.Time `json:"last"`
}

// newLearnt is what is known at first: nothing.
func newLearnt() *Learnt { return &Learnt{of: map[Workload]map[string]time.Time{}} }

// All gives what was learnt, sorted by workload and cluster.
func (l *Learnt) All() []Use {
	var all []Use
	for w, names := range l.of {
		for name, last := range names {
			all = append(all, Use{w.Namespace, w.Name, name, last})
		}
	}
	slices.SortFunc(all, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Workload, b.Workload), cmp.Compare(a.Cluster, b.Cluster))
	})
	return all
}

// restore adds what All gave an earlier time.
func (l *Learnt) restore(uses []Use) {
	for _, u := range uses {
		l.learn(u.Last, Workload{u.Namespace, u.Workload}, u.Cluster)
	}
}

// learn notes a use, and tells if it was not known.
func (l *Learnt) learn(now time.Time, w Workload, name string) bool {
	names := l.of[w]
	if last, known := names[name]; known {
		if now.After(last.Add(learntEvery)) {
			names[name] = now
			l.changes++
		}
		return false
	}
	if names == nil {
		if len(l.of) >= learntWorkloads {
			l.dropWorkload()
		}
		names = map[string]time.Time{}
		l.of[w] = names
	}
	if len(names) >= learntNames {
		delete(names, oldest(names))
	}
	names[name] = now
	l.changes++
	return true
}

func (l *Learnt) has(w Workload, name string) bool {
	_, ok := l.of[w][name]
	return ok
}

func oldest(names map[string]time.Time) (first string) {
	var when time.Time
	for name, last := range names {
		if first == "" || last.Before(when) || last.Equal(when) && name < first {
			first, when = name, last
		}
	}
	return first
}

// dropWorkload forgets the workload that was seen longest ago.
func (l *Learnt) dropWorkload() {
	var first Workload
	var when time.Time
	for w, names := range l.of {
		last := time.Time{}
		for _, t := range names {
			if t.After(last) {
				last = t
			}
		}
		if first == (Workload{}) || last.Before(when) ||
			last.Equal(when) && cmp.Or(cmp.Compare(w.Namespace, first.Namespace), cmp.Compare(w.Name, first.Name)) < 0 {
			first, when = w, last
		}
	}
	delete(l.of, first)
}

// sweep notes what proxies of each workload have, and forgets what none has had
// for long.
func (l *Learnt) sweep(now time.Time, workers map[Workload]map[*Proxy]struct{}) {
	if now.Before(l.swept.Add(learntEvery)) {
		return
	}
	l.swept = now
	for w, names := range l.of {
		for name, last := range names {
			for p := range workers[w] {
				if p.hasCluster(name) {
					last = now
					names[name] = now
					l.changes++
					break
				}
			}
			if now.After(last.Add(learntFor)) {
				delete(names, name)
				l.changes++
			}
		}
		if len(names) == 0 {
			delete(l.of, w)
		}
	}
}
