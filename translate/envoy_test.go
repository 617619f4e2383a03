package translate

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
)

// compilePolicies reads specs, by policy name, in YAML.
func compilePolicies(t testing.TB, namespaces map[string]map[string]string, specs ...[2]string) []dogfood.Policy {
	t.Helper()
	var all []dogfood.Policy
	for _, spec := range specs {
		obj := v1alpha1.DogfoodPolicy{}
		obj.Name, obj.Namespace = spec[0], "default"
		if err := yaml.UnmarshalStrict([]byte(spec[1]), &obj.Spec); err != nil {
			t.Fatal(err)
		}
		all = append(all, compilePolicy(t, namespaces, obj)...)
	}
	return all
}

func compilePolicy(t testing.TB, namespaces map[string]map[string]string, obj v1alpha1.DogfoodPolicy) []dogfood.Policy {
	t.Helper()
	if obj.Spec.Override == "" {
		obj.Spec.Override = "/host/world => /srv/{namespace}-v2 ;"
		if obj.Spec.ForEach == nil {
			obj.Spec.Override = "/host/world => /srv/world-v2 ;"
		}
	}
	source := func(field string) dtab.Source { return dtab.Source{Name: obj.Name + " " + field} }
	policies, found := dogfood.Compile(obj, source, dogfood.Facts{Namespaces: namespaces}, time.Time{})
	for _, f := range found {
		if f.Severity == dtab.Error {
			t.Fatal(f)
		}
	}
	return policies
}

// lab is an Envoy with one listener as newListener makes it, whose routes and
// policies come from files, before one upstream.
type lab struct {
	*envoytest.Envoy
	address string
	dir     string // of the files that routes and policies come from
}

// newLab starts it. Requests with a context take the route "override", all
// others "baseline"; the upstream is told in x-route. With upstream "" nobody
// is behind the routes. The upstream is spoken to as change says, by default
// over HTTP/1.1.
func newLab(t testing.TB, spec listenerSpec, policies []dogfood.Policy, upstream string, change ...func(*clusterv3.Cluster)) lab {
	t.Helper()
	dir := t.TempDir()
	spec.Name, spec.Router, spec.RouteConfig, spec.PolicyExtension = "front", "default/front", "routes", "policies"
	spec.Bind = v1alpha1.BindLoopback
	l, err := newListener(spec, "")
	if err != nil {
		t.Fatal(err)
	}
	ext, err := newPolicyExtension("policies", policies)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := newTokenExtension(tokenExtensionName("policies"), policies)
	if err != nil {
		t.Fatal(err)
	}
	fromFiles(t, l, map[string]string{
		"routes":                       writeResource(t, dir, "routes", labRoutes()),
		"policies":                     writeResource(t, dir, "policies", ext),
		foretoldName("default/front"):  writeResource(t, dir, "overrides", foretoldExtension(foretoldName("default/front"), nil)),
		tokenExtensionName("policies"): writeResource(t, dir, "tokens", tokens),
	})
	var places []place
	if upstream != "" {
		a := netip.MustParseAddrPort(upstream)
		places = []place{{host: a.Addr().String(), port: uint32(a.Port()), ready: true}}
	}
	up := &clusterv3.Cluster{
		Name: "up", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		LoadAssignment: loadAssignment("up", places, nil),
	}
	for _, f := range change {
		f(up)
	}
	limit, err := structpb.NewStruct(map[string]any{"re2.max_program_size.error_level": dogfood.MaxRegexProgram})
	if err != nil {
		t.Fatal(err)
	}
	boot, err := protojson.Marshal(&bootstrapv3.Bootstrap{
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{
			Listeners: []*listenerv3.Listener{l},
			Clusters:  append(policyClusters(policies), up),
		},
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "kibble", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: limit},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, boot, "--service-node", "me", "--service-cluster", "edge")
	return lab{Envoy: e, address: e.Listener(t, "front"), dir: dir}
}

// publish replaces the file "routes" or "policies" and waits until Envoy has read it.
func (l lab) publish(t testing.TB, name string, m proto.Message) {
	t.Helper()
	counter := map[string]string{
		"routes": "http.front.rds.routes.config_reload", "policies": "extension_config_discovery.http_filter.policies.config_reload",
	}[name]
	before := l.counter(t, counter)
	if err := os.Rename(writeResource(t, l.dir, name+".next", m), filepath.Join(l.dir, name+".json")); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "Envoy has read the new "+name, func() bool { return l.counter(t, counter) != before })
}

func (l lab) counter(t testing.TB, name string) string {
	t.Helper()
	return l.Get(t, "/stats?filter=^"+name+"$")
}

func labRoutes() *routev3.RouteConfiguration {
	route := func(name string, match *routev3.RouteMatch) *routev3.Route {
		return &routev3.Route{
			Name: name, Match: match,
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "up"},
			}},
			RequestHeadersToAdd: []*corev3.HeaderValueOption{setHeader("x-route", name)},
		}
	}
	decided := anyPath()
	decided.Headers = []*routev3.HeaderMatcher{{
		Name: headerDogfood, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
	}}
	return &routev3.RouteConfiguration{Name: "routes", VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"},
		Routes: []*routev3.Route{route("override", decided), route("baseline", anyPath())},
	}}}
}

func writeResource(t testing.TB, dir, name string, m proto.Message) string {
	t.Helper()
	body := mustAny(m)
	b, err := protojson.Marshal(&discoveryv3.DiscoveryResponse{VersionInfo: "1", TypeUrl: body.TypeUrl, Resources: []*anypb.Any{body}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// fromFiles makes a listener read from files what it would ask the control plane for.
func fromFiles(t testing.TB, l *listenerv3.Listener, files map[string]string) {
	t.Helper()
	file := func(path string) *corev3.ConfigSource {
		return &corev3.ConfigSource{
			ResourceApiVersion:    corev3.ApiVersion_V3,
			ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{PathConfigSource: &corev3.PathConfigSource{Path: path}},
		}
	}
	packed := l.FilterChains[0].Filters[0].GetTypedConfig()
	m := &hcmv3.HttpConnectionManager{}
	if err := packed.UnmarshalTo(m); err != nil {
		t.Fatal(err)
	}
	m.GetRds().ConfigSource = file(files["routes"])
	for _, f := range allFilters(m) {
		if d := f.GetConfigDiscovery(); d != nil {
			d.ConfigSource = file(files[f.Name])
		}
	}
	if err := packed.MarshalFrom(m); err != nil {
		t.Fatal(err)
	}
}

// allFilters are those of a connection manager, for WebSockets too.
func allFilters(m *hcmv3.HttpConnectionManager) []*hcmv3.HttpFilter {
	all := slices.Clone(m.HttpFilters)
	for _, u := range m.UpgradeConfigs {
		all = append(all, u.Filters...)
	}
	return all
}

// echo answers with what the last request brought.
type echo struct{ seen chan *http.Request }

func newEcho(t testing.TB) (echo, string) {
	e := echo{seen: make(chan *http.Request, 1)}
	return e, envoytest.Upstream(t, e)
}

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("L5d-Success-Class", "1.0")
	w.Header().Set("Server", "app")
	select {
	case <-e.seen:
	default:
	}
	e.seen <- r
	fmt.Fprintln(w, r.Header.Get("X-Route"))
}

// last gives the request that the upstream has seen last.
func (e echo) last(t testing.TB) *http.Request {
	t.Helper()
	select {
	case r := <-e.seen:
		return r
	default:
		t.Fatal("the upstream has seen no request")
		return nil
	}
}

// client speaks one version of HTTP without TLS to whatever host the URL names,
// through the lab's listener.
func (l lab) client(t testing.TB, http2 bool) *http.Client {
	tr := envoytest.Transport(http2)
	tr.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, l.address)
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}
