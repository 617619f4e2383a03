package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// An Envoy that comes back while one of its clusters can never get warm asks
// for no clusters, so that it cannot be told what is wrong with that one. But it
// takes what it did not ask for. A cluster that Envoy refused when it was half
// made has never asked for its endpoints: whatever the proxy asks no endpoints
// for is no cluster that works, and can be taken away.

// wentMost bounds the clusters that are remembered to have gone.
const wentMost = 10_000

// noteGone keeps the names of clusters with endpoints that are no longer wanted. A
// proxy may have come to a standstill by one of them.
func (c *Class) noteGone(old *target, typ, name string, is *translate.Resource) {
	switch {
	case typ != translate.ClusterType:
	case is != nil:
		delete(c.went, name)
	case old.has(translate.EndpointType, name):
		if len(c.went) >= wentMost {
			clear(c.went) // very many come and go: those of late matter
		}
		c.went[name] = struct{}{}
	}
}

// Rescue gives what a proxy at a standstill is to be sent though it did not ask
// for it, nil if there is nothing now. It is to be sent once, and its answer
// counts for nothing: when it helped, the proxy asks for clusters.
func (p *Proxy) Rescue(now time.Time) *Response {
	c := p.class
	if p.full || c.target == nil || c.provisional || p.waits || !p.Mute(now) || now.Before(p.rescued.Add(c.opts.AckLimit)) {
		return nil
	}
	p.rescued = now
	p.rescues++
	r := &Response{Type: translate.ClusterType, sent: now}
	if p.rescues%2 == 1 {
		r.Removed = p.neverWorked()
	} else {
		r.Resources = p.mayHelp(now)
	}
	if len(r.Removed)+len(r.Resources) == 0 {
		return nil
	}
	return r
}

// neverWorked gives the clusters with endpoints that the proxy asks no endpoints for.
func (p *Proxy) neverWorked() []string {
	asked := &p.kinds[translate.EndpointType].names
	var names []string
	add := func(name string) {
		if !asked.has(name) {
			names = append(names, name)
		}
	}
	p.class.target.names(translate.ClusterType, func(name string) {
		if p.class.target.has(translate.EndpointType, name) {
			add(name)
		}
	})
	for name := range p.class.went {
		add(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mayHelp gives the clusters that it asks endpoints for, with the endpoints
// again, as some proxy accepted them last, and the next time as they are wanted:
// what waits in a version that is no good is corrected, and what it has is let be
// by Envoy.
func (p *Proxy) mayHelp(now time.Time) []*translate.Resource {
	endpoints := p.kinds[translate.EndpointType]
	var all []*translate.Resource
	for _, name := range slices.Sorted(endpoints.names.all()) {
		r, _ := p.class.target.get(translate.ClusterType, name, nil)
		if old := p.class.memory.accepted[key{typ: translate.ClusterType, name: name}]; p.rescues%4 == 2 && old != nil && old.Body != nil {
			r = old
		}
		if r != nil {
			all = append(all, r)
			endpoints.look(now, name).again = true
		}
	}
	p.mark()
	return all
}
