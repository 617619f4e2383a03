package xds_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"kibble.dev/translate"
)

// classOf makes a class of resources.
func classOf(resources ...*translate.Resource) *translate.ClassSnapshot {
	c := &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{}, Local: map[string]map[translate.Scope]*translate.Resource{}}
	for _, r := range resources {
		typ := r.Body.GetTypeUrl()
		if c.Resources[typ] == nil {
			c.Resources[typ] = map[string]*translate.Resource{}
		}
		c.Resources[typ][r.Name] = r
	}
	return c
}

// edge makes a snapshot of one class.
func edge(resources ...*translate.Resource) *translate.Snapshot {
	return &translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": classOf(resources...)}}
}

func resource(t testing.TB, name string, m proto.Message, clusters ...string) *translate.Resource {
	t.Helper()
	r, err := translate.NewResource(name, m, clusters, "test.yaml:"+name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ads() *corev3.ConfigSource {
	return &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
	}
}

func cluster(t testing.TB, name string, timeout time.Duration) *translate.Resource {
	return resource(t, name, &clusterv3.Cluster{
		Name: name, ConnectTimeout: durationpb.New(timeout),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
	})
}

func endpoints(t testing.TB, name, address string) *translate.Resource {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return resource(t, name, &endpointv3.ClusterLoadAssignment{
		ClusterName: name,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: socket(host, uint32(n))}},
		}}}},
	})
}

func socket(host string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// routes sends everything to a cluster, and tells the cluster so in a header.
func routes(t testing.TB, name, to string) *translate.Resource {
	return resource(t, name, &routev3.RouteConfiguration{
		Name: name, VirtualHosts: []*routev3.VirtualHost{{
			Name: "all", Domains: []string{"*"},
			RequestHeadersToAdd: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "x-to", Value: to}}},
			Routes: []*routev3.Route{{
				Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
				Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to}}},
			}},
		}},
	}, to)
}

// listener takes requests on a free port, and asks for its routes.
func listener(t testing.TB, name, table string) *translate.Resource {
	h := &hcmv3.HttpConnectionManager{
		StatPrefix:     name,
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{ConfigSource: ads(), RouteConfigName: table}},
		HttpFilters: []*hcmv3.HttpFilter{{
			Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: encode(t, &routerv3.Router{})},
		}},
	}
	return resource(t, name, &listenerv3.Listener{
		Name: name, Address: socket("127.0.0.1", 0),
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: encode(t, h)},
		}}}},
	})
}

func encode(t testing.TB, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// nameOf gives the name that a resource's body has.
func nameOf(t testing.TB, body *anypb.Any) string {
	m, err := body.UnmarshalNew()
	if err != nil {
		t.Errorf("a body that is not %s: %v", body.GetTypeUrl(), err)
		return ""
	}
	switch m := m.(type) {
	case *endpointv3.ClusterLoadAssignment:
		return m.GetClusterName()
	case interface{ GetName() string }:
		return m.GetName()
	}
	return ""
}
