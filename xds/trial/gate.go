package trial

import (
	"context"
	"maps"
	"sync"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// Gate holds snapshots back until they were tried. What is new in endpoints
// passes at once. It is safe for concurrent use.
type Gate struct {
	trial   *Trial
	publish func(*translate.Snapshot, ...xds.Verdict)
	news    chan struct{}

	mu sync.Mutex
	// newest was offered last, passed is what is published, but for endpoints.
	newest, passed offer
}

// offer is a snapshot, and the how many-th it is.
type offer struct {
	*translate.Snapshot
	turn int
}

// NewGate makes a gate that gives what was tried to publish, one call at a time.
func NewGate(t *Trial, publish func(*translate.Snapshot, ...xds.Verdict)) *Gate {
	return &Gate{trial: t, publish: publish, news: make(chan struct{}, 1)}
}

// Offer gives a newer snapshot, which must not be changed any more. It does not
// wait for Envoy.
func (g *Gate) Offer(s *translate.Snapshot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.newest = offer{s, g.newest.turn + 1}
	if refused, all := g.trial.Knows(s); all && (g.passed.Snapshot != nil || len(refused) == 0) {
		g.passed = g.newest
		g.publish(s, refused...)
		return
	}
	if g.passed.Snapshot != nil {
		refused, _ := g.trial.Knows(g.passed.Snapshot)
		g.publish(mixed(g.passed.Snapshot, s), refused...)
	}
	g.wake()
}

// wake has Run try the newest.
func (g *Gate) wake() {
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// Passed says that something was published.
func (g *Gate) Passed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed.Snapshot != nil
}

// Run tries what is offered until ctx ends; then it gives nil.
func (g *Gate) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.news:
		}
		g.mu.Lock()
		tried := g.newest
		g.mu.Unlock()
		refused := g.trial.Check(ctx, tried.Snapshot)
		select {
		case <-ctx.Done(): // it was cut short
			return nil
		default:
		}
		g.tried(tried, refused)
	}
}

// tried publishes what was tried, unless something newer has passed meanwhile,
// which was known. That is tried once more: by now the trial has forgotten it.
func (g *Gate) tried(o offer, refused []xds.Verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.passed.turn > o.turn:
		g.wake()
		return
	case g.newest == o:
		g.publish(o.Snapshot, refused...)
	default:
		g.publish(mixed(o.Snapshot, g.newest.Snapshot), refused...)
	}
	g.passed = o
}

// mixed gives a snapshot with the endpoints that a newer one has.
func mixed(tried, newer *translate.Snapshot) *translate.Snapshot {
	s := &translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{}}
	for name, c := range tried.Classes {
		s.Classes[name] = c
		n := newer.Classes[name]
		if n == nil {
			continue
		}
		copied := *c
		m := &copied
		m.Resources, m.Local = maps.Clone(c.Resources), maps.Clone(c.Local)
		m.Resources[translate.EndpointType] = maps.Clone(c.Resources[translate.EndpointType])
		if m.Resources[translate.EndpointType] == nil {
			m.Resources[translate.EndpointType] = map[string]*translate.Resource{}
		}
		if m.Local == nil {
			m.Local = map[string]map[translate.Scope]*translate.Resource{}
		}
		for cluster := range c.Resources[translate.EndpointType] {
			if r := n.Resources[translate.EndpointType][cluster]; r != nil {
				m.Resources[translate.EndpointType][cluster] = r
			}
		}
		for name, of := range n.Local {
			for _, r := range of {
				if r.Body.GetTypeUrl() == translate.EndpointType && c.Local[name] != nil {
					m.Local[name] = of
				}
				break
			}
		}
		s.Classes[name] = m
	}
	return s
}
