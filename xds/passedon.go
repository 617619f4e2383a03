package xds

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
)

const (
	// turn is how long a proxy is waited for that is not connected here, before the next
	// control plane is asked: it may have come back to that one.
	turn = time.Second
	// passedOnFor is how long it is known that a question was passed on: longer than a
	// proxy waits for its answer.
	passedOnFor  = 2 * translate.AskedMost
	passedOnMost = 10_000
	// idMost is longer than the numbers that Envoy gives requests.
	idMost = 64
)

// await returns when the proxy that asks has the cluster of a wish, or has been waited
// for long enough. The error is ErrAway where a question is for another control plane:
// the proxy is not connected to this one, which cannot tell it of a cluster. One that is
// told so asks the next one (translate.asksControlPlane), and comes back with the same
// question if nobody has it. Then each waits for it for a turn, until in all the
// patience is at its end: the answer of the last turn counts. A question about a published
// cluster, which the proxy gets in any case, is passed on once only: tries are few, and
// some may be lost on control planes that are gone.
func (r *Resolver) await(ctx context.Context, w Wish, req *authv3.CheckRequest) error {
	left := cmp.Or(r.Patience, DefaultPatience)
	if id := req.GetAttributes().GetRequest().GetHttp().GetId(); id != "" && len(id) <= idMost && r.away(w) {
		now := r.now()
		since, known := r.passedOn.add(question{w.Class, w.Node, id}, now)
		if !known {
			return ErrAway
		}
		if left = max(left-now.Sub(since), turn); w.Cluster != "" && left > turn*3/2 {
			w.Turn = turn
		}
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if err := r.Ensure(ctx, w); errors.Is(err, ErrAway) || ctx.Err() == nil {
		return err
	}
	return nil
}

// passOn is the answer to a question of a proxy that another control plane may have.
func passOn(node string) error {
	return grpcstatus.Errorf(codes.Unavailable, "proxy %s: %v: another one may have it", node, ErrAway)
}

// away tells that the proxy that asks is known, and not connected.
func (r *Resolver) away(w Wish) bool {
	return w.Node != "" && r.Connected != nil && !r.Connected(w.Class, w.Node)
}

// question is one of a proxy, which gives its requests numbers.
type question struct{ class, node, id string }

// passedOn are the questions that were passed on lately, with when they came. The zero
// value has none.
type passedOn struct {
	mu          sync.Mutex
	last, older map[question]time.Time
	since       time.Time // of last
}

// add adds a question, and gives when it came first if it is known.
func (p *passedOn) add(q question, now time.Time) (since time.Time, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.since); p.last == nil || age < 0 || age > passedOnFor || len(p.last) >= passedOnMost {
		p.last, p.older, p.since = map[question]time.Time{}, p.last, now
	}
	if since, known = p.last[q]; !known {
		since, known = p.older[q]
	}
	if !known {
		since = now
	}
	p.last[q] = since
	return since, known
}
