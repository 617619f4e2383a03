package translate

import (
	"cmp"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

// world is an Envoy that has everything that translation made for a class of
// proxies: nothing of its configuration is written for the test.
type world struct {
	*envoytest.Envoy
	model *Model
}

// newWorld starts it. Routers and policies are specs in YAML by name, services
// are host:port by name; they are in the namespace default, their port is http.
func newWorld(t testing.TB, class string, routers, policies, services map[string]string) world {
	t.Helper()
	m := newTestModel(t, routers, policies, services)
	s, found := m.Snapshot()
	if found = append(found, m.Findings()...); broken(found) {
		t.Fatal(found)
	}
	return world{startClass(t, class, s.Classes[class]), m}
}

func newTestModel(t testing.TB, routers, policies, services map[string]string) *Model {
	t.Helper()
	inv := &Inventory{Services: map[Key]*Service{}}
	for _, name := range sortedKeys(services) {
		inv.Services[Key{"default", name}] = serviceAt(name, services[name])
	}
	for _, name := range sortedKeys(routers) {
		r := &Sourced[v1alpha1.Router]{Origin: Origin{Name: name}}
		r.Object.Name, r.Object.Namespace = name, "default"
		readSpec(t, routers[name], &r.Object.Spec)
		inv.Routers = append(inv.Routers, r)
	}
	for _, name := range sortedKeys(policies) {
		p := &Sourced[v1alpha1.DogfoodPolicy]{Origin: Origin{Name: name}}
		p.Object.Name, p.Object.Namespace = name, "default"
		readSpec(t, policies[name], &p.Object.Spec)
		inv.Policies = append(inv.Policies, p)
	}
	return NewModel(inv, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
}

func readSpec(t testing.TB, text string, spec any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), spec); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func serviceAt(name, address string) *Service {
	a := netip.MustParseAddrPort(address)
	return &Service{
		Key: Key{"default", name}, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}},
		Slices: []*Slice{{
			Name: name, Ports: []SlicePort{{Name: "http", Port: int32(a.Port())}},
			Endpoints: []Endpoint{{Addresses: []string{a.Addr().String()}, Ready: true, Serving: true}},
		}},
	}
}

// startClass gives an Envoy the resources of a class as they are, but for where
// it finds them: in files, clusters in its bootstrap, listeners at free ports.
func startClass(t testing.TB, class string, s *ClassSnapshot) *envoytest.Envoy {
	t.Helper()
	dir := t.TempDir()
	static := &bootstrapv3.Bootstrap_StaticResources{}
	for _, name := range sortedKeys(s.Resources[ClusterType]) {
		c := &clusterv3.Cluster{}
		unpack(t, s.Resources[ClusterType][name], c)
		if c.GetType() == clusterv3.Cluster_EDS {
			c.EdsClusterConfig, c.LoadAssignment = nil, &endpointv3.ClusterLoadAssignment{}
			c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
			unpack(t, s.Resources[EndpointType][name], c.LoadAssignment)
		}
		static.Clusters = append(static.Clusters, c)
	}
	// An aggregate of a bootstrap comes after its members.
	slices.SortStableFunc(static.Clusters, func(a, b *clusterv3.Cluster) int {
		return cmp.Compare(len(a.GetClusterType().GetName()), len(b.GetClusterType().GetName()))
	})
	for _, name := range sortedKeys(s.Resources[ListenerType]) {
		files := map[string]string{}
		for typ, all := range map[string]map[string]*Resource{RouteType: s.Whole()[RouteType], ExtensionType: s.Resources[ExtensionType]} {
			for key, r := range all {
				m, err := r.Body.UnmarshalNew()
				if err != nil {
					t.Fatal(err)
				}
				path := writeResource(t, dir, strings.NewReplacer("/", "-", "%", "-").Replace(key)+filepath.Ext(typ), m)
				if files[key] = path; typ == RouteType && key == name {
					files["routes"] = path
				}
			}
		}
		l := &listenerv3.Listener{}
		unpack(t, s.Resources[ListenerType][name], l)
		l.Address = socketAddress("127.0.0.1", 0)
		fromFiles(t, l, files)
		static.Listeners = append(static.Listeners, l)
	}
	limit, err := structpb.NewStruct(map[string]any{"re2.max_program_size.error_level": dogfood.MaxRegexProgram})
	if err != nil {
		t.Fatal(err)
	}
	boot, err := protojson.Marshal(&bootstrapv3.Bootstrap{
		StaticResources: static,
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "kibble", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: limit},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return envoytest.Start(t, boot, "--service-node", "me", "--service-cluster", class)
}

func unpack(t testing.TB, r *Resource, to proto.Message) {
	t.Helper()
	if r == nil {
		t.Fatalf("there is no such %T", to)
	}
	if err := r.Body.UnmarshalTo(to); err != nil {
		t.Fatal(err)
	}
}

// address of a router's listener.
func (w world) address(t testing.TB, router string) string { return w.Listener(t, "default/"+router) }

// app is an upstream that says its name in the answer, and keeps what it got
// last.
type app struct {
	echo
	name string
}

func newApp(t testing.TB, name string) (app, string) {
	n := app{echo{make(chan *http.Request, 1)}, name}
	return n, envoytest.Upstream(t, n)
}

func (n app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-App", n.name)
	n.echo.ServeHTTP(w, r)
}
