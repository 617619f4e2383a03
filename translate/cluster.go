package translate

import (
	"slices"
	"strings"
	"sync"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	aggregatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/aggregate/v3"
	dfpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dynamic_forward_proxy/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Names of clusters that are not bound ids.
const (
	nobodyCluster  = "/$/nil"  // has no endpoint
	dynamicCluster = "/$/inet" // the host of each request, by DNS
)

// httpOptions is the key of an upstream's HTTP settings.
const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// newCluster gives what all clusters have in common.
func newCluster(name string) *clusterv3.Cluster {
	most := wrapperspb.UInt32(1 << 20)
	return &clusterv3.Cluster{
		Name:           name,
		AltStatName:    statName(name),
		ConnectTimeout: durationpb.New(time.Second),
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
			MaxConnections: most, MaxPendingRequests: most, MaxRequests: most, MaxRetries: most,
		}}},
	}
}

// statName is a name without what breaks Prometheus labels.
func statName(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '.' || r == ':' || r == '\\' {
			return '_'
		}
		return r
	}, name)
}

// panicBelow is the percentage of endpoints that are not left out under which all
// are used: in effect, when all are left out. Envoy rounds it to a whole number, and
// takes 0 for never. Before it comes to that an aggregate cluster goes on to its next
// member, whose endpoints are as good (Envoy docs: priority levels, panic threshold).
const panicBelow = 1

// member adds to a cluster with endpoints of its own how they are chosen and
// when one is left out. An address that refuses connections is left out for a
// while; what applications answer does not count. Where that leaves nobody, and
// nobody stands in, all are tried: the only pod may be back by now.
func member(c *clusterv3.Cluster) *clusterv3.Cluster {
	c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
	c.CommonLbConfig = &clusterv3.Cluster_CommonLbConfig{HealthyPanicThreshold: percent(panicBelow)}
	giveUp(c)
	c.OutlierDetection = &clusterv3.OutlierDetection{
		SplitExternalLocalOriginErrors:     true,
		ConsecutiveLocalOriginFailure:      wrapperspb.UInt32(2),
		EnforcingConsecutive_5Xx:           wrapperspb.UInt32(0),
		EnforcingConsecutiveGatewayFailure: wrapperspb.UInt32(0),
		EnforcingSuccessRate:               wrapperspb.UInt32(0),
		EnforcingLocalOriginSuccessRate:    wrapperspb.UInt32(0),
		Interval:                           durationpb.New(time.Second),
		BaseEjectionTime:                   durationpb.New(5 * time.Second),
		MaxEjectionTime:                    durationpb.New(time.Minute),
		MaxEjectionPercent:                 wrapperspb.UInt32(100),
	}
	return c
}

// edsKind is how a cluster is whose endpoints come by EDS. With near they are the
// proxy's own pod, or pods of its node, and no proxies.
type edsKind struct{ http2, near bool }

// edsCluster is a cluster whose endpoints come by EDS.
func edsCluster(name string, k edsKind) *clusterv3.Cluster {
	c := &clusterv3.Cluster{Name: name, AltStatName: statName(name)}
	c.ProtoReflect().SetUnknown(edsCommon()[k])
	return c
}

// edsCommon gives, encoded, what the clusters of each kind have beside their names.
// There are thousands of them, of which it would be most of the work.
//
//nolint:gochecknoglobals // a constant, made when it is needed first
var edsCommon = sync.OnceValue(func() map[edsKind][]byte {
	all := map[edsKind][]byte{}
	for _, k := range []edsKind{{}, {http2: true}, {near: true}, {http2: true, near: true}} {
		retry, idle := retryReceivers(), idleMost
		if k.near {
			retry, idle = retryPolicy(), idleMostNear
		}
		c := memberByEDS("")
		c.TypedExtensionProtocolOptions = upstreamHTTP(k.http2, idle, retry)
		all[k] = mustAny(c).Value
	}
	return all
})

// memberByEDS is a member whose endpoints come by EDS.
func memberByEDS(name string) *clusterv3.Cluster {
	c := member(newCluster(name))
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()}
	return c
}

func overADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ResourceApiVersion:    corev3.ApiVersion_V3,
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
	}
}

// dnsCluster is a cluster outside: whatever is sent there loses its context.
func dnsCluster(n need, places []place) *clusterv3.Cluster {
	c := member(newCluster(n.name))
	c.PerConnectionBufferLimitBytes = wrapperspb.UInt32(perConnectionBuffer) // servers that are anybody's
	kind := clusterv3.Cluster_STATIC
	for _, p := range places {
		if !isAddress(p.host) {
			kind = clusterv3.Cluster_STRICT_DNS
			c.DnsLookupFamily = clusterv3.Cluster_V4_PREFERRED
		}
	}
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: kind}
	c.LoadAssignment = n.assignment(places)
	c.TypedExtensionProtocolOptions = upstreamHTTP(n.http2, idleMost, retryPolicy(), dropContext()...)
	return c
}

// aggregateCluster tries its members in order: the next where one has nobody
// who is alive. If some of them are outside, what is sent to those loses its
// context, since Envoy runs the filters of the aggregate for all of them.
func aggregateCluster(n need) *clusterv3.Cluster {
	c := newCluster(n.name)
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name:        "envoy.clusters.aggregate",
		TypedConfig: mustAny(&aggregatev3.ClusterConfig{Clusters: n.members}),
	}}
	filters := []*hcmv3.HttpFilter{tellMember(n.members[0], n.role)}
	if n.outside {
		filters = append(filters, dropContextOutside()...)
	}
	c.TypedExtensionProtocolOptions = upstreamHTTP(n.http2, 0, retryMembers(len(n.members)), filters...)
	return c
}

// forwardCluster goes to whatever host a request is for.
func forwardCluster() *clusterv3.Cluster {
	c := newCluster(dynamicCluster)
	giveUp(c)
	c.PerConnectionBufferLimitBytes = wrapperspb.UInt32(perConnectionBuffer)
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.ClusterDiscoveryType = &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.clusters.dynamic_forward_proxy",
		TypedConfig: mustAny(&dfpv3.ClusterConfig{ClusterImplementationSpecifier: &dfpv3.ClusterConfig_DnsCacheConfig{
			DnsCacheConfig: dnsCacheConfig(),
		},
			// There is no TLS to a host that only the request knows.
			AllowInsecureClusterOptions: true,
		}),
	}}
	c.TypedExtensionProtocolOptions = upstreamHTTP(false, idleMost, retryPolicy(), dropContext()...)
	return c
}

// emptyCluster has nobody: the share of a branch that is bound to nobody fails.
func emptyCluster() *clusterv3.Cluster {
	c := newCluster(nobodyCluster)
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	c.LoadAssignment = loadAssignment(nobodyCluster, nil, nil)
	return c
}

// upstreamHTTP gives the HTTP settings of a cluster, with filters that see each
// attempt after its endpoint was chosen. Connections that idle for so long are closed,
// but of HTTP/2, which says when it ends; with 0 they are those of other clusters.
func upstreamHTTP(http2 bool, idle time.Duration, retry *routev3.RetryPolicy, filters ...*hcmv3.HttpFilter) map[string]*anypb.Any {
	options := &httpv3.HttpProtocolOptions{UpstreamProtocolOptions: spoken(http2), RetryPolicy: retry}
	if idle > 0 && !http2 {
		options.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{IdleTimeout: durationpb.New(idle)}
	}
	if len(filters) > 0 {
		options.HttpFilters = append(slices.Clone(filters), &hcmv3.HttpFilter{
			Name:       "envoy.filters.http.upstream_codec",
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: mustAny(&codecv3.UpstreamCodec{})},
		})
	}
	return map[string]*anypb.Any{httpOptions: mustAny(options)}
}

// spoken is the version of HTTP that a cluster's endpoints are spoken to in.
func spoken(http2 bool) *httpv3.HttpProtocolOptions_ExplicitHttpConfig_ {
	explicit := &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
		ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{
			HttpProtocolOptions: &corev3.Http1ProtocolOptions{},
		},
	}
	if http2 {
		explicit.ProtocolConfig = &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{
			Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		}
	}
	return &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: explicit}
}

// loadAssignment gives the endpoints of a cluster, and what each says of itself.
func loadAssignment(name string, places []place, says map[string]string) *endpointv3.ClusterLoadAssignment {
	cla := &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		// An alternative is left only when nobody of it is alive.
		Policy: &endpointv3.ClusterLoadAssignment_Policy{OverprovisioningFactor: wrapperspb.UInt32(100_000)},
	}
	var said *corev3.Metadata
	if len(says) > 0 {
		said = metadata(says)
	}
	first, last := &endpointv3.LocalityLbEndpoints{}, &endpointv3.LocalityLbEndpoints{}
	for _, p := range places {
		if !p.ready {
			continue
		}
		e := &endpointv3.LbEndpoint{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{
				Address: socketAddress(p.host, p.port),
			}},
			Metadata: said,
		}
		if p.weight > 0 {
			e.LoadBalancingWeight = wrapperspb.UInt32(p.weight)
		}
		group := first
		if p.last {
			group = last
		}
		group.LbEndpoints = append(group.LbEndpoints, e)
	}
	for _, group := range []*endpointv3.LocalityLbEndpoints{first, last} {
		if len(group.LbEndpoints) > 0 {
			group.Priority = uint32(len(cla.Endpoints))
			cla.Endpoints = append(cla.Endpoints, group)
		}
	}
	return cla
}

func socketAddress(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}
