package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// Virtual hosts on ask are those that a proxy can do without until it uses one of
// the clusters that they lead to. A host is one of them where translate says so
// (Resource.OnAsk), while the table's host for all others asks, and no host with a
// wildcard is around it: that would answer in its place. Everything else about
// them follows from clusters: whoever is given a cluster is given the hosts that
// lead to it, and what a proxy has it keeps.
type onAsk struct {
	// hosts are those that are on ask now.
	hosts byName
	// ledBy gives, sorted, those that lead to a cluster.
	ledBy map[string][]string
	// asking are the tables whose host for all others asks; wild counts the other
	// hosts with a wildcard of a table, by their domains.
	asking map[string]bool
	wild   map[string]map[string]struct{}
}

func newOnAsk() onAsk {
	return onAsk{
		hosts: byName{}, ledBy: map[string][]string{}, asking: map[string]bool{}, wild: map[string]map[string]struct{}{},
	}
}

// everyHost is the domain of the hosts that have none of their own.
const everyHost = "*"

// note takes a virtual host that came, changed or went: ch gathers which hosts may
// be others on ask.
func (a *onAsk) note(ch *changes, name string, was, is *translate.Resource) {
	table, own := translate.TableOf(name), domain(name)
	switch asks := is != nil && is.Asks; {
	case own == everyHost:
		if asks != a.asking[table] {
			ch.tables[table] = struct{}{}
		}
		if asks {
			a.asking[table] = true
		} else {
			delete(a.asking, table)
		}
	case !wild(own):
		if was != nil && was.OnAsk || is != nil && is.OnAsk {
			ch.hosts[name] = struct{}{}
		}
	case is == nil:
		if delete(a.wild[table], own); len(a.wild[table]) == 0 {
			delete(a.wild, table)
		}
		ch.tables[table] = struct{}{}
	case was == nil:
		if a.wild[table] == nil {
			a.wild[table] = map[string]struct{}{}
		}
		a.wild[table][own] = struct{}{}
		ch.tables[table] = struct{}{}
	}
}

// is says that a wanted virtual host is on ask.
func (a *onAsk) is(r *translate.Resource) bool {
	if r == nil || !r.OnAsk || len(r.Leads) == 0 {
		return false
	}
	table, own := translate.TableOf(r.Name), domain(r.Name)
	if !a.asking[table] {
		return false
	}
	for w := range a.wild[table] {
		if covers(w, own) {
			return false
		}
	}
	return true
}

// set puts a host among those on ask, or takes it out; nil is one that is gone.
func (a *onAsk) set(name string, is *translate.Resource) {
	for _, cluster := range leadsTo(a.hosts[name]) {
		names := a.ledBy[cluster]
		if i, there := slices.BinarySearch(names, name); there {
			names = slices.Delete(names, i, i+1)
		}
		if a.ledBy[cluster] = names; len(names) == 0 {
			delete(a.ledBy, cluster)
		}
	}
	if is == nil {
		delete(a.hosts, name)
		return
	}
	a.hosts[name] = is
	for _, cluster := range leadsTo(is) {
		names := a.ledBy[cluster]
		if i, there := slices.BinarySearch(names, name); !there {
			a.ledBy[cluster] = slices.Insert(names, i, name)
		}
	}
}

// leadsTo gives the clusters that the routes of a resource lead to.
func leadsTo(r *translate.Resource) []string {
	if r == nil {
		return nil
	}
	var all []string
	for _, l := range r.Leads {
		all = append(all, l.Clusters...)
	}
	return all
}

// review finds which hosts are on ask now, after changes: came are those that are,
// and were not or led elsewhere, and went those that are no longer.
func (c *Class) review(ch *changes) (came, went []string) {
	a := &c.demand.onAsk
	for table := range ch.tables {
		for name, r := range c.tables.hosts[table] {
			if r.OnAsk {
				ch.hosts[name] = struct{}{}
			}
		}
	}
	for name := range ch.hosts {
		r := c.tables.hosts[translate.TableOf(name)][name]
		switch was := a.hosts[name]; {
		case a.is(r):
			if was != r {
				a.set(name, r)
				came = append(came, name)
			}
		case was != nil:
			a.set(name, nil)
			if r != nil {
				went = append(went, name)
			}
		}
	}
	return came, went
}

// hostUses gives what the proxy has of virtual hosts, if the wildcard for them
// does not stand for all.
func (p *Proxy) hostUses() *kind {
	if k := p.kinds[translate.VirtualHostType]; k != nil && k.uses != nil {
		return k
	}
	return nil
}

// wantHosts has the proxy be given the hosts that lead to a cluster.
func (p *Proxy) wantHosts(now time.Time, cluster string) {
	if k := p.hostUses(); k != nil {
		for _, name := range p.class.demand.onAsk.ledBy[cluster] {
			p.wantHost(now, k, name)
		}
	}
}

func (p *Proxy) wantHost(now time.Time, k *kind, name string) {
	if _, own := k.uses.own[name]; own {
		return
	}
	k.uses.own[name] = struct{}{}
	if p.class.target != nil {
		k.look(now, name)
		p.mark()
	}
}

// wantKnownHosts has the proxy want the hosts that it has, and those that lead to
// the clusters that it wants.
func (p *Proxy) wantKnownHosts(now time.Time) {
	k := p.hostUses()
	if k == nil || !p.class.onDemand() {
		return
	}
	a := &p.class.demand.onAsk
	for table := range a.asking {
		p.needAll(now, table)
	}
	keep := func(name string) {
		if a.hosts[name] != nil {
			p.wantHost(now, k, name)
		}
	}
	for name := range k.has.all() {
		keep(name)
	}
	for name := range k.open { // on its way, or waiting: as if it was there
		keep(name)
	}
	for cluster := range p.class.demand.firm {
		p.wantHosts(now, cluster)
	}
	if clusters := p.kinds[translate.ClusterType]; clusters != nil && clusters.uses != nil {
		for cluster := range clusters.uses.own {
			p.wantHosts(now, cluster)
		}
	}
}

// wants says that the proxy is given a cluster because somebody uses it.
func (p *Proxy) wants(cluster string) bool {
	if p.class.demand.firm[cluster] > 0 {
		return true
	}
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil {
		return false
	}
	_, own := k.uses.own[cluster]
	return own
}

// adaptHosts has the proxy follow which hosts are on ask now: what it has it keeps,
// and it is given what leads to its clusters, and all that is on ask no more.
func (p *Proxy) adaptHosts(now time.Time, came, went []string) {
	k := p.hostUses()
	if k == nil {
		return
	}
	for _, name := range came {
		r := p.class.demand.onAsk.hosts[name]
		if k.given(name) != nil || k.open[name] != nil || slices.ContainsFunc(leadsTo(r), p.wants) {
			p.wantHost(now, k, name)
		}
	}
	for _, name := range went {
		delete(k.uses.own, name)
		k.look(now, name)
		p.mark()
	}
}

// needAll has the proxy be given all hosts of a table whose host for all others it
// is not given in the form that asks, because it was refused. So it stays, as long
// as the proxy is connected.
func (p *Proxy) needAll(now time.Time, table string) {
	k, name := p.hostUses(), table+"/"+everyHost
	if k == nil || !p.class.demand.onAsk.asking[table] {
		return
	}
	if _, already := k.uses.all[table]; already {
		return
	}
	want, _ := p.class.target.get(k.typ, name, nil)
	if want == nil || equal(k.given(name), want) || !p.bad(k, name, want.Version) {
		return
	}
	k.uses.all[table] = struct{}{}
	for host := range p.class.tables.hosts[table] {
		if p.class.demand.onAsk.hosts[host] != nil {
			k.look(now, host)
		}
	}
	p.mark()
}

// bad says that the proxy, or some proxy and none accepted it, refused a version.
func (p *Proxy) bad(k *kind, name, version string) bool {
	if it := k.open[name]; it != nil && it.rare().refused != nil && it.rare().refused.Version == version {
		return true
	}
	return p.class.memory.bad(key{typ: k.typ, name: name}, version)
}
