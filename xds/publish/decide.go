package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

type action int

const (
	nothing action = iota
	give
	remove
)

// decide says what to do about an open name now.
func (p *Proxy) decide(now time.Time, k *kind, name string, it *item) (action, *translate.Resource) {
	it.missing = nil
	if !k.subscribed(name) {
		return nothing, nil
	}
	if k.typ == translate.VirtualHostType {
		return p.decideHost(now, k, name, it)
	}
	return p.decideAbout(now, k, name, it)
}

// decideAbout is decide for what the proxy asked for, whatever is around it.
func (p *Proxy) decideAbout(now time.Time, k *kind, name string, it *item) (action, *translate.Resource) {
	p.upgrade(now, k, name)
	if p.class.provisional && p.letBe(k, name) {
		return nothing, nil
	}
	want, f := p.choose(k, name, it)
	cur := k.given(name)
	if k.typ == translate.ClusterType && f != absent {
		delete(p.retiring, name)
	}
	switch f {
	case absent:
		return p.decideAbsent(now, k, name, it)
	case withheld:
		return p.decideWithheld(k, name, it)
	case older:
		if want.Body == nil && k.typ == translate.ListenerType && p.leavesUnknown(k, name) {
			return remove, nil
		}
		p.fetchAll(now, want) // also what the proxy has already: it was thought to have something else, without these
		if k.typ == translate.ListenerType && !want.Asks {
			p.needEverything(now, name)
		}
	}
	if cur != nil && equal(cur, want) && !it.again || want.Body == nil {
		return nothing, nil // what is to be sent again may be known later
	}
	if !equal(k.has.get(name), want) {
		if act, res, waits := p.makeReady(now, k, name, it, want); waits {
			if cur == nil && act == nothing && !fullState(k.typ) && p.inVain(it.missing) {
				return p.decideWithheld(k, name, it)
			}
			return act, res
		}
	}
	for name := range p.retiring {
		if names(want, name) {
			p.retiring[name] = time.Time{}
		}
	}
	return give, want
}

// decideAbsent is decideAbout for a name that is not wanted.
func (p *Proxy) decideAbsent(now time.Time, k *kind, name string, it *item) (action, *translate.Resource) {
	switch {
	case k.given(name) != nil || len(it.rare().maybe) > 0:
		return p.retire(now, k, name, it)
	case it.asked && !p.full:
		return remove, nil
	case (it.asked || it.again) && k.typ == translate.EndpointType:
		return give, instead(k.typ, name, nil) // state of the world has no other way to tell
	}
	return nothing, nil
}

// decideWithheld is decideAbout for a name of which there is nothing to give.
func (p *Proxy) decideWithheld(k *kind, name string, it *item) (action, *translate.Resource) {
	switch {
	case !it.again && !it.asked, k.typ == translate.RouteType && !it.asked:
		return nothing, nil // a listener waits for a table no longer, once it refused one
	case fullState(k.typ):
		return remove, nil
	}
	want, _ := p.look(k.typ, name)
	r := instead(k.typ, name, want)
	if r == nil || p.full && p.returning && lingers(k.typ) {
		return nothing, nil // it may have something, and cannot say so
	}
	return give, r
}

// makeReady sees to what must be there before a name's new content. If it waits for
// that, act is what is done meanwhile, and res what with.
func (p *Proxy) makeReady(now time.Time, k *kind, name string, it *item, want *translate.Resource) (act action, res *translate.Resource, waits bool) {
	cur := k.given(name)
	switch {
	case want.Leads == nil:
	case cur != nil && cur.Leads == nil:
		it.missing = p.comesOnDemand(now, cur, want)
	default:
		p.keepUsing(now, cur, want)
	}
	if it.missing == nil {
		it.missing = p.missing(want)
	}
	switch {
	case it.missing != nil:
	case k.typ == translate.ClusterType && cur != nil:
		it.missing = p.cannotWarm(now, name)
	case k.typ == translate.RouteType && cur == nil && translate.InParts(want.Version):
		it.missing = p.oldHosts(now, name)
	case k.typ == translate.ListenerType && len(want.Binds) > 0:
		return p.makeWay(k, name, want)
	}
	return nothing, nil, it.missing != nil
}

// cannotWarm gives the cluster's own name when the proxy could not be sent its
// endpoints again: it has some of a version that is not known here, and
// refused the wanted one. A changed cluster would wait for them for ever.
func (p *Proxy) cannotWarm(now time.Time, name string) []string {
	k := p.kinds[translate.EndpointType]
	if k == nil && p.returning && now.Before(p.connected.Add(repeatAfter)) {
		if want, scope := p.look(translate.EndpointType, name); want != nil && p.class.memory.bad(key{translate.EndpointType, name, scope}, want.Version) {
			return []string{name} // it may say in a moment which it has
		}
	}
	if !k.subscribed(name) || k.given(name) == nil {
		return nil
	}
	if r, _ := p.choose(k, name, k.item(now, name)); r == nil || r.Body != nil {
		return nil
	}
	return []string{name}
}

// retire decides about a name that the proxy has and that is no longer wanted.
func (p *Proxy) retire(now time.Time, k *kind, name string, it *item) (action, *translate.Resource) {
	switch {
	case k.typ == translate.ClusterType:
		since, known := p.retiring[name]
		if !known {
			p.retiring[name] = time.Time{} // until the next review
		}
		if !since.IsZero() && !now.Before(since.Add(p.class.opts.Drain)) {
			delete(p.extra, name)
			return remove, nil
		}
	case k.typ == translate.EndpointType:
		clusters := p.kinds[translate.ClusterType]
		if clusters == nil && !p.returning || clusters != nil && clusters.given(name) == nil {
			return remove, nil
		} // a proxy that came back may have the cluster and not have said so yet
		if it.again && k.has.get(name) == nil {
			return give, instead(k.typ, name, nil)
		}
	case k.typ == translate.ListenerType:
		return p.handOver(k, name, it)
	case k.wildcard || !lingers(k.typ):
		return remove, nil
	}
	if it.again && k.has.get(name) != nil && k.has.get(name).Body != nil {
		return give, k.has.get(name) // it asked once more
	}
	return nothing, nil
}

// few is how many of the clusters that a resource waits for are told.
const few = 5

// missing gives clusters that a resource names and the proxy does not have
// yet, nil if there are none: a few of them, sorted.
func (p *Proxy) missing(r *translate.Resource) []string {
	var names []string
	if len(p.unready) < len(r.Clusters) {
		for name := range p.unready {
			if _, ok := slices.BinarySearch(r.Clusters, name); ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
	} else {
		for _, name := range r.Clusters {
			if _, ok := p.unready[name]; ok {
				names = append(names, name)
			}
		}
	}
	return names[:min(len(names), few)]
}

// fetchAll has the proxy get what older content names.
func (p *Proxy) fetchAll(now time.Time, r *translate.Resource) {
	for _, name := range r.Clusters {
		if r.Leads == nil || !p.class.target.has(translate.ClusterType, name) {
			p.want(now, name) // nobody could give it later
		}
		p.fetch(now, name)
	}
}

// fetch has the proxy get a cluster that is no longer wanted but that older
// content names.
func (p *Proxy) fetch(now time.Time, name string) {
	k := p.kinds[translate.ClusterType]
	given := k.subscribed(name) && k.given(name) != nil
	switch {
	case !k.subscribed(name) || p.class.target.has(translate.ClusterType, name) || given && k.has.get(name) != nil:
		return
	case !given && p.class.memory.accepted[key{typ: translate.ClusterType, name: name}] == nil:
		return // never ours
	}
	if _, ok := p.extra[name]; !ok {
		p.extra[name] = struct{}{}
		k.look(now, name)
		p.refresh(now, name)
		p.mark()
	}
}
