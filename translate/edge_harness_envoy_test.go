package translate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

// standalone is one listener of ours in an Envoy without a control plane.
type standalone struct {
	spec     listenerSpec
	policies []dogfood.Policy
	// policyFile delivers the policies instead, by extension discovery.
	policyFile string
	routes     []*routev3.Route
	clusters   []*clusterv3.Cluster
}

// start runs it and gives the address to send requests to.
func (s standalone) start(t testing.TB) (*envoytest.Envoy, string) {
	t.Helper()
	e := envoytest.Start(t, s.bootstrap(t), "--service-cluster", "test", "--service-node", "test")
	return e, e.Listener(t, s.spec.Name)
}

func (s standalone) bootstrap(t testing.TB) []byte {
	t.Helper()
	l, err := newListener(s.spec, "")
	if err != nil {
		t.Fatal(err)
	}
	s.makeStatic(t, l)
	b := &bootstrapv3.Bootstrap{
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{Listeners: []*listenerv3.Listener{l}, Clusters: s.clusters},
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "kibble",
			LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: &structpb.Struct{Fields: map[string]*structpb.Value{
				"re2.max_program_size.error_level": structpb.NewNumberValue(dogfood.MaxRegexProgram),
			}}},
		}}},
	}
	text, err := protojson.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// makeStatic puts routes and policies where the listener says to ask for them.
func (s standalone) makeStatic(t testing.TB, l *listenerv3.Listener) {
	t.Helper()
	filter := l.FilterChains[0].Filters[0]
	hcm := &hcmv3.HttpConnectionManager{}
	if err := filter.GetTypedConfig().UnmarshalTo(hcm); err != nil {
		t.Fatal(err)
	}
	hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{
		Name: "routes", ValidateClusters: wrapperspb.Bool(false),
		VirtualHosts: []*routev3.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: s.routes}},
	}}
	for _, f := range hcm.HttpFilters {
		discovery := f.GetConfigDiscovery()
		if discovery == nil {
			continue
		}
		if s.policyFile != "" {
			discovery.ConfigSource = &corev3.ConfigSource{
				ResourceApiVersion: corev3.ApiVersion_V3,
				ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{
					PathConfigSource: &corev3.PathConfigSource{Path: s.policyFile},
				},
			}
			continue
		}
		ext, err := newPolicyExtension(f.Name, s.policies)
		if err != nil {
			t.Fatal(err)
		}
		f.ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: ext.TypedConfig}
	}
	filter.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: mustAny(hcm)}
}

// untrustedSpec is an edge listener on a free port that believes one proxy in front.
func untrustedSpec() listenerSpec {
	return listenerSpec{
		Name: "default/ingress", Router: "default/ingress", RouteConfig: "default/ingress", Class: "edge",
		Bind: "loopback", Untrusted: true, Hops: 1, Policies: true, PolicyExtension: "default/ingress/policies",
	}
}

func internalSpec() listenerSpec {
	return listenerSpec{
		Name: "default/outgoing", Router: "default/outgoing", RouteConfig: "default/outgoing", Class: "sidecar",
		Bind: "loopback", AdHoc: true,
	}
}

// tell is a route that answers with a format.
func tell(name, format string, headers ...*routev3.HeaderMatcher) *routev3.Route {
	r := &routev3.Route{Name: name, Match: anyPath()}
	r.Match.Headers = headers
	r.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200, BodyFormat: textFormat(format)}}
	return r
}

// tellContext answers with the context that is there when the route is picked,
// and when the answer is written.
func tellContext() []*routev3.Route {
	return []*routev3.Route{
		tell("with", "with "+"%REQ("+headerDogfood+")%", presentHeader(headerDogfood)),
		tell("without", "without "+"%REQ("+headerDogfood+")%"),
	}
}

// staticCluster leads to one address.
func staticCluster(t testing.TB, name, address string) *clusterv3.Cluster {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var number uint32
	if _, err := fmt.Sscan(port, &number); err != nil {
		t.Fatal(err)
	}
	c := newCluster(name)
	c.LoadAssignment = loadAssignment(name, []place{{host: host, port: number, ready: true}})
	return c
}

// toCluster is a route to a cluster.
func toCluster(name string, headers ...*routev3.HeaderMatcher) *routev3.Route {
	r := &routev3.Route{Name: name, Match: anyPath(), Action: &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: name},
	}}}
	r.Match.Headers = headers
	return r
}

// client sends bytes as they are over one connection after the other.
type client struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
}

func newClient(t testing.TB, address string) *client {
	c := &client{address: address}
	t.Cleanup(c.close)
	return c
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// send gives the status and body of the answer. Lines are joined by CRLF.
func (c *client) send(t fataler, lines ...string) (int, string) {
	t.Helper()
	resp, body := c.exchange(t, strings.Join(lines, "\r\n")+"\r\n\r\n")
	return resp.StatusCode, body
}

// fataler is what testing.TB and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (c *client) exchange(t fataler, request string) (*http.Response, string) {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatalf("dial: %v", err)
		}
		c.conn, c.reader = conn, bufio.NewReader(conn)
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		t.Fatalf("write: %v", err)
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer to %q: %v", request, err)
	}
	if resp.Close {
		c.close()
	}
	return resp, string(body)
}
