package trial

import (
	"fmt"
	"slices"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/translate"
)

// controlPlane is the cluster that resources refer to in every bootstrap of
// ours: package bootstrap names it so.
const controlPlane = "xds_cluster"

// triable says that resources of a type are tried. Endpoints are not: their
// changes do not wait.
func triable(typ string) bool {
	switch typ {
	case translate.ClusterType, translate.ListenerType, translate.RouteType, translate.VirtualHostType, translate.ExtensionType:
		return true
	}
	return false
}

// composer puts resources into one bootstrap, in which Envoy reads each as it
// would read it from a control plane. Nothing in it binds or connects.
type composer struct {
	boot   *bootstrapv3.Bootstrap
	tables map[string]*routev3.RouteConfiguration
	order  []string
}

// compose gives the encoded bootstrap that holds these resources.
func compose(resources []*translate.Resource) ([]byte, error) {
	c := &composer{boot: &bootstrapv3.Bootstrap{
		Node:            &corev3.Node{Id: "trial", Cluster: "trial"},
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{},
		DynamicResources: &bootstrapv3.Bootstrap_DynamicResources{AdsConfig: &corev3.ApiConfigSource{
			ApiType: corev3.ApiConfigSource_DELTA_GRPC, TransportApiVersion: corev3.ApiVersion_V3,
			GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
				EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: controlPlane},
			}}},
		}},
	}, tables: map[string]*routev3.RouteConfiguration{}}
	home, err := home()
	if err != nil {
		return nil, err
	}
	c.boot.StaticResources.Clusters = append(c.boot.StaticResources.Clusters, home)
	for _, r := range resources {
		if err := c.add(r); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	for _, name := range c.order {
		if err := c.listen(name, &hcmv3.HttpConnectionManager{
			RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: c.tables[name]},
		}); err != nil {
			return nil, err
		}
	}
	return proto.Marshal(c.boot)
}

// home is the cluster of the control plane.
func home() (*clusterv3.Cluster, error) {
	options, err := anypb.New(&httpv3.HttpProtocolOptions{
		UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
			ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}},
			},
		},
	})
	return &clusterv3.Cluster{
		Name: controlPlane, ConnectTimeout: durationpb.New(1e9),
		TypedExtensionProtocolOptions: map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
	}, err
}

// add puts a resource into the bootstrap.
func (c *composer) add(r *translate.Resource) error {
	m, err := r.Body.UnmarshalNew()
	if err != nil {
		return err
	}
	static := c.boot.StaticResources
	switch m := m.(type) {
	case *clusterv3.Cluster:
		static.Clusters = append(static.Clusters, m)
	case *listenerv3.Listener:
		static.Listeners = append(static.Listeners, m)
	case *routev3.RouteConfiguration:
		m.Vhds = nil // its hosts are tried by themselves
		t := c.table(m.GetName())
		hosts := t.VirtualHosts
		proto.Reset(t)
		proto.Merge(t, m)
		t.VirtualHosts = append(t.VirtualHosts, hosts...)
		t.ValidateClusters = wrapperspb.Bool(false) // which need not be among those that are tried
	case *routev3.VirtualHost:
		t := c.table(translate.TableOf(r.Name))
		t.VirtualHosts = append(t.VirtualHosts, m)
	case *corev3.TypedExtensionConfig:
		filter := &hcmv3.HttpFilter{Name: m.GetName(), ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: m.GetTypedConfig()}}
		return c.listen(m.GetName(), &hcmv3.HttpConnectionManager{
			HttpFilters:    []*hcmv3.HttpFilter{filter},
			RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{Name: "none"}},
		})
	default:
		return fmt.Errorf("a %T cannot be tried", m)
	}
	return nil
}

// table gives the route table of a name, to which hosts are added.
func (c *composer) table(name string) *routev3.RouteConfiguration {
	if c.tables[name] == nil {
		c.tables[name] = &routev3.RouteConfiguration{Name: name, ValidateClusters: wrapperspb.Bool(false)}
		c.order = append(c.order, name)
	}
	return c.tables[name]
}

// listen adds a listener with a connection manager, which gets a router.
func (c *composer) listen(name string, m *hcmv3.HttpConnectionManager) error {
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		return err
	}
	m.StatPrefix = "trial"
	m.HttpFilters = append(m.HttpFilters, &hcmv3.HttpFilter{Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router}})
	config, err := anypb.New(m)
	if err != nil {
		return err
	}
	// Port 0, so that no two have one address.
	c.boot.StaticResources.Listeners = append(c.boot.StaticResources.Listeners, &listenerv3.Listener{
		Name: "trial/" + name,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: config},
		}}}},
	})
	return nil
}

// names gives the names of resources, for the log.
func names(resources []*translate.Resource) []string {
	const few = 5
	all := make([]string, 0, few)
	for _, r := range resources[:min(few, len(resources))] {
		all = append(all, r.Name)
	}
	slices.Sort(all)
	return all
}
