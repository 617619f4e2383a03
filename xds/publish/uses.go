package publish

import (
	"time"

	"kibble.dev/translate"
)

// uses is what the wildcard of a proxy stands for where clusters are on demand, and
// hosts with them.
type uses struct {
	proxy *Proxy
	class *Class
	hosts bool // it is of virtual hosts
	// own are those that it uses or had, beside those that everybody is given.
	// As long as everybody is given all of them there are none: see wantKnown.
	own map[string]struct{}
	// used are clusters that it was given elsewhere because it uses them, as long as
	// nobody here knows whether they are there: see learnUsed.
	used []string
	// all are tables of which it has all hosts: see needAll.
	all map[string]struct{}
}

// hold says that the wildcard stands for a name. A nil uses stands for all.
func (u *uses) hold(name string) bool {
	switch {
	case u == nil || !u.class.onDemand() || u.proxy.told:
		return true
	case u.hosts && u.class.demand.onAsk.hosts[name] == nil:
		return true
	case !u.hosts && u.class.demand.firm[name] > 0:
		return true
	}
	_, own := u.own[name]
	if !own && u.hosts {
		_, own = u.all[translate.TableOf(name)]
	}
	return own
}

// Of tells whose proxy it is, right after Connect. calls are the destinations
// that its pod says it calls, as translate.Leads.Clusters takes them.
func (p *Proxy) Of(w Workload, calls []string) {
	p.workload, p.calls = w, calls
	if w != (Workload{}) {
		join(p.class.demand.workers, w, p)
	}
}

func join[K comparable](m map[K]map[*Proxy]struct{}, k K, p *Proxy) {
	if m[k] == nil {
		m[k] = map[*Proxy]struct{}{}
	}
	m[k][p] = struct{}{}
}

func part[K comparable](m map[K]map[*Proxy]struct{}, k K, p *Proxy) {
	if delete(m[k], p); len(m[k]) == 0 {
		delete(m, k)
	}
}

// begin has a proxy that asks for clusters, or virtual hosts, want what it has,
// and what it is known to use.
func (p *Proxy) begin(now time.Time, k *kind, s Subscription) {
	if p.full {
		return
	}
	if k.typ == translate.VirtualHostType {
		k.uses = &uses{proxy: p, class: p.class, hosts: true, own: map[string]struct{}{}, all: map[string]struct{}{}}
		for name := range s.Known {
			if p.class.demand.onAsk.hosts[name] != nil {
				k.uses.own[name] = struct{}{}
			}
		}
		p.wantKnownHosts(now)
	}
	if k.typ != translate.ClusterType {
		return
	}
	k.uses = &uses{proxy: p, class: p.class, own: map[string]struct{}{}}
	for name := range s.Known {
		p.want(now, name)
	}
	k.uses.used = s.Used
	p.wantKnown(now)
}

// wantKnown has the proxy want what it has, is being given or asks endpoints for,
// and what is known of it without its saying so.
func (p *Proxy) wantKnown(now time.Time) {
	if !p.class.onDemand() {
		return
	}
	d, k := &p.class.demand, p.kinds[translate.ClusterType]
	for name := range k.has.all() {
		k.uses.own[name] = struct{}{}
	}
	for name := range k.open { // on its way, or waiting: as if it was there
		k.uses.own[name] = struct{}{}
	}
	if e := p.kinds[translate.EndpointType]; e != nil {
		for name := range e.names.all() {
			p.want(now, name) // it has the cluster, also when it does not say so
		}
	}
	for name := range k.names.all() {
		p.asks(now, name)
	}
	p.learnUsed(now, k)
	for name := range d.firm {
		p.wantMembers(now, name)
	}
	for name := range d.learnt.of[p.workload] {
		p.want(now, name)
	}
	for _, s := range p.scopes {
		for name := range d.near[s] {
			p.want(now, name)
		}
	}
	p.wantCalls(now)
	p.wantKnownHosts(now)
}

// learnUsed learns what the proxy says that it used before it connected. It may come
// before the first Publish: then it is learnt with that.
func (p *Proxy) learnUsed(now time.Time, k *kind) {
	for _, name := range k.uses.used {
		p.asks(now, name)
	}
	if !p.class.Waits() {
		k.uses.used = nil
	}
}

// Uses says that the proxy asked for a cluster by name, or that its workload
// was seen to use it.
func (p *Proxy) Uses(cluster string) bool {
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil || !p.class.onDemand() {
		return false
	}
	return k.names.has(cluster) || p.class.demand.learnt.has(p.workload, cluster)
}

// hasCluster says that the proxy has a cluster.
func (p *Proxy) hasCluster(name string) bool {
	k := p.kinds[translate.ClusterType]
	return k != nil && k.has.get(name) != nil
}

// wantCalls has the proxy want what its pod says that it calls.
func (p *Proxy) wantCalls(now time.Time) {
	for _, call := range p.calls {
		for _, name := range p.class.demand.leads.Clusters(call) {
			p.want(now, name)
		}
	}
}

// want has the proxy be given a cluster, with those that it is made of.
func (p *Proxy) want(now time.Time, name string) {
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil || !p.class.onDemand() {
		return
	}
	if _, own := k.uses.own[name]; own {
		return
	}
	k.uses.own[name] = struct{}{}
	if p.class.target != nil && k.subscribed(name) {
		k.look(now, name)
		p.refresh(now, name)
		p.mark()
	}
	p.wantMembers(now, name)
	p.wantHosts(now, name)
}

// unwant has the proxy forget that it had a cluster or virtual host that is gone,
// unless it is to have it when it comes back.
func (p *Proxy) unwant(k *kind, name string) {
	switch {
	case k.uses == nil || p.class.target.has(k.typ, name): // of its table, which is gone
	case k.uses.hosts || !p.class.demand.learnt.has(p.workload, name):
		delete(k.uses.own, name)
	}
}

// wantMembers has the proxy want the clusters that one is made of.
func (p *Proxy) wantMembers(now time.Time, name string) {
	if p.class.target == nil {
		return
	}
	if r, _ := p.class.target.get(translate.ClusterType, name, nil); r != nil {
		for _, member := range r.Clusters {
			p.want(now, member)
		}
	}
}

// asks notes that the proxy asked for a cluster by name, or says that it did:
// its workload uses it. Others of the workload are given it too.
func (p *Proxy) asks(now time.Time, name string) {
	p.want(now, name)
	c := p.class
	if p.workload == (Workload{}) || c.target == nil || !c.onDemand() || c.demand.firm[name] > 0 ||
		!c.target.has(translate.ClusterType, name) || !c.demand.learnt.learn(now, p.workload, name) {
		return
	}
	for other := range c.demand.workers[p.workload] {
		other.want(now, name)
	}
}
