package translate

import (
	"maps"
	"slices"
)

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
