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
	// newest was offered last, passed was tried last.
	newest, passed *translate.Snapshot
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
	g.newest = s
	if refused, all := g.trial.Knows(s); all && (g.passed != nil || len(refused) == 0) {
		g.passed = s
		g.publish(s, refused...)
		return
	}
	if g.passed != nil {
		refused, _ := g.trial.Knows(g.passed)
		g.publish(mixed(g.passed, s), refused...)
	}
	select {
	case g.news <- struct{}{}:
	default:
	}
}

// Passed says that something was published.
func (g *Gate) Passed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed != nil
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
		s := g.newest
		g.mu.Unlock()
		refused := g.trial.Check(ctx, s)
		select {
		case <-ctx.Done(): // it was cut short
			return nil
		default:
		}
		g.mu.Lock()
		if g.passed = s; g.newest != s {
			s = mixed(s, g.newest)
		}
		g.publish(s, refused...)
		g.mu.Unlock()
	}
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
