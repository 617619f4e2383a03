package translate

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// PodListener makes the listener of a router that binds the pod's address for a
// pod that no endpoint tells of: one of no Service, of one that was deleted, or
// that is on its way up or down. A proxy listens as long as it runs.
type PodListener struct {
	spec listenerSpec

	mu   sync.Mutex
	made map[Scope]*Resource
}

// mostMade is how many listeners of one router are kept for pods that come and go.
const mostMade = 1000

// At gives the listener of proxies at a scope, nil where that is not the place of
// a pod, or none can be made.
func (l *PodListener) At(scope Scope) *Resource {
	ip, ok := strings.CutPrefix(strings.TrimPrefix(string(scope), string(FullScope(""))), string(podScopes))
	if !ok {
		return nil
	}
	spec, ok := l.spec.atPod(ip)[scope]
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, known := l.made[scope]
	if !known {
		if len(l.made) == mostMade {
			clear(l.made)
		}
		if made, err := newListener(spec, ip); err == nil {
			r, _ = spec.encoded(made, spec.source)
		}
		l.made[scope] = r
	}
	return r
}

// podAddresses gives every address that an endpoint has.
func (m *Model) podAddresses() []string {
	all := map[string]bool{}
	for _, svc := range m.inventory.Services {
		svc.addresses(func(a string) { all[a] = true })
	}
	return sortedKeys(all)
}

// addresses calls f with each address of a Service's endpoints; a nil one has none.
func (s *Service) addresses(f func(string)) {
	if s == nil {
		return
	}
	for _, slice := range s.Slices {
		for _, ep := range slice.Endpoints {
			for _, a := range ep.Addresses {
				f(a)
			}
		}
	}
}

// movedPods gives the addresses of some Services of which there were none before,
// and those of which there are none any more, in any Service; sorted. To look at
// all of them for the few that went is much less than to gather all of them.
func movedPods(was, is *Inventory, services []Key) (came, went []string) {
	before, after := map[string]bool{}, map[string]bool{}
	for _, key := range services {
		was.Services[key].addresses(func(a string) { before[a] = true })
		is.Services[key].addresses(func(a string) { after[a] = true })
	}
	gone := map[string]bool{}
	for a := range before {
		if !after[a] {
			gone[a] = true
		}
	}
	maps.DeleteFunc(after, func(a string, _ bool) bool { return before[a] })
	if len(gone) > 0 {
		for _, svc := range is.Services {
			svc.addresses(func(a string) { delete(gone, a) })
		}
	}
	return sortedKeys(after), sortedKeys(gone)
}

// followPods makes the listeners of pods that came, and takes away those of pods
// that went.
func (cb *classBuilder) followPods(spec listenerSpec, came, went []string) {
	if len(came)+len(went) == 0 {
		return
	}
	cb.source = spec.source
	now := maps.Clone(cb.snapshot.Local[spec.Name])
	if now == nil {
		now = map[Scope]*Resource{}
	}
	for _, ip := range went {
		for scope := range spec.atPod(ip) {
			delete(now, scope)
		}
	}
	for _, ip := range came {
		at := spec.atPod(ip)
		for _, scope := range slices.Sorted(maps.Keys(at)) {
			if now[scope] != nil {
				continue
			}
			if r := cb.listener(at[scope], ip); r != nil {
				now[scope] = r
			}
		}
	}
	if cb.snapshot.Local[spec.Name] = now; len(now) == 0 {
		delete(cb.snapshot.Local, spec.Name)
	}
}
