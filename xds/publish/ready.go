package publish

import (
	"time"

	"kibble.dev/translate"
)

// refresh keeps unready for a cluster.
func (p *Proxy) refresh(now time.Time, name string) {
	_, was := p.unready[name]
	is := p.lacks(now, name)
	switch {
	case is && !was:
		p.unready[name] = now
		p.mostUnready = max(p.mostUnready, len(p.unready))
	case was && !is:
		delete(p.unready, name)
		p.unready, p.mostUnready = lighter(p.unready, p.mostUnready)
		p.woken = true
	}
}

// lacks says that the proxy is to have a cluster and does not have it, or not
// its endpoints.
func (p *Proxy) lacks(now time.Time, name string) bool {
	clusters, endpoints, t := p.kinds[translate.ClusterType], p.kinds[translate.EndpointType], p.class.target
	if t == nil {
		return false
	}
	_, extra := p.extra[name]
	if !extra && !t.has(translate.ClusterType, name) {
		return false
	}
	if clusters == nil {
		return p.blindTo(now, name)
	}
	if !clusters.subscribed(name) {
		return false
	}
	if clusters.has.get(name) == nil || clusters.given(name) == nil {
		return true // given is nil as well when a removal is on its way
	}
	if r, _ := t.get(translate.EndpointType, name, p.scopes); r == nil &&
		(!extra || p.class.memory.accepted[key{typ: translate.EndpointType, name: name}] == nil) {
		return false // it has no endpoints of its own
	}
	if _, ok := p.assumed[name]; ok {
		return false
	}
	return endpoints == nil || endpoints.has.get(name) == nil || endpoints.has.get(name).Version == standIn
}

// blindTo is lacks for a proxy that has not asked for clusters. One that comes
// back may do so later: Envoy waits with it while a cluster is getting warm.
// When it has not done so for long, it has those clusters that it asks
// endpoints for; one that asks for none uses no clusters of ours.
func (p *Proxy) blindTo(now time.Time, name string) bool {
	if !p.returning {
		return false
	}
	if now.Before(p.connected.Add(p.class.opts.AckLimit)) {
		return true
	}
	endpoints := p.kinds[translate.EndpointType]
	if endpoints == nil || endpoints.names.size == 0 {
		return false
	}
	has := endpoints.has.get(name)
	return has == nil || has.Body == nil || has.Version == standIn || !p.class.target.has(translate.EndpointType, name)
}

// seeClusters looks again at which clusters the proxy lacks, after something
// changed that concerns all of them.
func (p *Proxy) seeClusters(now time.Time) {
	if p.class.target == nil {
		return
	}
	if p.returning && p.kinds[translate.ClusterType] == nil {
		p.class.blind[p] = struct{}{}
	} else if _, was := p.class.blind[p]; !was {
		return
	} else {
		delete(p.class.blind, p)
	}
	p.class.target.names(translate.ClusterType, func(name string) { p.refresh(now, name) })
}
