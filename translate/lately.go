package translate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"kibble.dev/dtab"
)

// goneFor is how long who receives requests goes on answering to a name that has
// ceased to exist, such as that of a port that was renamed. Whoever sends them
// hears of it at another time, and goes by the old name until the clusters of the
// new one are there, which takes at most as long as package publish waits for an
// answer. Then what is in flight is to end too.
const goneFor = 15 * time.Second

// gone is a Service as it was while it had names that it has no more.
type gone struct {
	service *Service
	until   time.Time
}

// after gives the inventory with what has gone since an earlier one, or had gone
// before that and not long ago. Labels are those by which namers tell endpoints apart.
func (inv *Inventory) after(was *Inventory, labels []string, now time.Time) *Inventory {
	next := *inv
	next.lately = was.lately
	touched := inv.changedSince(was.Services)
	next.since = &since{was: was.Services, is: inv.Services, changed: touched}
	for key, list := range was.lately {
		if slices.ContainsFunc(list, func(g gone) bool { return !now.Before(g.until) }) {
			touched = append(touched, key)
		}
	}
	for _, key := range touched {
		list := was.lately[key]
		if s := was.Services[key]; s != nil {
			list = append([]gone{{s, now.Add(goneFor)}}, list...)
		}
		list = missed(list, inv.Services[key], labels, now)
		if slices.Equal(list, was.lately[key]) {
			continue
		}
		if sameMap(next.lately, was.lately) {
			if next.lately = maps.Clone(was.lately); next.lately == nil {
				next.lately = map[Key][]gone{}
			}
		}
		if next.lately[key] = list; len(list) == 0 {
			delete(next.lately, key)
		}
	}
	return &next
}

// since is what changedSince says of two maps. To compare thousands of Services costs
// more than all else that a change of one takes.
type since struct {
	was, is map[Key]*Service
	changed []Key
}

// changedSince gives the keys under which the inventory has another Service than there
// was, or none, or a new one; in no order.
func (inv *Inventory) changedSince(was map[Key]*Service) []Key {
	if s := inv.since; s != nil && sameMap(s.was, was) && sameMap(s.is, inv.Services) {
		return s.changed
	}
	return slices.Clip(changedKeys(was, inv.Services, func(a, b *Service) bool { return a == b }))
}

// missed gives those of a Service's former states, latest first, that have a name
// which neither the Service has, nor a later one of them.
func missed(list []gone, is *Service, labels []string, now time.Time) []gone {
	var kept []gone
	have := is.boundNames(labels)
	for _, g := range list {
		if !now.Before(g.until) {
			continue
		}
		more := false
		for name := range g.service.boundNames(labels) {
			more = more || !have[name]
			have[name] = true
		}
		if more {
			kept = append(kept, g)
		}
	}
	return kept
}

// boundNames gives the ends of the names by which io.l5d.k8s knows a Service: the
// port, and where endpoints are told apart by a label, its value. A nil one has none.
func (s *Service) boundNames(labels []string) map[string]bool {
	all := map[string]bool{}
	if s == nil {
		return all
	}
	inv := &Inventory{Services: map[Key]*Service{s.Key: s}}
	for _, port := range portNames(s) {
		id := dtab.Path{s.Namespace, port, s.Name}
		if inv.Has(dtab.KindK8s, id) {
			all[port] = true
		}
		for i, label := range labels {
			values := map[string]bool{}
			(&names{inventory: inv}).labels(s.Key, label, values)
			for value := range values {
				if (View{Inventory: inv, Label: label}).Has(dtab.KindK8s, id.Join(value)) {
					all[strings.Join([]string{port, strconv.Itoa(i), value}, "/")] = true
				}
			}
		}
	}
	return all
}

// lateNames lists the names that have gone lately, nil where none has.
func lateNames(inv *Inventory) *names {
	if len(inv.lately) == 0 {
		return nil
	}
	before := &Inventory{Services: make(map[Key]*Service, len(inv.lately))}
	for key, list := range inv.lately {
		all := &Service{Key: key}
		for _, g := range list {
			all.Ports = append(all.Ports, g.service.Ports...)
			all.Slices = append(all.Slices, g.service.Slices...)
		}
		before.Services[key] = all
	}
	return newNames(before)
}
