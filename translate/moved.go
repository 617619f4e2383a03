package translate

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"kibble.dev/dtab"
)

// moved says that a model differs from an earlier one only in who stands behind
// some Services: names mean what they meant, so that routes, clusters and
// listeners stay as they are. Most changes of a cluster are of this kind, and
// they must cost what they touch.
type moved struct {
	// from is the token of the earlier model.
	from     *token
	services []Key
}

// token tells models apart without holding on to them.
type token struct{ _ byte }

// afterMove gives the model that follows where only endpoints have moved, nil
// where anything else is new.
func (m *Model) afterMove(inv *Inventory, now time.Time) *Model {
	if m.Outdated(now) {
		return nil
	}
	services, ok := movedServices(m.inventory, inv, m.selectors())
	if !ok {
		return nil
	}
	next := *m
	next.inventory, next.token = inv, &token{}
	next.moved = &moved{from: m.token, services: services}
	next.names = m.names.with(inv)
	next.routers = make([]*router, len(m.routers))
	for i, r := range m.routers {
		next.routers[i] = r.with(inv)
	}
	return &next
}

// with gives the router with another inventory, in which all names mean the same.
func (r *router) with(inv *Inventory) *router {
	next := *r
	next.namers = make([]namer, len(r.namers))
	for i, n := range r.namers {
		// The configuration was read before: there is nothing to find.
		next.namers[i], _ = newNamer(inv, r, n.config, i)
	}
	return &next
}

// with gives the same names for another inventory.
func (n *names) with(inv *Inventory) *names {
	next := *n
	next.inventory = inv
	return &next
}

// selectors are the labels by which namers tell endpoints apart.
func (m *Model) selectors() []string {
	var all []string
	for _, r := range m.routers {
		for _, n := range r.namers {
			if l := n.config.LabelSelector; l != "" {
				all = append(all, l)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// movedServices gives the Services whose endpoints differ between two
// inventories. It is not ok if anything else differs, or if a name came or went.
func movedServices(a, b *Inventory, selectors []string) (services []Key, ok bool) {
	if !shareRest(a, b) || len(a.Services) != len(b.Services) {
		return nil, false
	}
	services = b.changedSince(a.Services)
	for _, key := range services {
		was, is := a.Services[key], b.Services[key]
		if was == nil || is == nil || !sameMeaning(was, is, selectors) {
			return nil, false
		}
	}
	return services, true
}

// shareRest tells that two inventories share every part but Services (Inventory
// says what that means). It goes by the fields that there are, so that none is
// forgotten.
func shareRest(a, b *Inventory) bool {
	x, y := reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem()
	for i := range x.NumField() {
		if name := x.Type().Field(i).Name; name == "Services" || name == "since" {
			continue
		}
		// Each is a map or a list.
		if f, g := x.Field(i), y.Field(i); f.Len() != g.Len() || f.Len() > 0 && f.Pointer() != g.Pointer() {
			return false
		}
	}
	return true
}

// sameMeaning tells that the same names lead to a Service, whoever stands behind it.
func sameMeaning(a, b *Service, selectors []string) bool {
	return a.Exists == b.Exists && a.ExternalName == b.ExternalName && slices.Equal(a.Ports, b.Ports) &&
		slices.Equal(a.Ingress, b.Ingress) && maps.Equal(a.meaning(selectors), b.meaning(selectors))
}

// meaning is what the slices of a Service add to what names mean: the ports
// that they have, those of them with somebody behind, and with which labels.
func (s *Service) meaning(selectors []string) map[[3]string]bool {
	all := map[[3]string]bool{}
	for _, slice := range s.Slices {
		for _, p := range slice.Ports {
			name := strings.ToLower(p.Name)
			all[[3]string{name}] = true
			if len(slice.Endpoints) > 0 {
				all[[3]string{name, "some"}] = true
			}
		}
		if len(selectors) == 0 {
			continue
		}
		for _, e := range slice.Endpoints {
			for _, l := range selectors {
				value := l + "=" + strings.ToLower(e.Labels[l])
				all[[3]string{"", "", value}] = true
				for _, p := range slice.Ports {
					all[[3]string{strings.ToLower(p.Name), "some", value}] = true
				}
			}
		}
	}
	return all
}

// SnapshotAfter is Snapshot, given that of the model before, which shares all
// that did not change: what is made of a rule, a policy or a Service that is
// another one is made anew. Where only endpoints have moved, that is their load
// assignments. The result does not depend on
// the snapshot before, and that one is not changed.
func (m *Model) SnapshotAfter(last *Snapshot) (*Snapshot, []dtab.Finding) {
	if last == nil || m.moved == nil || last.of != m.moved.from {
		s, found := m.remake(last, func(*router, []*cell) {})
		for _, c := range s.Classes {
			for _, t := range c.made.tables {
				t.explored.prepare()
			}
		}
		return s, found
	}
	s := &Snapshot{
		Classes: make(map[string]*ClassSnapshot, len(last.Classes)), of: m.token,
		inventory: m.inventory, selectors: last.selectors,
	}
	var found []dtab.Finding
	for _, name := range sortedKeys(last.Classes) {
		before := last.Classes[name]
		cb := followClass(m.inventory, before)
		cb.refresh(m.moved.services)
		// What cannot be made is found at every change: it is told once.
		cb.snapshot.found, cb.snapshot.failed = dtab.SortFindings(slices.Concat(before.found, cb.found)), cb.failed
		s.Classes[name] = cb.snapshot
		found = append(found, cb.snapshot.found...)
	}
	return s, dtab.SortFindings(found)
}

// followClass gives a builder of a snapshot that has all that the one before has.
func followClass(inv *Inventory, before *ClassSnapshot) *classBuilder {
	next := *before
	next.Resources, next.Local = maps.Clone(before.Resources), maps.Clone(before.Local)
	m := maker{inventory: inv, failed: slices.Clone(before.failed)}
	cb := &classBuilder{maker: m, snapshot: &next, before: before, shared: map[string]bool{}}
	for typ := range next.Resources {
		cb.shared[typ] = true
	}
	return cb
}

// refresh makes anew what depends on who stands behind some Services.
func (cb *classBuilder) refresh(services []Key) {
	for _, name := range cb.snapshot.made.using(services) {
		c := cb.snapshot.made.clusters.get(name)
		cb.source = c.source
		delete(cb.snapshot.Local, name)
		if c.target.outside() {
			cb.keep(name, cb.fulfil(c.need))
		} else {
			cb.keep(name, cb.endpoints(c.need))
		}
	}
}
