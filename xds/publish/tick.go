package publish

import (
	"time"

	"kibble.dev/translate"
)

// unansweredBound is how many responses about clusters are remembered for a
// proxy that answers none.
const unansweredBound = 64

// repeatAfter is how long a proxy that connects may ask for endpoints without
// asking for clusters.
const repeatAfter = time.Second

// tick lets limits take effect that have passed.
func (p *Proxy) tick(now time.Time) {
	for _, k := range p.kinds {
		if k.waiting() && !now.Before(k.flights[0].sent.Add(p.class.opts.AckLimit)) {
			p.overdue(now, k, k.flights[0])
		}
	}
	for name, since := range p.unready {
		p.assume(now, name, since)
	}
	if _, blind := p.class.blind[p]; blind {
		p.seeClusters(now)
	}
	if len(p.retiring) > 0 {
		p.drain(now)
	}
	p.releaseHosts(now, p.ticked)
	p.retry(now, false)
	p.ticked = now
	if !p.repeated && !now.Before(p.connected.Add(repeatAfter)) {
		p.repeat(now)
	}
	p.moveOn(now)
}

// overdue deals with a response that has been unanswered for too long.
func (p *Proxy) overdue(now time.Time, k *kind, r *Response) {
	p.mark()
	if !r.undone {
		p.class.late[k.typ]++
	}
	talks := p.answers > r.answers
	switch {
	case k.typ == translate.ClusterType && talks && !r.slow && len(r.items) > 0:
		p.unstick(now, k, r)
		return
	case k.silent.IsZero():
		k.silent = r.sent
	}
	k.flights = k.flights[1:]
	p.settle(now, k, r, true)
	r.whole = nil // by the time of its answer another one may say more
	k.late = append(k.late, r)
	if len(k.late) > lates {
		k.late = k.late[1:]
	}
}

// unstick deals with a proxy that talks, but not about clusters: one of these
// never gets warm, and Envoy answers nothing about clusters until that one is
// corrected or gone. Taking back those that are unanswered makes it answer.
// Where that did not help, because what it had before is not known, they stay
// unanswered, and so out of use, until a later change of one of them helps.
func (p *Proxy) unstick(now time.Time, k *kind, r *Response) {
	if r.undone || r.undo {
		if k.silent.IsZero() {
			k.silent = r.sent
		}
		if len(k.flights) > unansweredBound {
			p.land(k, k.flights[0])
			k.flights = k.flights[1:]
		}
	}
	for _, f := range k.flights {
		if !f.undone && !f.undo {
			for _, i := range f.items {
				if i.res != nil {
					k.takeBack = append(k.takeBack, i.name)
				}
			}
		}
		f.undone, f.sent = true, now // look again after another limit
	}
}

// assume takes a cluster's endpoints for given when the proxy accepted the
// cluster and has not asked for them for too long.
func (p *Proxy) assume(now time.Time, name string, since time.Time) {
	if now.Before(since.Add(p.class.opts.AckLimit)) {
		return
	}
	clusters := p.kinds[translate.ClusterType]
	if clusters == nil || clusters.has.get(name) == nil || p.kinds[translate.EndpointType].subscribed(name) {
		return
	}
	p.assumed[name] = struct{}{}
	p.refresh(now, name)
}

// drain has the clusters removed that nothing has named for long enough.
func (p *Proxy) drain(now time.Time) {
	p.reviewRetiring(now)
	k := p.kinds[translate.ClusterType]
	for name, since := range p.retiring {
		if it := k.open[name]; it != nil && !since.IsZero() && !now.Before(since.Add(p.class.opts.Drain)) {
			k.look(now, name)
			p.mark()
		}
	}
}

// repeat sends the endpoints again to a proxy that came back and asks for
// endpoints but not for clusters. Envoy does not ask for clusters while one of
// them waits for its endpoints; it may have lost these with its old stream,
// and reports the older ones of the same cluster as known.
func (p *Proxy) repeat(now time.Time) {
	p.repeated, p.woken = true, true // see also oldHosts
	k := p.kinds[translate.EndpointType]
	if k == nil || p.kinds[translate.ClusterType] != nil || p.full {
		return
	}
	for name := range k.has.all() {
		k.look(now, name).again = true
	}
	p.mark()
}
