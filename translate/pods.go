package translate

import (
	"strings"
	"sync"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
)

// PodListener makes the listener of a router that binds the pod's address, for
// each proxy at its own. A proxy listens as long as it runs, whatever endpoints
// tell of its pod. It is safe for concurrent use.
type PodListener struct {
	spec listenerSpec
	// samples are the listeners at SamplePod: at another address all else is the same.
	samples map[Scope]*listenerv3.Listener

	mu   sync.Mutex
	made map[Scope]*Resource
}

// newPodListener makes it, with what is at SamplePod.
func (cb *classBuilder) newPodListener(spec listenerSpec) *PodListener {
	at := &PodListener{spec: spec, samples: map[Scope]*listenerv3.Listener{}, made: map[Scope]*Resource{}}
	for scope, spec := range spec.atPod(SamplePod) {
		l, r := cb.listener(spec, SamplePod)
		if r == nil {
			return nil
		}
		at.samples[scope], at.made[scope] = l, r
	}
	return at
}

// SamplePod is a pod's address that no pod has (RFC 5737): listeners there are for
// people to look at, and to be tried.
const SamplePod = "192.0.2.1"

// Samples are the scopes of SamplePod: at one of them each kind of listener is
// that proxies have. What is wrong with it is wrong with all of its kind.
func (l *PodListener) Samples() []Scope { return sortedKeys(l.spec.atPod(SamplePod)) }

// SampleOf gives the scope among Samples whose listener is of the same kind.
func SampleOf(scope Scope) Scope {
	if strings.HasPrefix(string(scope), string(FullScope(""))) {
		return FullScope(PodScope(SamplePod))
	}
	return PodScope(SamplePod)
}

// At gives the listener of proxies at a scope, nil where that is not the place of
// a pod. It is kept until it is forgotten.
func (l *PodListener) At(scope Scope) *Resource {
	ip, ok := strings.CutPrefix(strings.TrimPrefix(string(scope), string(FullScope(""))), string(podScopes))
	if !ok {
		return nil
	}
	spec, ok := l.spec.atPod(ip)[scope]
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, known := l.made[scope]
	if !known {
		if isAddress(ip) {
			// Proxies come by the thousand: what is large of a listener is not made anew.
			made := proto.CloneOf(l.samples[SampleOf(scope)])
			made.Address = socketAddress(ip, spec.Port)
			r, _ = spec.encoded(made, spec.source) // the sample could be
		}
		l.made[scope] = r
	}
	return r
}

// Forget drops what was made for a scope: nobody is there any more.
func (l *PodListener) Forget(scope Scope) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.made, scope)
}

// prepare makes the listeners that were made of another specification, so that
// those who serve proxies need not.
func (l *PodListener) prepare(was *PodListener) {
	was.mu.Lock()
	scopes := sortedKeys(was.made)
	was.mu.Unlock()
	for _, scope := range scopes {
		l.At(scope)
	}
}
