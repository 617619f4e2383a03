package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/internal/envoytest"
)

// genWhole draws a whole world: services, namespaces, an edge, an inner router
// and policies with all they may have. It is nil where tables loop.
func genWhole(t *rapid.T) *Model {
	inv := genInventory(t)
	inv.Namespaces = map[string]Labels{"default": {}, "b": {"preview": "yes"}, "a": {"preview": "yes"}}
	for _, spec := range []v1alpha1.RouterSpec{
		{ProxyClass: "edge", Port: 1, XFFNumTrustedHops: 1, Trust: v1alpha1.TrustUntrusted},
		{ProxyClass: "inner", Port: 1, Trust: v1alpha1.TrustInternal, Failover: rapid.IntRange(0, 3).Draw(t, "failover") == 0},
	} {
		spec.Identifier, spec.Dtab = genIdentifier(t), genTable(t, 6)
		src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{Spec: spec}}
		src.Object.Name, src.Object.Namespace = spec.ProxyClass, "default"
		inv.Routers = append(inv.Routers, src)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "policies") {
		inv.Policies = append(inv.Policies, drawPolicy(t, fmt.Sprintf("p%d", i)))
	}
	m := NewModel(inv, time.Now())
	if len(m.routers) != 2 {
		return nil
	}
	return m
}

// drawPolicy draws one whose condition often holds.
func drawPolicy(t *rapid.T, name string) *Sourced[v1alpha1.DogfoodPolicy] {
	src := &Sourced[v1alpha1.DogfoodPolicy]{}
	src.Object.Name, src.Object.Namespace = name, "default"
	spec := &src.Object.Spec
	spec.Override, spec.Priority = genTable(t, 2), rapid.Int32Range(-1, 1).Draw(t, "priority")
	if rapid.Bool().Draw(t, "plain override") {
		spec.Override = "/svc => /#/io.l5d.k8s/default/http ; /host/world => /#/io.l5d.k8s/b/http/" + rapid.SampledFrom([]string{"a", "world", "none"}).Draw(t, "target")
	}
	spec.Fallback = rapid.SampledFrom([]v1alpha1.Fallback{"", v1alpha1.FallbackBaseline, v1alpha1.FallbackFail}).Draw(t, "fallback")
	any, ab := ".*", "ab"
	switch rapid.IntRange(0, 4).Draw(t, "when") {
	case 0:
		spec.When.Header = &v1alpha1.Match{Name: "x-a", Regex: &any}
	case 1:
		spec.When.Not = &v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: "a", Exact: &ab}}
	case 2:
		spec.When.Percent = &v1alpha1.Percent{Of: "50", Header: "x-a"}
	case 3:
		member := "{namespace}"
		spec.ForEach = &v1alpha1.ForEach{}
		spec.ForEach.NamespaceSelector.MatchLabels = map[string]string{"preview": "yes"}
		spec.When.Header = &v1alpha1.Match{Name: "x-b", Exact: &member}
		spec.Override = "/host => /#/io.l5d.k8s/{namespace}/http ; /svc/world => /#/io.l5d.k8s/{namespace}/http/world"
	default:
		spec.When = drawCondition(t, 2)
	}
	return src
}

// drawWhole draws a request for it.
func drawWhole(t *rapid.T, tokens []string, known []string) Request {
	edge := genEdgeRequest(tokens).Draw(t, "edge request")
	req := genRequest(t, nil)
	if req.Method == "M-SEARCH" {
		req.Method = "PUT" // Envoy refuses to read the other
	}
	if rapid.Bool().Draw(t, "known") {
		host := strings.Replace(rapid.SampledFrom(known).Draw(t, "host"), ":*", ":80", 1)
		req.Host = strings.Replace(host, "*", "zz", 1)
	}
	for name, lines := range edge.Header {
		name = strings.ToLower(name)
		req.Header[name] = append(req.Header[name], lines...)
	}
	if rapid.IntRange(0, 3).Draw(t, "member?") == 0 {
		req.Header["x-b"] = []string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "member")}
	}
	req.Header[headerForwardedFor] = []string{edge.Source.String()}
	if rapid.IntRange(0, 5).Draw(t, "nominates?") == 0 {
		req.Header["connection"] = []string{rapid.SampledFrom([]string{"x-a", "X-B, keep-alive", "x-to,cookie", "authorization", headerForwardedFor}).Draw(t, "connection")}
	}
	if rapid.IntRange(0, 5).Draw(t, "odd path?") == 0 {
		odd := rapid.SampledFrom([]string{"/.", "/%2e%2E", "//", "%2f", "/..;", "%61", "\\"}).Draw(t, "odd")
		req.Path = "/b" + odd + req.Path
	}
	return req
}

// told are the response headers by which a route says what context it saw.
const told = "x-told"

// wholeListener is a router's listener with its routes, which only say who they
// are, and its policies inline.
func wholeListener(t testing.TB, m *Model, s *Snapshot, name, class string, hops uint32) (*listenerv3.Listener, *routev3.RouteConfiguration) {
	t.Helper()
	router := "default/" + class
	resources := s.Classes[class].Whole()
	rc := &routev3.RouteConfiguration{}
	if err := resources[RouteType][router].Body.UnmarshalTo(rc); err != nil {
		t.Fatal(err)
	}
	rc = namesRoutes(t, rc)
	rc.ResponseHeadersToAdd = []*corev3.HeaderValueOption{setHeader(told, "%REQ("+headerDogfood+")%")}
	spec := listenerSpec{Name: name, Router: router, RouteConfig: "r", Bind: v1alpha1.BindLoopback, Hops: hops}
	if class == "edge" {
		spec.Untrusted, spec.Policies, spec.PolicyExtension = true, true, policyExtensionName(router)
	}
	l, err := newListener(spec, "")
	if err != nil {
		t.Fatal(err)
	}
	packed := l.FilterChains[0].Filters[0].GetTypedConfig()
	var hcm hcmv3.HttpConnectionManager
	if err := packed.UnmarshalTo(&hcm); err != nil {
		t.Fatal(err)
	}
	hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}
	hcm.AccessLog, hcm.LocalReplyConfig = nil, nil
	for _, f := range allFilters(&hcm) {
		if f.GetConfigDiscovery() == nil {
			continue
		}
		ext := &corev3.TypedExtensionConfig{}
		if err := resources[ExtensionType][f.Name].Body.UnmarshalTo(ext); err != nil {
			t.Fatal(err)
		}
		f.ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: ext.TypedConfig}
	}
	if err := packed.MarshalFrom(&hcm); err != nil {
		t.Fatal(err)
	}
	return l, rc
}

// explains is what explain says, in the words in which routes say it.
func explains(x *Explanation) string {
	if x.Status != 200 {
		return fmt.Sprint(x.Status)
	}
	var parts []string
	for _, d := range x.Destinations {
		parts = append(parts, fmt.Sprintf("%.4f %s", d.Share, strings.Join(append([]string{d.Cluster}, d.Fallback...), " | ")))
	}
	return strings.Join(parts, " & ")
}

// For random policies, tables and requests, what Envoy does is what explain
// says: at the edge the context and the route, and the route of the context
// further in.
func TestEnvoyDoesAsExplained(t *testing.T) {
	const worlds, each = 20, 40
	var models []*Model
	var listeners []*listenerv3.Listener
	var domains [][]string
	for seed := 0; len(models) < worlds; seed++ {
		m := rapid.Custom(genWhole).Example(seed)
		if m == nil || len(m.policies) == 0 {
			continue
		}
		s, limits := m.Snapshot()
		if slices.ContainsFunc(limits, func(f dtab.Finding) bool { return f.Code == codeTooMany }) {
			continue
		}
		edge, rc := wholeListener(t, m, s, fmt.Sprintf("edge%d", len(models)), "edge", 1)
		inner, _ := wholeListener(t, m, s, fmt.Sprintf("inner%d", len(models)), "inner", 0)
		var hosts []string
		for _, vh := range rc.VirtualHosts {
			hosts = append(hosts, vh.Domains[0])
		}
		models, listeners, domains = append(models, m), append(listeners, edge, inner), append(domains, hosts)
	}
	limit, err := structpb.NewStruct(map[string]any{"re2.max_program_size.error_level": dogfood.MaxRegexProgram})
	if err != nil {
		t.Fatal(err)
	}
	boot, err := protojson.Marshal(&bootstrapv3.Bootstrap{
		StaticResources: &bootstrapv3.Bootstrap_StaticResources{Listeners: listeners},
		LayeredRuntime: &bootstrapv3.LayeredRuntime{Layers: []*bootstrapv3.RuntimeLayer{{
			Name: "kibble", LayerSpecifier: &bootstrapv3.RuntimeLayer_StaticLayer{StaticLayer: limit},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, boot)
	tokens := testTokens()
	var routed, decided, changed int
	for i, m := range models {
		edge, inner := newRawClient(t, e.Listener(t, fmt.Sprintf("edge%d", i))), newRawClient(t, e.Listener(t, fmt.Sprintf("inner%d", i)))
		requests := rapid.Custom(func(t *rapid.T) []Request {
			list := make([]Request, each)
			for k := range list {
				list[k] = drawWhole(t, tokens, domains[i])
			}
			return list
		}).Example(i)
		for _, req := range requests {
			x := compareWhole(t, m, edge, "edge", req)
			inside := req
			inside.Header = map[string][]string{}
			for _, name := range []string{"x-to", "l5d-name"} {
				if lines := req.Header[name]; lines != nil {
					inside.Header[name] = lines
				}
			}
			plain := compareWhole(t, m, inner, "inner", inside)
			if len(x.Context) > 0 {
				decided++
				inside.Header[headerDogfood] = []string{strings.Join(x.Context, ",")}
				if y := compareWhole(t, m, inner, "inner", inside); explains(y) != explains(plain) {
					changed++
				}
			}
			if x.Status == 200 {
				routed++
			}
		}
	}
	if t.Logf("%d requests: %d routed, %d in an environment, which changes %d further in", worlds*each, routed, decided, changed); routed < 50 || decided < 100 || changed < 30 {
		t.Error("the requests prove little")
	}
}

// compareWhole holds one router's answer against the explanation.
func compareWhole(t *testing.T, m *Model, c *rawClient, class string, req Request) *Explanation {
	t.Helper()
	x, err := m.Explain(Question{Router: class, Request: req, Peer: netip.MustParseAddr("127.0.0.1"), Verify: verifyNow})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.Path, req.Host)
	for _, name := range sortedKeys(req.Header) {
		for _, line := range req.Header[name] {
			fmt.Fprintf(&text, "%s: %s\r\n", name, line)
		}
	}
	resp, body := c.send(t, text.String()+"\r\n")
	says := fmt.Sprint(resp.StatusCode)
	if resp.StatusCode == 200 {
		_, says, _ = strings.Cut(body, " ")
	}
	want := explains(x)
	if !same(want, says) && !strings.Contains(want, "/$/i") {
		t.Errorf("%s: Envoy says %q, explain %q\nrequest: %q\n%s", class, says, want, text.String(), describeWhole(m))
	}
	if got := resp.Header.Get(told); resp.StatusCode == 200 && got != strings.Join(x.Context, ",") {
		t.Errorf("%s: Envoy decides %q, explain %q\nrequest: %q\n%s", class, got, x.Context, text.String(), describeWhole(m))
	}
	return x
}

func describeWhole(m *Model) string {
	var b strings.Builder
	for _, r := range m.routers {
		fmt.Fprintf(&b, "router %s %+v:\n%v\n", r.key, r.spec.Identifier, r.table.Dtab().Indented("  "))
	}
	for _, p := range m.policies {
		fmt.Fprintf(&b, "policy %s (%s) when %s:\n%v\n", p.ID, p.Fallback, p.When, p.Override.Indented("  "))
	}
	return b.String()
}
