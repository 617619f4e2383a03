package translate

import (
	"fmt"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
)

// listenerSpec is what a router's listener depends on. A change of anything
// else leaves the listener as it is, so that no connection is drained.
type listenerSpec struct {
	// Name of the listener, Router in its texts: namespace/name.
	Name, Router string
	// Class of the proxies that have it.
	Class string
	// RouteConfig is the name of the route configuration, served over ADS.
	RouteConfig string
	Port        uint32
	Bind        v1alpha1.Bind
	// Families of addresses, for all binds but "pod"; none: IPv4.
	Families []v1alpha1.IPFamily
	// In: requests are handed over to the pod that the proxy stands beside.
	In bool
	// Untrusted: the clients are anybody.
	Untrusted bool
	// Hops is the number of proxies in front whose X-Forwarded-For is believed.
	Hops uint32
	// Policies are decided here, by the extension of this name, which is served
	// over ADS even while there are none.
	Policies        bool
	PolicyExtension string
	// AdHoc: callers may send rules of their own, which the resolver evaluates;
	// if Untrusted, those whom a policy grants it.
	AdHoc bool
	// WriteBaggage: the decision is passed on in W3C baggage.
	WriteBaggage bool
	// ReadBaggage: it may come in W3C baggage, because some router writes that.
	ReadBaggage bool
	// NoteContext: the context's header may be taken away from a request that is
	// passed on, in favour of baggage or because it leaves.
	NoteContext bool
	// OnDemand: a request whose cluster is not there has the proxy ask for it.
	OnDemand bool
	// AsksHosts: a request for a host that is not there has the control plane asked.
	AsksHosts bool
	// AccessLog says which requests are logged; "" is the default.
	AccessLog v1alpha1.AccessLog
	// Metrics says what is counted; "" is the default.
	Metrics v1alpha1.Metrics
	// Tracing says where spans go; nil: there are none.
	Tracing *tracing
	// ReadsTraces: some router believes what a request says of its trace.
	ReadsTraces bool
	// Identifying is the header, beside the host, that names are made of; "" for none.
	Identifying string
	// TLS is what the listener serves HTTPS with; nil for plain HTTP.
	TLS *tlsPlan
	// source of the router, for the resource.
	source string
	// DynamicForwardProxy: routes lead to whatever host a request is for.
	DynamicForwardProxy bool
}

const (
	routerFilter   = "envoy.filters.http.router"
	mutationFilter = "envoy.filters.http.header_mutation"
	// perConnectionBuffer is what one connection may make the proxy hold.
	perConnectionBuffer = 32 << 10
)

// newListener makes the listener of a router. podIP is where one with bind
// "pod" listens; other ones have no use for it.
func newListener(r listenerSpec, podIP string) (*listenerv3.Listener, error) {
	addresses := bindAddresses(r, podIP)
	if !isAddress(addresses[0]) {
		return nil, fmt.Errorf("%q is not the address of a pod", podIP)
	}
	l := &listenerv3.Listener{
		Name:       r.Name,
		StatPrefix: statName(r.Name),
		Metadata:   metadata(map[string]string{"router": r.Router, "class": r.Class}),
		Address:    socketAddress(addresses[0], r.Port),
		// Of a listener's sockets, connections have it from the kernel.
		TcpKeepalive: keepAlive(),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name:       "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: mustAny(connectionManager(r))},
		}}}},
	}
	if r.Tracing != nil && r.direction() == directionOut {
		l.TrafficDirection = corev3.TrafficDirection_OUTBOUND // its spans are those of a client
	}
	for _, more := range addresses[1:] {
		l.AdditionalAddresses = append(l.AdditionalAddresses, &listenerv3.AdditionalAddress{Address: socketAddress(more, r.Port)})
	}
	if r.Untrusted {
		l.PerConnectionBufferLimitBytes = wrapperspb.UInt32(perConnectionBuffer)
	}
	if err := validateDeep(l); err != nil || r.TLS == nil {
		return l, err
	}
	secure(l, r.TLS)
	return l, validateChains(l)
}

// bindAddresses gives where a listener listens, at least one address. Each family
// has a socket of its own: so an IPv4 client is never one of ::ffff:0:0/96, and
// who has no IPv6 can leave it out.
func bindAddresses(r listenerSpec, podIP string) []string {
	var v4, v6 string
	switch r.Bind {
	case v1alpha1.BindPod:
		return []string{podIP}
	case v1alpha1.BindLoopback:
		v4, v6 = "127.0.0.1", "::1"
	default:
		v4, v6 = "0.0.0.0", "::"
	}
	var all []string
	if len(r.Families) == 0 || slices.Contains(r.Families, v1alpha1.IPv4) {
		all = append(all, v4)
	}
	if slices.Contains(r.Families, v1alpha1.IPv6) {
		all = append(all, v6)
	}
	return all
}

// connectionManager gives what both kinds of listener have in common, and then
// what clients are to be kept from.
func connectionManager(r listenerSpec) *hcmv3.HttpConnectionManager {
	hcm := &hcmv3.HttpConnectionManager{
		StatPrefix: statName(r.Name),
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource: beforeOpening(), RouteConfigName: r.RouteConfig,
		}},
		HttpFilters:               httpFilters(r),
		XffNumTrustedHops:         r.Hops,
		StripTrailingHostDot:      true,
		HttpProtocolOptions:       &corev3.Http1ProtocolOptions{AcceptHttp_10: true},
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{},
		// Applications keep their server header, and our own answers name no product.
		ServerHeaderTransformation: hcmv3.HttpConnectionManager_PASS_THROUGH,
		// Nobody is internal by the look of an address, whose x-envoy- headers would count:
		// so there is no InternalAddressConfig. In an empty one Envoy 1.40 reads that all
		// who have a private address are.
		LocalReplyConfig: localReplies(r),
		AccessLog:        accessLog(r),
	}
	hcm.UpgradeConfigs = upgrades(hcm.HttpFilters)
	tellTraces(hcm, r)
	if r.Untrusted {
		guardClients(hcm)
		first := removePrefixes(outsidePrefixes())
		if r.AdHoc {
			first = setRulesAside()
		}
		if r.ReadsTraces {
			first = append(first, removeTraces()...)
		}
		hcm.EarlyHeaderMutationExtensions = early(first)
	} else {
		trustCallers(hcm)
		hcm.EarlyHeaderMutationExtensions = early(removePrefixes([]string{ownPrefix}))
	}
	return hcm
}

// trustCallers leaves requests as they are: they come from our own proxies and
// applications, whose X-Forwarded-For and request ids are to be believed. A
// request may be silent for as long as both sides live, which keepAlive finds
// out; a timer of its own would cost each of them 3 % of its CPU time.
func trustCallers(hcm *hcmv3.HttpConnectionManager) {
	hcm.UseRemoteAddress = wrapperspb.Bool(false)
	hcm.PreserveExternalRequestId = true
	hcm.StreamIdleTimeout = durationpb.New(0)
}

// keepAlive has the kernel ask whether the other side is still there when a
// connection has been silent for a minute, and end it when nothing comes back
// for another: a node that died says nothing.
func keepAlive() *corev3.TcpKeepalive {
	return &corev3.TcpKeepalive{
		KeepaliveTime: wrapperspb.UInt32(60), KeepaliveInterval: wrapperspb.UInt32(20), KeepaliveProbes: wrapperspb.UInt32(3),
	}
}

// beforeOpening is the source of what a listener needs before it may open.
// Without an answer Envoy waits: a listener is never opened half configured.
func beforeOpening() *corev3.ConfigSource {
	source := overADS()
	source.InitialFetchTimeout = durationpb.New(0)
	return source
}

func httpFilter(name string, config proto.Message) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: mustAny(config)}}
}
