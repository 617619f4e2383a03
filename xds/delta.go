package xds

import (
	"context"
	"errors"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"

	"kibble.dev/xds/publish"
)

const deltaProtocol = "delta"

// DeltaAggregatedResources serves one proxy with changes.
func (a *ads) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	st, err := a.server.accept(g.Context(), deltaProtocol)
	if err != nil {
		return err
	}
	d := &deltaStream{stream: st}
	st.push, st.pushUnasked = d.pushDelta, d.pushUnasked
	server := delta.NewServer(a.ctx, d, d, delta.DeactivateLegacyWildcardForTypes(byNameOnly()))
	return server.DeltaStreamHandler(g, resource.AnyType)
}

// deltaStream is the cache and the callbacks of go-control-plane's server for
// one stream. That server is made for each stream anew: so the cache knows who
// asks, also where requests do not say it.
type deltaStream struct {
	*stream
	responses chan cache.DeltaResponse
}

// CreateDeltaWatch opens the type of a request. More than one response may
// come of it: a change need not wait for the last one's acknowledgement.
func (d *deltaStream) CreateDeltaWatch(r *discoveryv3.DeltaDiscoveryRequest, s cache.Subscription, responses chan cache.DeltaResponse) (func(), error) {
	known, used := unmarked(r.GetTypeUrl(), r.GetInitialResourceVersions())
	return d.watch(publish.Subscription{
		Type: r.GetTypeUrl(), Wildcard: s.IsWildcard(), Known: known, Used: used,
		Add: ordinary(r.GetResourceNamesSubscribe()), Drop: ordinary(r.GetResourceNamesUnsubscribe()),
	}, func() { d.responses = responses })
}

// ordinary gives the names but the wildcard.
func ordinary(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "*" })
}

func (d *deltaStream) pushDelta(r *publish.Response) bool {
	m := d.hand(r, r.Type)
	if m == nil {
		return false
	}
	d.queue = append(d.queue, queued{response: r, message: m})
	return true
}

// unasked is the type under which the server sends what nobody asked for: it
// keeps a subscription for each type, and there is none yet.
const unasked = "unasked"

// pushUnasked hands over a response of a type that the proxy has not asked for.
// Its answer is that of no response.
func (d *deltaStream) pushUnasked(r *publish.Response) bool { return d.hand(r, unasked) != nil }

// hand gives the message of a response that the server is to send as one of a
// type, nil if there is no room.
func (d *deltaStream) hand(r *publish.Response, typ string) *discoveryv3.DeltaDiscoveryResponse {
	if d.responses == nil || len(d.responses) == cap(d.responses) {
		return nil
	}
	m := &discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: r.Type, RemovedResources: r.Removed, Resources: make([]*discoveryv3.Resource, len(r.Resources)),
	}
	for i, res := range r.Resources {
		m.Resources[i] = &discoveryv3.Resource{Name: res.Name, Version: d.marked(res, r.Type), Resource: res.Body}
	}
	d.responses <- &cache.DeltaPassthroughResponse{
		DeltaRequest:           &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ},
		DeltaDiscoveryResponse: m,
		NextVersionMap:         map[string]string{}, // the publisher keeps the versions; the server writes into it
	}
	return m
}

// OnDeltaStreamOpen is a callback.
func (d *deltaStream) OnDeltaStreamOpen(context.Context, int64, string) error { return nil }

// OnDeltaStreamClosed is a callback; it comes when every watch has been cancelled.
func (d *deltaStream) OnDeltaStreamClosed(int64, *corev3.Node) { d.leave() }

// OnStreamDeltaRequest is a callback; it comes before CreateDeltaWatch.
func (d *deltaStream) OnStreamDeltaRequest(_ int64, r *discoveryv3.DeltaDiscoveryRequest) error {
	return d.hear(r.GetNode(), r.GetTypeUrl(), r.GetResponseNonce(), r.GetErrorDetail())
}

// OnStreamDeltaResponse is a callback; it comes right before a response is sent.
func (d *deltaStream) OnStreamDeltaResponse(_ int64, _ *discoveryv3.DeltaDiscoveryRequest, m *discoveryv3.DeltaDiscoveryResponse) {
	d.sending(m, m.GetNonce())
}

// CreateWatch is not of this form of the protocol.
func (d *deltaStream) CreateWatch(*discoveryv3.DiscoveryRequest, cache.Subscription, chan cache.Response) (func(), error) {
	return nil, errors.New("a delta stream gets no state of the world")
}
