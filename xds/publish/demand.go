package publish

import (
	"time"

	"kibble.dev/translate"
)

// demand is what a class knows about the clusters of its routers on demand:
// those are given to the proxies that use them. Everything else is given to all.
type demand struct {
	// led counts the wanted resources that are on demand. While there are none,
	// every proxy is given every cluster.
	led int
	// firm counts what gives a cluster to every proxy all the same: wanted
	// resources that are not on demand and name it, and declarations.
	firm map[string]int
	// leads are those of all resources on demand, but for routers that hand over.
	leads translate.Leads
	// near are the clusters that have endpoints at a place.
	near map[translate.Scope]map[string]struct{}
	// onAsk are the virtual hosts that are given to those that use their clusters.
	onAsk onAsk

	learnt *Learnt
	// at are the proxies at a place, and of a workload.
	at      map[translate.Scope]map[*Proxy]struct{}
	workers map[Workload]map[*Proxy]struct{}
}

func newDemand() demand {
	return demand{
		firm: map[string]int{}, leads: translate.Leads{}, near: map[translate.Scope]map[string]struct{}{},
		onAsk: newOnAsk(), learnt: newLearnt(), at: map[translate.Scope]map[*Proxy]struct{}{}, workers: map[Workload]map[*Proxy]struct{}{},
	}
}

// changes are what a new configuration means to clusters on demand.
type changes struct {
	was bool // it was on demand
	// firm are clusters that became, or ceased to be, for everybody.
	firm map[string]struct{}
	// leads says that hosts came or lead elsewhere, nears which clusters
	// have endpoints at which place now.
	leads bool
	nears map[translate.Scope]map[string]struct{}
	// made are clusters that are made of others, and new or changed.
	made []*translate.Resource
	// hosts are virtual hosts, and tables have some, that may be others on ask.
	hosts, tables map[string]struct{}
	// led are virtual hosts that led somewhere, and lead elsewhere now.
	led []ledElsewhere
}

// ledElsewhere is a virtual host before a change and after it.
type ledElsewhere struct{ was, is *translate.Resource }

func (d *demand) begin() *changes {
	return &changes{
		was: d.led > 0, firm: map[string]struct{}{}, nears: map[translate.Scope]map[string]struct{}{},
		hosts: map[string]struct{}{}, tables: map[string]struct{}{},
	}
}

// note takes a wanted resource that came, changed or went.
func (d *demand) note(ch *changes, typ, name string, was, is *translate.Resource) {
	if typ == translate.ClusterType {
		if is != nil && len(is.Clusters) > 0 {
			ch.made = append(ch.made, is)
		}
		return
	}
	if typ == translate.VirtualHostType {
		d.onAsk.note(ch, name, was, is)
		if was != nil && is != nil && len(was.Leads) > 0 && len(is.Leads) > 0 {
			ch.led = append(ch.led, ledElsewhere{was, is})
		}
	}
	for i, r := range []*translate.Resource{was, is} {
		switch by := 2*i - 1; {
		case r == nil:
		case r.Leads != nil:
			d.led += by
		default:
			for _, name := range r.Clusters {
				d.hold(ch, name, by)
			}
		}
	}
	if was != nil {
		d.leads.Remove(outward(was.Leads)...)
	}
	if is != nil {
		d.leads.Add(outward(is.Leads)...)
		ch.leads = ch.leads || len(is.Leads) > 0
	}
}

func outward(leads []translate.Lead) []translate.Lead {
	if len(leads) > 0 && leads[0].Inward { // they are all of one router
		return nil
	}
	return leads
}

// hold changes the number of reasons for which everybody is given a cluster.
func (d *demand) hold(ch *changes, name string, by int) {
	n := d.firm[name] + by
	switch {
	case n <= 0:
		delete(d.firm, name)
	default:
		d.firm[name] = n
	}
	if n <= 0 || n == by {
		ch.firm[name] = struct{}{}
	}
}

// declare takes the declarations before and after.
func (d *demand) declare(ch *changes, was, is []string) {
	for _, name := range was {
		d.hold(ch, name, -1)
	}
	for _, name := range is {
		d.hold(ch, name, 1)
	}
}

// place takes endpoints at a place that came, changed or went.
func (d *demand) place(ch *changes, typ, name string, s translate.Scope, is *translate.Resource) {
	if typ != translate.EndpointType {
		return
	}
	if is == nil {
		if delete(d.near[s], name); len(d.near[s]) == 0 {
			delete(d.near, s)
		}
		return
	}
	if d.near[s] == nil {
		d.near[s] = map[string]struct{}{}
	}
	d.near[s][name] = struct{}{}
	if ch.nears[s] == nil {
		ch.nears[s] = map[string]struct{}{}
	}
	ch.nears[s][name] = struct{}{}
}

// follow has the proxies of the class want what the changes mean to them. It
// comes before anything waits for clusters by the new configuration.
func (c *Class) follow(now time.Time, ch *changes) {
	d := &c.demand
	came, went := c.review(ch)
	switch {
	case !ch.was && d.led == 0:
		return // everybody is given everything, before and now
	case !ch.was || d.led == 0:
		for p := range c.proxies {
			p.switched(now)
		}
	}
	for p := range c.proxies {
		p.comesToAsk(now)
		p.adapt(now, ch)
		p.keepAsking(now, ch.led)
		p.adaptHosts(now, came, went)
	}
	for s, names := range ch.nears {
		for p := range d.at[s] {
			for name := range names {
				p.want(now, name)
			}
		}
	}
}

// onDemand says that proxies are given only the clusters that they use.
func (c *Class) onDemand() bool { return c.demand.led > 0 }
