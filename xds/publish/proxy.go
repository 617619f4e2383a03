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
	// handsOver says that a listener waits for what its heir needs: see handOver.
	handsOver bool
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

// upgrade puts the resource itself in place of one of which only the version
// was known.
func (p *Proxy) upgrade(now time.Time, k *kind, name string) {
	has := k.has.get(name)
	if has == nil || has.Body != nil || p.class.target == nil {
		return
	}
	want, scope := p.look(k.typ, name)
	if has.Version == standIn {
		if r := instead(k.typ, name, want); r != nil {
			k.has.set(name, r)
		}
		return
	}
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
	if p.woken || p.handsOver {
		p.woken, p.handsOver = false, false
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
