package translate

import (
	"maps"
	"reflect"
	"slices"

	"kibble.dev/dtab"
	"kibble.dev/internal/parallel"
)

// remake makes a snapshot, given an earlier one, which may be nil: what was made
// of the same is shared with it. It shows what was explored of each router.
func (m *Model) remake(last *Snapshot, show func(*router, []*cell)) (*Snapshot, []dtab.Finding) {
	s := &Snapshot{
		Classes: map[string]*ClassSnapshot{}, of: m.token,
		inventory: m.inventory, selectors: m.selectors(),
	}
	meaning, moved := m.servicesAfter(last, s.selectors)
	if last != nil && !last.sharesFiles(m.inventory) {
		last = nil
	}
	byClass := map[string][]*exploration{}
	for _, r := range m.routers {
		class := r.spec.ProxyClass
		x := m.explore(r, last.explored(class, r.key), meaning)
		show(r, x.all())
		byClass[class] = append(byClass[class], x)
	}
	var found []dtab.Finding
	for name, explored := range byClass {
		c := m.remakeClass(explored, last.class(name), moved)
		s.Classes[name] = c
		found = append(found, c.found...)
	}
	return s, dtab.SortFindings(found)
}

// class gives what the proxies of a class are told, nil if there is nothing.
func (s *Snapshot) class(name string) *ClassSnapshot {
	if s == nil {
		return nil
	}
	return s.Classes[name]
}

// explored gives what was explored of a router, nil if nothing was.
func (s *Snapshot) explored(class string, router Key) *exploration {
	c := s.class(class)
	if c == nil || c.made.tables[router] == nil {
		return nil
	}
	return c.made.tables[router].explored
}

// servicesAfter gives the Services that are others than in an earlier snapshot,
// and those of them of which names may mean something else.
func (m *Model) servicesAfter(last *Snapshot, selectors []string) (meaning, moved []Key) {
	if last == nil {
		return nil, nil
	}
	was, is := last.inventory.Services, m.inventory.Services
	// Of a label that nobody has asked for, nothing is known of what it meant.
	same := slices.Equal(last.selectors, selectors)
	meaning = changedKeys(last.inventory.lately, m.inventory.lately, slices.Equal)
	moved = m.inventory.changedSince(was)
	for _, key := range moved {
		if s, old := is[key], was[key]; s == nil || old == nil || !same || !sameMeaning(old, s, selectors) {
			meaning = append(meaning, key)
		}
	}
	return meaning, append(moved, meaning...)
}

// sharesFiles tells that another inventory has the same directories of files.
func (s *Snapshot) sharesFiles(inv *Inventory) bool {
	return sameMap(s.inventory.Files, inv.Files) || len(s.inventory.Files)+len(inv.Files) == 0
}

// sameMap tells that two maps are one.
func sameMap[K comparable, V any](a, b map[K]V) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// changedKeys gives the keys under which two maps have not the same.
func changedKeys[V any](was, is map[Key]V, same func(a, b V) bool) []Key {
	if sameMap(was, is) {
		return nil
	}
	var changed []Key
	stayed := 0
	for key, v := range is {
		old, there := was[key]
		if there {
			stayed++
		}
		if !same(old, v) {
			changed = append(changed, key)
		}
	}
	if stayed == len(was) {
		return changed
	}
	for key := range was {
		if _, there := is[key]; !there {
			changed = append(changed, key)
		}
	}
	return changed
}

// remakeClass makes what the proxies of a class are told. Before is what they were
// told, which may be nil, and moved are the Services that are others since.
func (m *Model) remakeClass(explored []*exploration, before *ClassSnapshot, moved []Key) *ClassSnapshot {
	keys := make([]Key, len(explored))
	for i, x := range explored {
		keys[i] = x.router.key
	}
	if before != nil && (before.made.flawed || !slices.Equal(keys, before.made.routers)) {
		before = nil
	}
	cb := newClassBuilder(m.inventory)
	if before != nil {
		cb = continueClass(m.inventory, before)
	}
	own := &cb.snapshot.made
	*own = own.open()
	own.routers, own.tables, own.extra, own.listeners = keys, make(map[Key]*hostTable, len(keys)), nil, map[string]*madeListener{}
	clusters := map[string]bool{}
	for _, x := range explored {
		var last *hostTable
		if before != nil {
			last = before.made.tables[x.router.key]
		}
		b := &builder{router: x.router, overlays: m.overlays}
		t, changed := b.hostTable(x, last)
		own.tables[x.router.key] = t
		cb.setHosts(t, changed.hosts)
		maps.Copy(clusters, changed.clusters)
		for _, table := range []*hostTable{last, t} {
			if table != nil && table.explored.router.spec.Tracing != nil {
				clusters[table.explored.router.collector().name] = true
			}
		}
	}
	cb.setClusters(clusters)
	cb.refresh(moved)
	for _, x := range explored {
		m.addRouter(cb, own.tables[x.router.key])
	}
	cb.dropExtra()
	if own.flawed = len(cb.found) > 0; own.flawed && before != nil {
		// What could not be made is told at every change, as long as it is so.
		return m.remakeClass(explored, nil, nil)
	}
	own.close()
	cb.finish()
	return cb.snapshot
}

// setHosts puts virtual hosts in their places.
func (cb *classBuilder) setHosts(t *hostTable, changed map[string]bool) {
	for name := range changed {
		var r *Resource
		if d := t.domains.get(name); d != nil && !d.pruned && d.made != nil {
			r = d.made.resource
		}
		cb.set(VirtualHostType, t.explored.router.key.String()+"/"+name, r)
	}
}

// setClusters makes clusters that are needed in another way than before: by the
// first router that needs them. Those that nobody needs go.
func (cb *classBuilder) setClusters(changed map[string]bool) {
	own := &cb.snapshot.made
	var missing []*madeCluster
	for _, name := range sortedKeys(changed) {
		var is *madeCluster
		for _, key := range own.routers {
			if n := own.tables[key].need(name); n != nil {
				is = madeOf(*n, own.tables[key].source)
				break
			}
		}
		was := own.clusters.get(name)
		if is != nil && was != nil && was.source == is.source && was.need.equal(is.need) {
			continue
		}
		own.note(name, is)
		delete(cb.snapshot.Local, name)
		if is == nil {
			cb.set(ClusterType, name, nil)
			cb.set(EndpointType, name, nil)
			continue
		}
		if was != nil && (is.kind != needTarget || is.target.outside()) {
			cb.set(EndpointType, name, nil)
		}
		missing = append(missing, is)
	}
	makers, made := make([]maker, len(missing)), make([]fulfilled, len(missing))
	parallel.Each(len(missing), func(i int) {
		makers[i] = maker{inventory: cb.inventory, source: missing[i].source}
		made[i] = makers[i].fulfil(missing[i].need)
	})
	for i, c := range missing {
		cb.with(makers[i])
		cb.keep(c.name, made[i])
	}
}

// dropExtra takes away clusters beside those of virtual hosts that are not used
// any more.
func (cb *classBuilder) dropExtra() {
	if cb.before == nil {
		return
	}
	for _, name := range cb.before.made.extra {
		if !slices.Contains(cb.snapshot.made.extra, name) && cb.snapshot.made.clusters.get(name) == nil {
			cb.set(ClusterType, name, nil)
		}
	}
}

// finish gathers what was found, and what could not be made.
func (cb *classBuilder) finish() {
	found := cb.found
	cb.snapshot.failed = cb.failed
	for _, key := range cb.snapshot.made.routers {
		t := cb.snapshot.made.tables[key]
		found = append(found, t.explored.found...)
		t.failed.each(func(name string, host *madeHost) {
			found = append(found, host.found...)
			cb.snapshot.failed = append(cb.snapshot.failed, failure{typ: VirtualHostType, name: key.String() + "/" + name})
		})
	}
	cb.snapshot.found = dtab.SortFindings(found)
}
