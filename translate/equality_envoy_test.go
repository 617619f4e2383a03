package translate

import (
	"fmt"
	"strings"
	"testing"

	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/internal/envoytest"
)

// namesRoutes gives a copy of a route configuration in which every route
// answers with a number of its own and what it says, so that only the matching
// is Envoy's.
func namesRoutes(t testing.TB, rc *routev3.RouteConfiguration) *routev3.RouteConfiguration {
	t.Helper()
	n := routeNamer{t: t}
	rc = proto.Clone(rc).(*routev3.RouteConfiguration)
	for _, vh := range rc.VirtualHosts {
		n.list(vh.Routes)
		n.matcher(vh.Matcher)
	}
	return rc
}

type routeNamer struct {
	t    testing.TB
	made int
}

func (n *routeNamer) list(routes []*routev3.Route) {
	for i, r := range routes {
		n.made++
		routes[i] = &routev3.Route{Name: r.Name, Match: r.Match, Action: &routev3.Route_DirectResponse{
			DirectResponse: &routev3.DirectResponseAction{Status: 200, Body: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: fmt.Sprintf("%d: %s", n.made, said(r))},
			}},
		}}
	}
}

func (n *routeNamer) matcher(m *xdsmatcherv3.Matcher) {
	if m == nil {
		return
	}
	for _, fm := range m.GetMatcherList().GetMatchers() {
		n.onMatch(fm.OnMatch)
	}
	for _, tree := range []*xdsmatcherv3.Matcher_MatcherTree_MatchMap{
		m.GetMatcherTree().GetExactMatchMap(), m.GetMatcherTree().GetPrefixMatchMap(),
	} {
		for _, on := range tree.GetMap() {
			n.onMatch(on)
		}
	}
	n.onMatch(m.OnNoMatch)
}

func (n *routeNamer) onMatch(on *xdsmatcherv3.Matcher_OnMatch) {
	n.matcher(on.GetMatcher())
	if packed := on.GetAction().GetTypedConfig(); packed != nil {
		var list routev3.RouteList
		if err := packed.UnmarshalTo(&list); err != nil {
			n.t.Fatal(err)
		}
		n.list(list.Routes)
		if err := packed.MarshalFrom(&list); err != nil {
			n.t.Fatal(err)
		}
	}
}

// countRoutes counts the routes of a route configuration, those of matchers too.
func countRoutes(rc *routev3.RouteConfiguration) int {
	return strings.Count(protojson.Format(rc), `"match":`)
}

// answerOf is what a route of namesRoutes answers.
func answerOf(r *routev3.Route) string {
	if r == nil {
		return "404"
	}
	return r.GetDirectResponse().GetBody().GetInlineString()
}

// startMatchers runs one Envoy with a listener of a trusted router for each
// route configuration, and gives a client for each.
func startMatchers(t testing.TB, tables []*routev3.RouteConfiguration) []*rawClient {
	t.Helper()
	boot := &bootstrapv3.Bootstrap{StaticResources: &bootstrapv3.Bootstrap_StaticResources{}}
	limit, err := structpb.NewStruct(map[string]any{"re2.max_program_size.error_level": dogfood.MaxRegexProgram})
	if err != nil {
		t.Fatal(err)
	}
	boot.LayeredRuntime = &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
		Name: "kibble", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: limit},
	}}}
	for i, rc := range tables {
		boot.StaticResources.Listeners = append(boot.StaticResources.Listeners, matcherListener(t, fmt.Sprintf("l%d", i), rc))
	}
	b, err := protojson.Marshal(boot)
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, b)
	clients := make([]*rawClient, len(tables))
	for i := range tables {
		clients[i] = newRawClient(t, e.Listener(t, fmt.Sprintf("l%d", i)))
	}
	return clients
}

// matcherListener is a listener as newListener makes it, with its routes inline.
func matcherListener(t testing.TB, name string, rc *routev3.RouteConfiguration) *listenerv3.Listener {
	t.Helper()
	l, err := newListener(listenerSpec{Name: name, Router: "default/" + name, RouteConfig: "r", Bind: v1alpha1.BindLoopback}, "")
	if err != nil {
		t.Fatal(err)
	}
	packed := l.FilterChains[0].Filters[0].GetTypedConfig()
	var m hcmv3.HttpConnectionManager
	if err := packed.UnmarshalTo(&m); err != nil {
		t.Fatal(err)
	}
	m.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}
	m.AccessLog = nil
	m.LocalReplyConfig = nil
	if err := packed.MarshalFrom(&m); err != nil {
		t.Fatal(err)
	}
	return l
}

// askEnvoy gives the answer of the route that Envoy takes.
func askEnvoy(t testing.TB, c *rawClient, req Request) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.Path, req.Host)
	for _, name := range sortedKeys(req.Header) {
		for _, line := range req.Header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, line)
		}
	}
	resp, body := c.send(t, b.String()+"\r\n")
	if resp.StatusCode != 200 {
		return fmt.Sprint(resp.StatusCode)
	}
	return body
}

// TestEnvoyMatchesAsTheLawSays closes the gap that the law of this package
// leaves: a real Envoy takes the very route that asEnvoy takes, and by the
// evaluator's word that is the right one.
func TestEnvoyMatchesAsTheLawSays(t *testing.T) {
	const routers, each, enough = 15, 80, 25
	var all []generated
	var tables []*routev3.RouteConfiguration
	for seed := 0; len(all) < routers; seed++ {
		g := rapid.Custom(generate).Example(seed)
		if countRoutes(g.rc) >= enough {
			all, tables = append(all, g), append(tables, namesRoutes(t, g.rc))
		}
	}
	clients := startMatchers(t, tables)
	taken := map[string]bool{}
	for i, g := range all {
		law := newAsEnvoy(tables[i])
		requests := rapid.Custom(func(t *rapid.T) []Request {
			list := make([]Request, each)
			for k := range list {
				list[k] = genRequest(t, g.overlays)
				if rapid.Bool().Draw(t, "known") {
					vh := rapid.SampledFrom(g.rc.VirtualHosts).Draw(t, "host")
					list[k].Host = strings.Replace(vh.Domains[0], "*", "zz", 1)
				}
			}
			return list
		}).Example(i)
		for _, req := range requests {
			if req.Method == "M-SEARCH" {
				continue // Envoy refuses to read it
			}
			got := askEnvoy(t, clients[i], req)
			taken[fmt.Sprint(i, " ", got)] = true
			if lawful := answerOf(law.route(req)); got != lawful {
				t.Errorf("router %d: Envoy takes %q, asEnvoy %q\nrequest: %+v\nidentifier: %+v\ntable:\n%v",
					i, got, lawful, req, g.router.spec.Identifier, g.router.table.Dtab().Indented("  "))
				continue
			}
			says := got[strings.Index(got, " ")+1:]
			if w := want(g.router, g.overlays, req); !same(w, says) {
				t.Errorf("router %d: Envoy says %q, the evaluator %q\nrequest: %+v\nidentifier: %+v\ntable:\n%v",
					i, got, w, req, g.router.spec.Identifier, g.router.table.Dtab().Indented("  "))
			}
		}
	}
	if len(taken) < 5*routers {
		t.Errorf("only %d different routes were taken: the requests prove little", len(taken))
	}
}

// bigFamily is a router with many environments of one family, named pr.n0 and
// on, and two ordinary policies that come after them.
func bigFamily(t testing.TB, members int) generated {
	t.Helper()
	var g generated
	names := []string{"hello", "world-v1", "world-v2"}
	for i := range members {
		name := fmt.Sprintf("world-n%d", i)
		g.overlays = append(g.overlays, overlay{id: fmt.Sprintf("pr.n%d", i), family: "pr", table: mustTable(t, "/host/world => /srv/"+name)})
		if i != members-1 { // the last one's service does not exist
			names = append(names, name)
		}
	}
	g.overlays = append(g.overlays,
		overlay{id: "beta", table: mustTable(t, "/host/hello => /srv/world-v2")},
		overlay{id: "v2", table: mustTable(t, "/host/world => /srv/world-v2")})
	inv := &Inventory{Services: map[Key]*Service{}}
	for _, name := range names {
		key := Key{"default", name}
		inv.Services[key] = &Service{
			Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}},
			Slices: []*Slice{{
				Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}},
				Endpoints: []Endpoint{{Addresses: []string{"127.0.0.1"}, Ready: true, Serving: true}},
			}},
		}
	}
	src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{Spec: v1alpha1.RouterSpec{
		ProxyClass: "edge", Port: 1,
		Dtab: "/srv => /#/io.l5d.k8s/default/http; /host => /srv; /host/world => /srv/world-v1; /svc => /host",
	}}}
	src.Object.Name, src.Object.Namespace = "r", "default"
	r, found := newRouter(inv, src)
	if r == nil {
		t.Fatalf("router: %v", found)
	}
	r.seePorts(g.overlays)
	cells, _ := explore(r, newNames(inv), g.overlays)
	g.router = r
	g.rc, g.class = wholeTable(r, g.overlays, cells, inv)
	return g
}

func mustTable(t testing.TB, text string) dtab.Dtab {
	t.Helper()
	table, err := dtab.Parse(dtab.Source{}, text)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestEnvoyRoutesABigFamily asks a real Envoy for members of a family of 2000:
// alone, with other policies behind them, and with names that are nearly theirs.
func TestEnvoyRoutesABigFamily(t *testing.T) {
	g := bigFamily(t, 2000)
	client := startMatchers(t, []*routev3.RouteConfiguration{namesRoutes(t, g.rc)})[0]
	for _, test := range []struct{ host, context, service string }{
		{"world", "", "world-v1"},
		{"world", "pr.n0", "world-n0"},
		{"world", "pr.n1", "world-n1"},
		{"world", "pr.n19", "world-n19"},
		{"world", "pr.n1998", "world-n1998"},
		{"world", "pr.n1999", "world-v1"},
		{"world", "pr.n2000", "world-v1"},
		{"world", "pr.n", "world-v1"},
		{"world", "PR.N1", "world-v1"},
		{"world", "pr.n1,beta", "world-n1"},
		{"world", "pr.n19,beta", "world-n19"},
		{"world", "pr.n1,v2", "world-v2"},
		{"world", "pr.n1,beta,v2", "world-v2"},
		{"world", "pr.n1,nobody", "world-n1"},
		{"world", "pr.n1999,v2", "world-v2"},
		{"world", "v2", "world-v2"},
		{"world", "beta", "world-v1"},
		{"world", "nobody,v2", "world-v2"},
		{"hello", "pr.n1", "hello"},
		{"hello", "pr.n1,beta", "world-v2"},
		{"hello", "beta,v2", "world-v2"},
		{"world-n7", "pr.n1", "world-n7"},
	} {
		req := Request{Method: "GET", Host: test.host, Path: "/", Header: map[string][]string{}}
		if test.context != "" {
			req.Header[headerDogfood] = []string{test.context}
		}
		_, got, _ := strings.Cut(askEnvoy(t, client, req), ": ")
		if want := "1.0000 /#/io.l5d.k8s/default/http/" + test.service; got != want {
			t.Errorf("%s with %q: Envoy says %q, want %q", test.host, test.context, got, want)
		}
		if w := want(g.router, g.overlays, req); w != got {
			t.Errorf("%s with %q: the evaluator says %q, Envoy %q", test.host, test.context, w, got)
		}
	}
}
