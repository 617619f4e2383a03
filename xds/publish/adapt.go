package publish

import (
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// adapt has the proxy follow a new configuration of a class on demand.
func (p *Proxy) adapt(now time.Time, ch *changes) {
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil {
		return
	}
	for name := range ch.firm {
		if p.class.demand.firm[name] == 0 && k.given(name) != nil {
			k.uses.own[name] = struct{}{} // it has it, and may use it
		}
		k.look(now, name)
		p.refresh(now, name)
		p.mark()
		p.wantMembers(now, name)
		if p.class.demand.firm[name] > 0 {
			p.wantHosts(now, name)
		}
	}
	for _, r := range ch.made {
		if k.subscribed(r.Name) {
			p.wantMembers(now, r.Name)
		}
	}
	if ch.leads {
		p.wantCalls(now)
	}
}

// keepUsing has the proxy want what the routes lead to that it uses, before it
// is given content in place of other content of the same name: a route that it
// has the clusters of may be in use, and must not come to wait for others.
func (p *Proxy) keepUsing(now time.Time, was, is *translate.Resource) {
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil || was == nil || is == nil || was == is {
		return
	}
	a, b := was.Leads, is.Leads // both sorted by route
	for len(a) > 0 && len(b) > 0 {
		switch order := strings.Compare(a[0].Route, b[0].Route); {
		case order < 0:
			a = a[1:]
		case order > 0:
			b = b[1:]
		default:
			if !slices.Equal(a[0].Clusters, b[0].Clusters) {
				p.follow(now, k, a[0].Clusters, b[0].Clusters)
			}
			a, b = a[1:], b[1:]
		}
	}
}

// comesOnDemand is keepUsing where the older content was not on demand, or is not known
// here: all of its routes may be in use, and requests may come by a listener where
// none waits. What it was is not known of a proxy that came back: then such a listener
// is to be gone first, which it gives the name of.
func (p *Proxy) comesOnDemand(now time.Time, was, is *translate.Resource) (listener []string) {
	if was.Body != nil {
		for _, name := range is.Clusters {
			p.want(now, name)
		}
		return nil
	}
	k := p.kinds[translate.ListenerType]
	if k == nil || p.told || p.full {
		return nil
	}
	for name, has := range k.has.all() {
		if want, _ := p.look(k.typ, name); want != nil && want.Asks && !equal(has, want) {
			listener = append(listener, name)
		}
	}
	slices.Sort(listener)
	return listener
}

// keepAsking is keepUsing for virtual hosts that the proxy has not been given yet: it
// may have asked where they lead, and sends requests there.
func (p *Proxy) keepAsking(now time.Time, led []ledElsewhere) {
	k := p.hostUses()
	if k == nil {
		return
	}
	for _, h := range led {
		if k.given(h.is.Name) == nil {
			p.keepUsing(now, h.was, h.is)
		}
	}
}

// follow has the proxy want the clusters of a route if it has one of those that
// the route led to before.
func (p *Proxy) follow(now time.Time, k *kind, was, is []string) {
	uses, learnt := false, false
	for _, name := range was {
		_, own := k.uses.own[name]
		uses = uses || own || k.given(name) != nil
		learnt = learnt || p.class.demand.learnt.has(p.workload, name)
	}
	for _, name := range is {
		switch {
		case uses && learnt:
			p.asks(now, name)
		case uses:
			p.want(now, name)
		}
	}
}

// switched has the proxy keep what it has, when its class comes to be on
// demand, and want the rest, when it ceases to be.
func (p *Proxy) switched(now time.Time) {
	k := p.kinds[translate.ClusterType]
	if k == nil || k.uses == nil {
		return
	}
	if !p.class.onDemand() {
		k.uses.own = map[string]struct{}{}
		p.lookAtAll(now, k)
		return
	}
	p.wantKnown(now)
	for name := range p.unready {
		p.refresh(now, name)
	}
}

// needEverything has the proxy be given all clusters and hosts, because it has an
// older listener in place of one that asks, which was refused: there a request
// for what the proxy does not have would fail. So it stays, as long as the proxy
// is connected.
func (p *Proxy) needEverything(now time.Time, listener string) {
	want, _ := p.look(translate.ListenerType, listener)
	if p.told || p.full || want == nil || !want.Asks {
		return
	}
	p.told = true
	for _, typ := range []string{translate.ClusterType, translate.VirtualHostType} {
		if k := p.kinds[typ]; k != nil && k.uses != nil {
			p.lookAtAll(now, k)
			p.mark()
		}
	}
}

// comesToAsk is needEverything for a listener that comes to ask: requests go on coming
// by the one of before while that drains, and nobody here knows for how long.
func (p *Proxy) comesToAsk(now time.Time) {
	k := p.kinds[translate.ListenerType]
	if k == nil || p.told || p.class.target == nil || !p.class.onDemand() {
		return
	}
	for name, has := range k.has.all() {
		if asked := has.Asks || has.Body == nil && translate.AsksBy(has.Version); !asked {
			p.needEverything(now, name)
		}
	}
}
