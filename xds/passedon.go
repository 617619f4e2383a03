package xds

import (
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"kibble.dev/translate"
)

const (
	// passedOnFor is how long it is known that a question was passed on: longer than a
	// proxy waits for its answer.
	passedOnFor  = 2 * translate.AskedMost
	passedOnMost = 10_000
)

// mayBeElsewhere tells that a question is for another control plane: the proxy that
// asks is not connected to this one, which cannot tell it of a cluster. A proxy that
// is told so asks the next one (translate.askResolver), and comes back with the same
// question if nobody has it: then it is answered here.
func (r *Resolver) mayBeElsewhere(class, node string, req *authv3.CheckRequest) bool {
	id := req.GetAttributes().GetRequest().GetHttp().GetId()
	if node == "" || id == "" || r.Connected == nil || r.Connected(class, node) {
		return false
	}
	return r.passedOn.add(question{class, node, id}, r.now())
}

// question is one of a proxy, which gives its requests numbers.
type question struct{ class, node, id string }

// passedOn are the questions that were passed on lately. The zero value has none.
type passedOn struct {
	mu          sync.Mutex
	last, older map[question]struct{}
	since       time.Time // of last
}

// add adds a question, and tells whether it is new.
func (p *passedOn) add(q question, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.since); p.last == nil || age < 0 || age > passedOnFor || len(p.last) >= passedOnMost {
		p.last, p.older, p.since = map[question]struct{}{}, p.last, now
	}
	_, last := p.last[q]
	_, older := p.older[q]
	p.last[q] = struct{}{}
	return !last && !older
}
