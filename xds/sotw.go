package xds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

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
	st, err := a.server.accept(g.Context(), sotwProtocol)
	if err != nil {
		return err
	}
	f := &fullStream{stream: st}
	st.push = f.pushFull
	// Ordered: one channel for all types keeps the publisher's order.
	server := sotw.NewServer(a.ctx, f, f, sotw.WithOrderedADS(), sotw.DeactivateLegacyWildcardForTypes(byNameOnly()))
	return server.StreamHandler(g, resource.AnyType)
}

// fullStream is the cache and the callbacks of go-control-plane's server for
// one stream, as deltaStream is.
type fullStream struct {
	*stream
	responses chan cache.Response
}

// CreateWatch opens the type of a request. Responses of the type that the
// server had not sent by then it has thrown away.
func (f *fullStream) CreateWatch(r *discoveryv3.DiscoveryRequest, s cache.Subscription, responses chan cache.Response) (func(), error) {
	typ := r.GetTypeUrl()
	f.dropped(typ)
	sub := publish.Subscription{Type: typ, Wildcard: s.IsWildcard(), Returning: r.GetVersionInfo() != "" && r.GetResponseNonce() == ""}
	sub.Add, sub.Drop = f.difference(typ, s.SubscribedResources())
	return f.watch(sub, func() { f.responses = responses })
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
	return f.hear(r.GetNode(), r.GetTypeUrl(), r.GetResponseNonce(), r.GetErrorDetail())
}

// OnStreamResponse is a callback; it comes right before a response is sent.
func (f *fullStream) OnStreamResponse(_ context.Context, _ int64, _ *discoveryv3.DiscoveryRequest, m *discoveryv3.DiscoveryResponse) {
	f.sending(m, m.GetNonce())
}

// CreateDeltaWatch is not of this form of the protocol.
func (f *fullStream) CreateDeltaWatch(*discoveryv3.DeltaDiscoveryRequest, cache.Subscription, chan cache.DeltaResponse) (func(), error) {
	return nil, errors.New("a state of the world stream gets no changes")
}
