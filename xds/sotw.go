package xds

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

const sotwProtocol = "sotw"

// StreamAggregatedResources serves one proxy with the state of the world.
func (a *ads) StreamAggregatedResources(g discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	st, ctx, release := a.accept(g.Context(), sotwProtocol)
	defer release()
	f := &fullStream{stream: st}
	st.push = f.pushFull
	// Ordered: one channel for all types keeps the publisher's order.
	server := sotw.NewServer(ctx, f, f, sotw.WithOrderedADS(), sotw.DeactivateLegacyWildcardForTypes(byNameOnly()))
	err := server.StreamHandler(g, resource.AnyType)
	return cmp.Or(whyEnded(ctx), err)
}

// fullStream is the cache and the callbacks of go-control-plane's server for one
// stream. That server is made for each stream anew: so the cache knows who asks,
// also where requests do not say it.
type fullStream struct {
	*stream
	responses chan cache.Response
	queue     []queued // handed over, not sent yet
}

// queued is a response that was handed over.
type queued struct {
	response *publish.Response
	message  *discoveryv3.DiscoveryResponse
}

// CreateWatch opens the type of a request. Responses of the type that the
// server had not sent by then it has thrown away.
func (f *fullStream) CreateWatch(r *discoveryv3.DiscoveryRequest, sub cache.Subscription, responses chan cache.Response) (cancel func(), err error) {
	s, typ := f.server, r.GetTypeUrl()
	defer f.enter()()
	now := s.clock.read()
	f.dropped(now, typ)
	asks := publish.Subscription{Type: typ, Wildcard: sub.IsWildcard(), Returning: r.GetVersionInfo() != "" && r.GetResponseNonce() == ""}
	asks.Add, asks.Drop = f.difference(typ, sub.SubscribedResources())
	f.responses = responses
	if err := f.ask(now, asks); err != nil {
		return nil, err
	}
	s.wake()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f.open[typ] = false
	}, nil
}

// dropped hands back responses of a type that were handed over and not sent.
func (f *fullStream) dropped(now time.Time, typ string) {
	for i := len(f.queue) - 1; i >= 0; i-- {
		if r := f.queue[i].response; r.Type == typ {
			f.queue = slices.Delete(f.queue, i, i+1)
			f.proxy.Unsent(now, r)
		}
	}
}

// difference keeps the list of all names of a type, and gives what it adds and drops.
func (f *fullStream) difference(typ string, all map[string]struct{}) (add, drop []string) {
	had, has := f.names[typ], map[string]bool{}
	for n := range all {
		has[n] = true
		if !had[n] {
			add = append(add, n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(had)) {
		if !has[n] {
			drop = append(drop, n)
		}
	}
	slices.Sort(add)
	f.names[typ] = has
	return add, drop
}

func (f *fullStream) pushFull(r *publish.Response) bool {
	if len(f.responses) == cap(f.responses) {
		return false
	}
	all := r.Resources
	if r.Type == translate.ClusterType || r.Type == translate.ListenerType {
		all = f.proxy.All(r) // of these a response is always complete
	}
	m := &discoveryv3.DiscoveryResponse{TypeUrl: r.Type, VersionInfo: version(all)}
	for _, res := range all {
		m.Resources = append(m.Resources, res.Body)
	}
	f.queue = append(f.queue, queued{response: r, message: m})
	f.responses <- &cache.PassthroughResponse{
		Request: &discoveryv3.DiscoveryRequest{TypeUrl: r.Type}, DiscoveryResponse: m, ReturnedResources: map[string]string{},
	}
	return true
}

// version is a hash of a response's content.
func version(all []*translate.Resource) string {
	h := sha256.New()
	for _, r := range all {
		h.Write([]byte(r.Name + "\x00" + r.Version + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// OnStreamOpen is a callback.
func (f *fullStream) OnStreamOpen(context.Context, int64, string) error { return nil }

// OnStreamClosed is a callback; it comes when every watch has been cancelled.
func (f *fullStream) OnStreamClosed(int64, *corev3.Node) { f.leave() }

// OnStreamRequest is a callback; it comes before CreateWatch, and also for a
// request that answers a response which is not the last one.
func (f *fullStream) OnStreamRequest(_ int64, r *discoveryv3.DiscoveryRequest) error {
	s := f.server
	f.spoke()
	defer f.enter()()
	err := f.hear(s.clock.read(), r.GetNode(), r.GetTypeUrl(), r.GetResponseNonce(), r.GetErrorDetail())
	s.wake()
	return err
}

// OnStreamResponse is a callback; it comes right before a response is sent.
func (f *fullStream) OnStreamResponse(_ context.Context, _ int64, _ *discoveryv3.DiscoveryRequest, m *discoveryv3.DiscoveryResponse) {
	f.sending(m)
	f.drained()
}

// sending notes that a message goes out now.
func (f *fullStream) sending(m *discoveryv3.DiscoveryResponse) {
	s := f.server
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(f.queue, func(q queued) bool { return q.message == m })
	if i < 0 {
		return
	}
	r := f.queue[i].response
	f.queue = slices.Delete(f.queue, i, i+1)
	f.handed(r, m.GetNonce())
	f.last[r.Type] = m.GetNonce()
}

// CreateDeltaWatch is not of this form of the protocol.
func (f *fullStream) CreateDeltaWatch(*discoveryv3.DeltaDiscoveryRequest, cache.Subscription, chan cache.DeltaResponse) (func(), error) {
	return nil, errors.New("a state of the world stream gets no changes")
}
