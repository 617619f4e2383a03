package publish

import (
	"time"

	"kibble.dev/translate"
)

// Proxy is one connected proxy: what it has, what it was sent and what it waits for.
type Proxy struct {
	class  *Class
	serial int
	scopes []translate.Scope
	full   bool // state of the world

	workload Workload
	calls    []string // that its pod says it calls

	waits bool // its class was gone when it connected
	told  bool // it is given everything: see needEverything

	connected time.Time
	answers   int              // how many it gave
	kinds     map[string]*kind // by type, those that it asked for
	asked     []string         // these types, sorted: see Asked
	names     int              // how many it asks for by name: see Names

	// unready are the wanted clusters that the proxy does not have together
	// with their endpoints, and since when.
	unready     map[string]time.Time
	mostUnready int // how many there were since the map was made
	// assumed are clusters whose endpoints the proxy never asked for.
	assumed map[string]struct{}
	// extra are clusters that are no longer wanted and that older content,
	// which this proxy is given in place of a refused one, names.
	extra map[string]struct{}
	// retiring are the clusters that it has and that are no longer wanted;
	// since when nothing names them, zero while something does.
	retiring map[string]time.Time
	// returning says that it was connected before, perhaps to another server.
	returning bool
	// woken says that a cluster became ready, or that nothing waits for a host
	// any longer.
	woken bool
	// tables are the route tables that it has whose hosts come one by one; true
	// for one that it got since it connected.
	tables map[string]bool
	// tablesWait says that a table waits until hosts are removed.
	tablesWait bool
	// held are the virtual hosts that may not be given yet; hostsWait says that
	// others wait for one of them.
	held      map[string]wait
	hostsWait bool
	// fresh says of each table in the response that is being made whether the
	// proxy has none of its hosts yet.
	fresh  map[string]bool
	ticked time.Time
	// rewarm are clusters that were sent before the proxy asked for endpoints,
	// so that what it reports to know of these may be of the older cluster.
	rewarm map[string]struct{}
	// rescued is when, and rescues how often, it was sent what it did not ask for.
	rescued time.Time
	rescues int
	// repeated says that the endpoints were sent again to a proxy that asked
	// for no clusters.
	repeated bool
}

// Subscription is one request of a proxy for resources of a type.
type Subscription struct {
	Type string
	// Wildcard says that the proxy wants all resources of the type.
	Wildcard bool
	// Add and Drop are names asked for and given up one by one, without "*".
	// A name that is added once more is sent once more.
	Add, Drop []string
	// Known is what the proxy had of the type when it connected: name, version.
	Known map[string]string
	// Used are those of Known that it was given because it uses them.
	Used []string
	// Returning says that it had something, also where Known cannot tell what.
	Returning bool
}

// Names is how many resources the proxy asks for by name.
func (p *Proxy) Names() int { return p.names }

// Subscribe tells what the proxy asks for.
func (p *Proxy) Subscribe(now time.Time, s Subscription) {
	k, w := p.kinds[s.Type], p.class.watchersOf(s.Type)
	first := k == nil
	if first {
		k = newKind(s.Type, w.index)
		w.kinds++
		k.greet = s.Wildcard
		p.kinds[s.Type] = k
		p.sortAsked()
		p.begin(now, k, s)
	}
	started := s.Wildcard && !k.wildcard
	stopped := k.wildcard && !s.Wildcard
	k.wildcard = s.Wildcard
	k.expect(len(s.Add))
	for _, name := range s.Add {
		if s.Type == translate.RouteType {
			p.tableAgain(now, k, name)
		}
		if !k.names.has(name) {
			p.names++
		}
		name = k.names.add(name)
		switch {
		case k.uses != nil && !k.uses.hosts:
			p.asks(now, name)
		case k.typ == translate.EndpointType:
			p.want(now, name) // it has the cluster
		}
		w.add(name, p)
		it := k.look(now, name)
		it.asked = true
		if k.given(name) != nil {
			it.again = true
		}
	}
	for _, name := range s.Drop {
		if !k.names.has(name) {
			continue
		}
		p.names--
		w.drop(name, p)
		k.names.drop(name)
		if k.wildcard {
			// The protocol wants an answer: whether it is there all the same.
			it := k.look(now, name)
			it.asked, it.again = true, true
		} else {
			p.forget(now, k, name)
		}
	}
	if started {
		w.wild[p] = struct{}{}
		p.lookAtAll(now, k)
	}
	if stopped {
		delete(w.wild, p)
		for name := range k.has.all() {
			if !k.subscribed(name) {
				p.forget(now, k, name)
			}
		}
	}
	if first {
		p.recognise(now, k, s.Known)
		p.woken = p.woken || s.Type != translate.ClusterType // see cannotWarm, decideHost, oldHosts
		// Asking for a cluster's endpoints before asking for clusters is a sign too.
		p.returning = p.returning || s.Returning || len(s.Known) > 0 ||
			s.Type == translate.EndpointType && p.kinds[translate.ClusterType] == nil
		p.seeClusters(now)
	}
	if s.Type == translate.ClusterType || s.Type == translate.EndpointType {
		for _, name := range s.Add {
			p.refresh(now, name)
		}
	}
	p.moveOn(now)
	p.mark()
}

// recognise takes over what the proxy had before it connected.
func (p *Proxy) recognise(now time.Time, k *kind, known map[string]string) {
	for name, version := range known {
		if k.subscribed(name) {
			k.has.set(name, &translate.Resource{Name: name, Version: version})
			p.upgrade(now, k, name)
			it := k.look(now, name)
			switch k.typ {
			case translate.EndpointType:
				_, it.again = p.rewarm[name]
			case translate.VirtualHostType:
				it.again = p.tables[translate.TableOf(name)]
			case translate.RouteType:
				if translate.InParts(version) {
					p.tables[name] = false // and its hosts too
				}
			}
			p.refreshType(now, k.typ, name)
		}
	}
	switch k.typ {
	case translate.EndpointType:
		p.rewarm = map[string]struct{}{}
	case translate.ListenerType:
		p.comesToAsk(now)
	}
}

// upgrade puts the resource itself in place of one of which only the version
// was known.
func (p *Proxy) upgrade(now time.Time, k *kind, name string) {
	has := k.has.get(name)
	if has == nil || has.Body != nil || p.class.target == nil {
		return
	}
	if has.Version == standIn {
		k.has.set(name, noEndpoints(name))
		return
	}
	want, scope := p.look(k.typ, name)
	id := key{k.typ, name, scope}
	if equal(has, want) {
		k.has.set(name, want)
		p.accepted(now, id, want, want)
	} else if old := p.class.memory.accepted[id]; equal(has, old) {
		k.has.set(name, old)
	}
}

// accepted tells the class that this proxy has r. Where that clears a bad
// name, others may be given it.
func (p *Proxy) accepted(now time.Time, id key, r, want *translate.Resource) {
	if p.class.memory.accept(id, r, want) {
		p.class.touch(now, id.typ, id.name)
	}
}

func (p *Proxy) forget(now time.Time, k *kind, name string) {
	k.forget(name)
	delete(p.assumed, name)
	p.refreshType(now, k.typ, name)
}

// lookAgain has the proxy look at all names, of all types.
func (p *Proxy) lookAgain(now time.Time) {
	if k := p.kinds[translate.ClusterType]; k != nil && k.uses != nil {
		p.wantKnown(now)
	}
	p.wantKnownHosts(now)
	for _, k := range p.kinds {
		for name := range k.has.all() {
			p.upgrade(now, k, name)
			k.look(now, name)
		}
		p.lookAtAll(now, k)
	}
	p.seeClusters(now)
	p.moveOn(now)
	p.mark()
}

func (p *Proxy) lookAtAll(now time.Time, k *kind) {
	if p.class.target == nil {
		return
	}
	if k.uses == nil || !p.class.onDemand() {
		k.expect(len(p.class.target.snap.Resources[k.typ]))
	}
	p.class.target.names(k.typ, func(name string) {
		if k.subscribed(name) {
			k.look(now, name)
			p.refreshType(now, k.typ, name)
		}
	})
}

// touch has the proxy look at a name whose content may be another now.
func (p *Proxy) touch(now time.Time, k *kind, name string) {
	if k.uses != nil && k.open[name] == nil && k.has.get(name) == nil &&
		(!k.subscribed(name) || k.uses.hosts && !p.class.target.has(k.typ, name)) {
		return
	}
	k.look(now, name)
	p.refreshType(now, k.typ, name)
	switch {
	case k.typ == translate.RouteType:
		p.lookAtHosts(now, name)
	case k.typ == translate.VirtualHostType && domain(name) == everyHost:
		p.needAll(now, translate.TableOf(name))
	case k.typ == translate.ListenerType:
		p.lookAtWaiting(now, k)
	}
	p.mark()
}

func (p *Proxy) mark() { p.class.dirty[p] = struct{}{} }

func (p *Proxy) refreshType(now time.Time, typ, name string) {
	switch typ {
	case translate.ClusterType, translate.EndpointType:
		p.refresh(now, name)
	case translate.RouteType:
		p.refreshTable(now, name)
	}
}

// moveOn looks at what may go on: resources that waited for a cluster, and
// clusters that nothing names any more.
func (p *Proxy) moveOn(now time.Time) {
	if p.woken {
		p.woken = false
		for _, k := range p.kinds {
			for name, it := range k.open {
				if it.missing != nil {
					k.look(now, name)
				}
			}
		}
		p.mark()
	}
	p.reviewRetiring(now)
}
