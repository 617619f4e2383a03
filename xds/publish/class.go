package publish

import (
	"cmp"
	"slices"
	"time"

	"kibble.dev/translate"
)

// Class is what the proxies of one class are to have, and all of these proxies.
type Class struct {
	opts   Options
	target *target // nil until the first Publish: nothing is given before
	gone   bool    // published once, and absent now
	// provisional says that target is of an earlier time; see Provisional.
	provisional bool
	// recalled is what Recall brought, until there is a target to compare with.
	recalled *Remembered
	memory   memory
	// named counts the wanted resources that name a cluster.
	named  map[string]int
	tables tables
	demand demand
	went   map[string]struct{} // see noteGone

	proxies map[*Proxy]struct{}
	watch   map[string]*watchers // by type
	dirty   map[*Proxy]struct{}  // proxies with something to do
	blind   map[*Proxy]struct{}  // those that came back and have not asked for clusters
	serial  int
	late    map[string]int // by type, responses that became overdue
}

// NewClass makes a class without proxies and without a configuration.
func NewClass(o Options) *Class {
	return &Class{
		opts: o.withDefaults(), memory: newMemory(), named: map[string]int{},
		tables: tables{hosts: map[string]byName{}},
		demand: newDemand(), went: map[string]struct{}{},
		proxies: map[*Proxy]struct{}{}, watch: map[string]*watchers{},
		dirty: map[*Proxy]struct{}{}, blind: map[*Proxy]struct{}{}, late: map[string]int{},
	}
}

// Publish sets what the class's proxies are to have. nil says that the class
// is no longer there: connected proxies give up what they have, and those that
// connect from now on wait. Before the first configuration nil means nothing.
// changed tells whether anything that is wanted is another than before.
func (c *Class) Publish(now time.Time, snap *translate.ClassSnapshot) (changed bool) {
	c.gone = snap == nil
	if snap == nil {
		if c.target == nil {
			return false
		}
		snap = &translate.ClassSnapshot{}
	}
	was := c.provisional
	c.provisional = false
	next := &target{snap: snap}
	if c.target != nil {
		next.extra = c.target.extra
	}
	changed = c.retarget(now, next)
	for p := range c.proxies {
		if was {
			p.catchUp(now)
		}
		if p.waits && !c.gone {
			p.waits = false
			p.mark()
		}
	}
	return changed
}

// Extra replaces the resources that the class has besides the published ones.
// It has no effect before the first Publish.
func (c *Class) Extra(now time.Time, extra *translate.ClassSnapshot) {
	if c.target != nil {
		c.retarget(now, &target{snap: c.target.snap, extra: extra})
	}
}

// retarget goes over to what is wanted next, and tells whether it differs.
func (c *Class) retarget(now time.Time, next *target) (differs bool) {
	old, ch := c.target, c.demand.begin()
	c.target = next
	if old == nil {
		c.start(now, ch)
		return true
	}
	type change struct{ typ, name string }
	changed, stale := map[change]struct{}{}, map[string]struct{}{}
	note := func(typ, name string, was, is *translate.Resource) {
		c.count(was, is)
		c.demand.note(ch, typ, name, was, is)
		c.noteGone(old, typ, name, is)
		c.memory.changed(now, key{typ: typ, name: name}, is)
		changed[change{typ, name}] = struct{}{}
		if table := c.tables.note(typ, name, is); table != "" {
			stale[table] = struct{}{}
		}
	}
	before, after := old.layers(), next.layers()
	for i := range before {
		diff(before[i].Resources, after[i].Resources, note)
		diffLocal(before[i].Local, after[i].Local, func(typ, name string, s translate.Scope, is *translate.Resource) {
			c.memory.changed(now, key{typ, name, s}, is)
			c.demand.place(ch, typ, name, s, is)
			changed[change{typ, name}] = struct{}{}
		})
	}
	diffPods(old.snap.AtPods, next.snap.AtPods, func(name string) {
		for s := range c.placesOf(name, old, next) {
			id := key{translate.ListenerType, name, s}
			c.memory.changed(now, id, next.at(id))
		}
		changed[change{translate.ListenerType, name}] = struct{}{}
	})
	c.demand.declare(ch, old.snap.Declared, next.snap.Declared)
	c.follow(now, ch)
	for ch := range changed {
		c.touch(now, ch.typ, ch.name)
	}
	c.renewAll(now, stale)
	for p := range c.dirty {
		p.moveOn(now)
	}
	return len(changed) > 0 || !slices.Equal(old.snap.Declared, next.snap.Declared)
}

// start has the first configuration wanted.
func (c *Class) start(now time.Time, ch *changes) {
	diff(nil, c.target.snap.Resources, func(typ, name string, _, is *translate.Resource) {
		c.count(nil, is)
		c.demand.note(ch, typ, name, nil, is)
		c.tables.note(typ, name, is)
	})
	diffLocal(nil, c.target.snap.Local, func(typ, name string, s translate.Scope, is *translate.Resource) {
		c.demand.place(ch, typ, name, s, is)
	})
	c.demand.declare(ch, nil, c.target.snap.Declared)
	c.review(ch)
	c.compare(now)
	for p := range c.proxies {
		p.lookAgain(now)
	}
}

// count keeps the number of wanted resources that name each cluster. What both
// versions name does not matter, so that a change of a large table is cheap.
func (c *Class) count(was, is *translate.Resource) {
	var a, b []string // sorted
	if was != nil {
		a = was.Clusters
	}
	if is != nil {
		b = is.Clusters
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0] < b[0]:
			if c.named[a[0]]--; c.named[a[0]] <= 0 {
				delete(c.named, a[0])
			}
			a = a[1:]
		case len(a) == 0 || b[0] < a[0]:
			c.named[b[0]]++
			b = b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
}

// touch lets every proxy that is concerned look at a name again.
func (c *Class) touch(now time.Time, typ, name string) {
	if typ == translate.EndpointType {
		// Whether a cluster is ready depends on its endpoints also where the
		// proxy has not asked for these yet.
		c.interested(translate.ClusterType, name, func(p *Proxy) { p.refresh(now, name); p.mark() })
	}
	if typ == translate.ClusterType || typ == translate.EndpointType {
		for p := range c.blind {
			p.refresh(now, name)
			p.mark()
		}
	}
	c.interested(typ, name, func(p *Proxy) { p.touch(now, p.kinds[typ], name) })
}

func (c *Class) interested(typ, name string, f func(*Proxy)) {
	w := c.watch[typ]
	if w == nil {
		return
	}
	for p := range w.wild {
		f(p)
	}
	for _, p := range w.asking(name) {
		if _, both := w.wild[p]; !both {
			f(p)
		}
	}
}

// Connect adds a proxy, which is one stream. scopes are the places it is at,
// best first. full says that it speaks state of the world.
func (c *Class) Connect(now time.Time, scopes []translate.Scope, full bool) *Proxy {
	c.serial++
	p := &Proxy{
		class: c, serial: c.serial, scopes: scopes, full: full, waits: c.gone,
		connected: now,
		kinds:     map[string]*kind{}, unready: map[string]time.Time{}, assumed: map[string]struct{}{},
		extra: map[string]struct{}{}, retiring: map[string]time.Time{}, rewarm: map[string]struct{}{},
		tables: map[string]bool{}, held: map[string]wait{}, fresh: map[string]bool{}, ticked: now,
	}
	c.proxies[p] = struct{}{}
	for _, s := range scopes {
		join(c.demand.at, s, p)
		c.comeToPod(now, s)
	}
	return p
}

// Disconnect forgets a proxy.
func (c *Class) Disconnect(p *Proxy) {
	delete(c.proxies, p)
	delete(c.dirty, p)
	delete(c.blind, p)
	for _, s := range p.scopes {
		part(c.demand.at, s, p)
		c.leavePod(p.ticked, s)
	}
	part(c.demand.workers, p.workload, p)
	for _, k := range p.kinds {
		c.leave(k, p)
	}
}

// Ready gives the proxies for which Next may have something since the last
// call, in the order of their connecting.
func (c *Class) Ready() []*Proxy {
	if len(c.dirty) == 0 {
		return nil
	}
	ps := make([]*Proxy, 0, len(c.dirty))
	for p := range c.dirty {
		ps = append(ps, p)
	}
	clear(c.dirty)
	slices.SortFunc(ps, func(a, b *Proxy) int { return cmp.Compare(a.serial, b.serial) })
	return ps
}

// Learnt is what the workloads of the class were seen to use.
func (c *Class) Learnt() *Learnt { return c.demand.learnt }

// Wanted is what the proxies are to have by the last Publish, or Provisional; nil
// before there was one.
func (c *Class) Wanted() *translate.ClassSnapshot {
	if c.target == nil {
		return nil
	}
	return c.target.snap
}

// Known says whether the class exists: whether it was in the last Publish.
func (c *Class) Known() bool { return c.target != nil && !c.gone }

// Empty says that the class has neither proxies nor, at any time, had a configuration.
func (c *Class) Empty() bool { return len(c.proxies) == 0 && !c.Known() }

// Late gives how many responses of each type have become overdue since the last call.
func (c *Class) Late() map[string]int {
	late := c.late
	c.late = map[string]int{}
	return late
}

// Tick tells the time: limits and drain times that have passed by now take effect.
func (c *Class) Tick(now time.Time) {
	// By then a refusal of what came instead would be known.
	if c.target != nil {
		c.memory.sweep(now.Add(-c.opts.AckLimit-c.opts.Drain), c.wants)
	}
	c.demand.learnt.sweep(now, c.demand.workers)
	c.retryOthers(now)
	for p := range c.proxies {
		p.tick(now)
	}
}
