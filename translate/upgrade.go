package translate

import (
	"maps"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// webSocket is the one protocol that a connection may go over to (RFC 6455). Whoever
// asks for another one is answered 403; h2c is taken for not asked for.
const (
	webSocket     = "websocket"
	headerUpgrade = "upgrade"
)

// upgrades lets WebSockets pass. What a client sends before the service has agreed
// is never to reach the service, which would read it as the next request, with headers
// that nobody has taken away. Envoy 1.40 holds it back until the answer is 101; but on
// a connection of which the answer before was HTTP/1.0 it takes any answer for consent
// (UpstreamCodecFilter::CodecBridge::decodeHeaders). So a request for a WebSocket has
// a connection of its own: which connections it may use depends on the state that it
// shares with them, and that is of its client's connection, which has one such request.
// A refused one ends both connections.
func upgrades(filters []*hcmv3.HttpFilter) []*hcmv3.HttpConnectionManager_UpgradeConfig {
	alone := stateValue("kibble.websocket", "%CONNECTION_ID%")
	alone.FactoryKey = "envoy.hashable_string"
	alone.SharedWithUpstream = statev3.FilterStateValue_ONCE
	own := httpFilter("kibble.websocket", &setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{alone}})
	return []*hcmv3.HttpConnectionManager_UpgradeConfig{{
		UpgradeType: webSocket, Filters: slices.Concat([]*hcmv3.HttpFilter{own}, filters),
	}}
}

// noUpgrades has a route refuse WebSockets where an endpoint speaks HTTP/2. There they
// are something else (RFC 8441): a server that does not know it ends the connection
// or the stream, for which outlier detection would leave the endpoint out, and a
// refusal by 200 would be taken for consent.
func (r *router) noUpgrades(a answer) []*routev3.RouteAction_UpgradeConfig {
	if !r.overHTTP2(a) {
		return nil
	}
	return []*routev3.RouteAction_UpgradeConfig{{UpgradeType: webSocket, Enabled: wrapperspb.Bool(false)}}
}

// overHTTP2 tells that a request with an answer may get to somebody by HTTP/2.
func (r *router) overHTTP2(a answer) bool {
	return slices.ContainsFunc(a.branches, func(b branch) bool {
		return slices.ContainsFunc(b.chain, func(t target) bool { return r.http2() || t.http2 })
	})
}

// goOver says what becomes of a request that wants its connection to go over to another
// protocol: as its client asked, and as it is by now. x has another status than 200
// where it is refused.
func goOver(asked, req Request, x *Explanation) Request {
	to := strings.ToLower(strings.Join(req.Header[headerUpgrade], ","))
	wanted := slices.ContainsFunc(strings.Split(strings.Join(asked.Header["connection"], ","), ","), func(name string) bool {
		return strings.EqualFold(strings.TrimSpace(name), headerUpgrade)
	})
	switch {
	case to == "" || to == webSocket && wanted:
	case wanted && to != "h2c":
		x.Status, x.Reason = 403, "a connection goes over to "+webSocket+" only, not to "+to
	default:
		x.Notes = append(x.Notes, "the header "+headerUpgrade+" is removed")
		req.Header = maps.Clone(req.Header)
		delete(req.Header, headerUpgrade)
	}
	return req
}

// refuseUpgrade says that a request for a WebSocket is refused where its endpoints
// speak HTTP/2.
func (r *router) refuseUpgrade(req Request, a answer, x *Explanation) {
	if x.Status == 200 && len(req.Header[headerUpgrade]) > 0 && r.overHTTP2(a) {
		x.Status, x.Reason, x.Destinations = 403, "there are no WebSockets to ports of HTTP/2", nil
	}
}
