package xds_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// The edge and what is inside have the same table. Some names lead out.
const ruleTable = `
/srv        => /#/io.l5d.k8s/default/http ;
/ph         => /$/io.buoyant.rinet ;
/out        => /ph/80 ;
/partner    => /out/127.0.0.7 ;
/host       => /srv ;
/host/world => /srv/world-v1 ;
/svc        => /host ;
`

const ruleObjects = `
front: {proxyClass: edge, bind: loopback, xffNumTrustedHops: 1, adHocOverrides: {allow: [/host, /svc], to: [/srv, /host, /out, /partner]}}
plain: {proxyClass: edge, bind: loopback, xffNumTrustedHops: 1}
out: {proxyClass: edge, trust: internal, bind: loopback, adHocOverrides: {allow: [/host, /svc], to: [/srv, /host, /out, /partner]}}
`

const rulePolicies = `
letmein: {when: {all: [{sourceRanges: [10.0.0.0/8]}, {cookie: {name: corp, exact: "1"}}]}, grant: adHoc}
both: {when: {header: {name: x-both, exact: "1"}, sourceRanges: [10.0.0.0/8]}, grant: adHoc, override: /host/world => /srv/world-v2}
world-v2: {when: {cookie: {name: v2, exact: "1"}}, override: /host/world => /srv/world-v2}
family:
  forEach: {namespaceSelector: {matchLabels: {preview: "yes"}}}
  when: {header: {name: x-preview, exact: "{namespace}"}, sourceRanges: [10.0.0.0/8]}
  grant: adHoc
  override: /host/world => /#/io.l5d.k8s/{namespace}/http/world-v2
`

// ruleLab is an Envoy of class edge with the routers of ruleObjects before some
// services, the real server and the real resolver.
type ruleLab struct {
	model     atomic.Pointer[translate.Model]
	inventory *translate.Inventory
	server    *xds.Server
	resolver  *xds.Resolver
	asked     atomic.Int64 // how often the resolver was asked
	later     atomic.Int64 // by how many nanoseconds each of its answers comes later
	stop      func()
	envoy     *envoytest.Envoy
	at        map[string]string // address of each router

	mu       sync.Mutex
	snapshot *translate.Snapshot
}

func newRuleLab(t testing.TB, policies string) *ruleLab {
	t.Helper()
	return newRuleLabWith(t, policies, func(address string) *envoytest.Envoy { return run(t, address, "edge-0", "edge", "delta") })
}

// newRuleLabWith runs an Envoy of its own, edge-0 of class edge, for the control plane
// at an address.
func newRuleLabWith(t testing.TB, policies string, envoy func(address string) *envoytest.Envoy) *ruleLab {
	t.Helper()
	l := &ruleLab{inventory: ruleInventory(t, policies), at: map[string]string{}}
	l.resolver = &xds.Resolver{
		Model: func() *translate.Model {
			l.asked.Add(1)
			time.Sleep(time.Duration(l.later.Load()))
			return l.model.Load()
		},
		Ensure: func(ctx context.Context, w xds.Wish) error {
			return l.server.Ensure(ctx, w)
		},
		Connected:      func(class, node string) bool { return l.server.Connected(class, node) },
		BecameFrequent: l.foretell,
	}
	l.server = xds.New(xds.Options{
		Drain:    50 * time.Millisecond,
		Register: func(g *grpc.Server) { authv3.RegisterAuthorizationServer(g, l.resolver) },
	})
	listener := envoytest.Listen(t)
	l.stop = sync.OnceFunc(serveOn(t, l.server, listener))
	t.Cleanup(l.stop)
	l.publish(t, l.inventory)
	l.envoy = envoy(listener.Addr().String())
	l.envoy.WaitReady(t)
	for _, name := range []string{"front", "plain", "out"} {
		l.at[name] = l.envoy.Listener(t, "default/"+name)
	}
	return l
}

// publish serves an inventory.
func (l *ruleLab) publish(t testing.TB, inv *translate.Inventory) {
	t.Helper()
	m := translate.NewModel(inv, time.Now())
	for _, f := range m.Findings() {
		if f.Severity == dtab.Error {
			t.Fatal(f)
		}
	}
	l.mu.Lock()
	l.snapshot, _ = m.Snapshot()
	l.model.Store(m)
	l.mu.Unlock()
	l.foretell()
}

func (l *ruleLab) foretell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server.Publish(l.model.Load().Foretell(l.snapshot, l.resolver.Frequent()))
}

func ruleInventory(t testing.TB, policies string) *translate.Inventory {
	t.Helper()
	inv := &translate.Inventory{
		Services:   map[translate.Key]*translate.Service{},
		Namespaces: map[string]translate.Labels{"default": nil, "pr-1": {"preview": "yes"}, "pr-2": {"preview": "yes"}},
	}
	for _, name := range []string{"world-v1", "world-v2", "hello"} {
		inv.Services[translate.Key{Namespace: "default", Name: name}] = service(t, name, told(t, name))
	}
	ports := envoytest.FreePorts(t, 8)
	read(t, ruleObjects, func(name string, spec v1alpha1.RouterSpec) {
		r := &translate.Sourced[v1alpha1.Router]{Origin: translate.Origin{Name: name}}
		r.Object.Name, r.Object.Namespace, r.Object.Spec = name, "default", spec
		r.Object.Spec.Port, r.Object.Spec.Dtab = int32(ports[len(inv.Routers)]), ruleTable
		inv.Routers = append(inv.Routers, r)
	})
	read(t, policies, func(name string, spec v1alpha1.DogfoodPolicySpec) {
		p := &translate.Sourced[v1alpha1.DogfoodPolicy]{Origin: translate.Origin{Name: name}}
		p.Object.Name, p.Object.Namespace, p.Object.Spec = name, "default", spec
		inv.Policies = append(inv.Policies, p)
	})
	return inv
}

// read gives the objects of a YAML map in the order of their names.
func read[T any](t testing.TB, text string, each func(name string, spec T)) {
	t.Helper()
	all := map[string]T{}
	if err := yaml.UnmarshalStrict([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		each(name, all[name])
	}
}

func service(t testing.TB, name, address string) *translate.Service {
	t.Helper()
	a := netip.MustParseAddrPort(address)
	return &translate.Service{
		Key: translate.Key{Namespace: "default", Name: name}, Exists: true, Ports: []translate.ServicePort{{Name: "http", Port: 80}},
		Slices: []*translate.Slice{{
			Name: name, Ports: []translate.SlicePort{{Name: "http", Port: int32(a.Port())}},
			Endpoints: []translate.Endpoint{{Addresses: []string{a.Addr().String()}, Ready: true, Serving: true}},
		}},
	}
}

// telling is what an upstream says of the request that it got.
type telling struct {
	Service string
	Header  http.Header // those that carry something
}

func told(t testing.TB, name string) string {
	return envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		says := telling{Service: name, Header: http.Header{}}
		for key, lines := range r.Header {
			if dogfood.Carries(strings.ToLower(key)) {
				says.Header[key] = lines
			}
		}
		_ = json.NewEncoder(w).Encode(says)
	}))
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// raw sends a request byte for byte.
func (l *ruleLab) raw(t tester, router, host string, lines ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", l.at[router])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text := "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(lines, "Connection: close\r\n\r\n"), "\r\n")
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to %q: %v", text, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// explain asks the model about the same request.
func (l *ruleLab) explain(t tester, router, host string, lines ...string) *translate.Explanation {
	t.Helper()
	q := translate.Question{Router: router, Request: translate.Request{Method: "GET", Host: host, Path: "/", Header: map[string][]string{}}}
	q.Source = netip.MustParseAddr("127.0.0.1")
	for _, line := range lines {
		key, value, _ := strings.Cut(line, ":")
		key, value = strings.ToLower(key), strings.TrimSpace(value)
		if key == "x-forwarded-for" {
			q.Source = netip.MustParseAddr(value)
			continue
		}
		q.Request.Header[key] = append(q.Request.Header[key], value)
	}
	x, err := l.model.Load().Explain(q)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// compare sends a request and holds the answer against the explanation. What
// comes to an upstream is returned.
func (l *ruleLab) compare(t tester, router, host string, lines ...string) (*http.Response, string, telling) {
	t.Helper()
	fellBack := http.CanonicalHeaderKey(translate.HeaderBaseline)
	x := l.explain(t, router, host, lines...)
	resp, body := l.raw(t, router, host, lines...)
	var got telling
	if resp.StatusCode != x.Status {
		t.Errorf("%s %s %q: Envoy says %s %q, explain %d %s", router, host, lines, resp.Status, body, x.Status, x.Reason)
		return resp, body, got
	}
	if x.Status == 200 {
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		if want := x.Destinations[0].Cluster; !strings.HasSuffix(want, "/"+got.Service) {
			t.Errorf("%s %s %q: Envoy reaches %s, explain says %s", router, host, lines, got.Service, want)
		}
		if rules := strings.Join(got.Header.Values("L5d-Ctx-Dtab"), "|"); rules != x.Override {
			t.Errorf("%s %s %q: Envoy hands on the rules %q, explain says %q", router, host, lines, rules, x.Override)
		}
		if ids := dogfood.ParseContext(got.Header.Values("L5d-Ctx-Dogfood")).String(); ids != strings.Join(x.Context, ",") {
			t.Errorf("%s %s %q: Envoy hands on the context %q, explain says %q", router, host, lines, ids, x.Context)
		}
		if told := got.Header.Get(fellBack) != ""; told != (len(x.FellBack) > 0 && x.Override == "") {
			t.Errorf("%s %s %q: that the request fell back is told: %v, explain says %q", router, host, lines, told, x.FellBack)
		}
	} else if x.Status != 502 && !strings.Contains(body, x.Reason) {
		t.Errorf("%s %s %q: Envoy says %q, explain %q", router, host, lines, body, x.Reason)
	}
	for key := range got.Header {
		if router == "out" && (key == "Dtab-Local" || key == "L5d-Sample") {
			continue // it is for others to read
		}
		if !slices.Contains([]string{"L5d-Ctx-Dtab", "L5d-Ctx-Dogfood", "L5d-Dst-Client", fellBack}, key) {
			t.Errorf("%s %s %q: the upstream got %s: %q", router, host, lines, key, got.Header[key])
		}
	}
	if router != "out" {
		for key := range resp.Header {
			if dogfood.Carries(strings.ToLower(key)) {
				t.Errorf("%s %s %q: the client got %s", router, host, lines, key)
			}
		}
	}
	return resp, body, got
}

// A control plane that takes its time to answer about a rule is waited for, and is
// asked once. It may be waiting itself, until the proxy has the cluster.
func TestEnvoyWaitsForResolver(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	l.later.Store(int64(2 * time.Second))
	for n := range int64(2) {
		if _, _, got := l.compare(t, "out", "world", v2); got.Service != "world-v2" || l.asked.Load() != n+1 {
			t.Errorf("%q answers, after %d questions", got.Service, l.asked.Load())
		}
	}
}

const (
	corp   = "X-Forwarded-For: 10.1.2.3"
	cookie = "Cookie: corp=1"
	v2     = "l5d-dtab: /host/world => /srv/world-v2 ;"
)

// What is asked of whom, and where it goes: the service, or status and text.
func TestEnvoyGrants(t *testing.T) {
	// A condition that every request may meet leaves no guard before the others.
	many := rulePolicies + "always: {when: {not: {header: {name: x-off, exact: \"1\"}}}, override: /host/nobody => /srv/hello}\n"
	for i := range 8 { // so many that the routes of world are in a hash map
		many += fmt.Sprintf("p%d: {when: {cookie: {name: p, exact: \"%d\"}}, override: /host/world => /srv/hello}\n", i, i)
	}
	for name, policies := range map[string]string{"few": rulePolicies, "many": many} {
		t.Run(name, func(t *testing.T) {
			l := newRuleLab(t, policies)
			for _, test := range []struct {
				name, router, host, want, rules string
				lines                           []string
			}{
				{"nobody", "front", "world", "world-v1", "", nil},
				{"no grant", "front", "world", "world-v1", "", []string{v2}},
				{"half of a grant", "front", "world", "world-v1", "", []string{v2, corp}},
				{"the other half", "front", "world", "world-v1", "", []string{v2, cookie}},
				{"a grant", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{v2, corp, cookie}},
				{"a grant and no rule", "front", "world", "world-v1", "", []string{corp, cookie}},
				{"other case", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{strings.ToUpper(v2[:8]) + v2[8:], corp, cookie}},
				{"another service's rule", "front", "hello", "hello", "/host/world=>/srv/world-v2", []string{v2, corp, cookie}},
				{"two lines", "front", "world", "hello", "/host/world=>/srv/world-v2;/host/world=>/srv/hello", []string{v2, "l5d-dtab: /host/world => /srv/hello", corp, cookie}},
				{"an empty line", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"l5d-dtab:", v2, corp, cookie}},
				{"only empty", "front", "world", "world-v1", "", []string{"l5d-dtab: ", corp, cookie}},
				{"context from outside", "front", "world", "world-v1", "", []string{"l5d-ctx-dtab: /host/world => /srv/world-v2", corp, cookie}},
				{"and with a rule", "front", "hello", "hello", "/host/world=>/srv/world-v2", []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1", "l5d-sample: 1", v2, corp, cookie}},
				{"our name", "front", "world", "world-v1", "", []string{"x-kibble-dtab: /host/world => /srv/world-v2", corp, cookie}},
				{"our name and a rule", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"X-KIBBLE-Dtab: /host/world => /srv/hello", v2, corp, cookie}},
				{"our cluster", "front", "world", "world-v1", "", []string{"x-kibble-cluster: /#/io.l5d.k8s/default/http/hello", v2}},
				{"grant and override, the rule wins", "front", "world", "hello", "/host/world=>/srv/hello", []string{"x-both: 1", corp, "l5d-dtab: /host/world => /srv/hello"}},
				{"grant and override, no rule", "front", "world", "world-v2", "", []string{"x-both: 1", corp}},
				{"the override alone", "front", "world", "world-v2", "", []string{"Cookie: v2=1", "l5d-dtab: /host/world => /srv/hello"}},
				{"of a family", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"x-preview: pr-2", corp, v2}},
				{"of no member", "front", "world", "world-v1", "", []string{"x-preview: pr-3", corp, v2}},
				{"no adHocOverrides", "plain", "world", "world-v1", "", []string{v2, corp, cookie}},
				{"no adHocOverrides, context", "plain", "world", "world-v2", "", []string{"Cookie: corp=1; v2=1", corp, v2}},
				{"malformed", "front", "world", "400 '>' expected but ' ' found at '/a =[ ]/b'", "", []string{"l5d-dtab: /a = /b", corp, cookie}},
				{"one of two malformed", "front", "world", "400 ", "", []string{v2, "l5d-dtab: x", corp, cookie}},
				{"malformed, no grant", "front", "world", "world-v1", "", []string{"l5d-dtab: /a = /b"}},
				{"not text", "front", "world", "400 ", "", []string{"l5d-dtab: /host/\xff\xfe => /srv/x", corp, cookie}},
				{"a format", "front", "world", "400 ", "", []string{"l5d-dtab: %REQ(cookie)%", corp, cookie}},
				{"not allowed", "front", "world", "403 the override rewrites /srv; router default/front allows only what is below /host, /svc", "", []string{"l5d-dtab: /srv => /srv/x", corp, cookie}},
				{"wildcard", "front", "world", "403 the override rewrites /*/world", "", []string{"l5d-dtab: /*/world => /srv/x", corp, cookie}},
				{"out", "front", "world", "403 the override leads to /$/inet/127.0.0.1/80", "", []string{"l5d-dtab: /host/world => /srv/x | /$/inet/127.0.0.1/80", corp, cookie}},
				{"out by the table", "front", "world", "403 the override leads out to /$/io.buoyant.rinet/80/evil.example.com", "", []string{"l5d-dtab: /host/world => /out/evil.example.com", corp, cookie}},
				{"out by a union", "front", "world", "403 the override leads out to /$/io.buoyant.rinet/80/evil", "", []string{"l5d-dtab: /host/world => 1 * /srv/world-v2 & 1 * /out/evil", corp, cookie}},
				{"out by what is left", "front", "127.0.0.9", "403 the override leads out to /$/io.buoyant.rinet/80/127.0.0.9", "", []string{"l5d-dtab: /svc => /out", corp, cookie}},
				{"nowhere", "front", "world", "502 Unable to route request!\n\nservice name: /svc/world\noverride dtab:\n", "", []string{"l5d-dtab: /host/world => !", corp, cookie}},

				{"inside", "out", "world", "world-v2", "/host/world=>/srv/world-v2", []string{v2}},
				{"l5d-dtab beats l5d-ctx-dtab", "out", "world", "hello", "/host/world=>/srv/world-v2;/host/world=>/srv/hello", []string{"l5d-dtab: /host/world => /srv/hello", "l5d-ctx-dtab: /host/world => /srv/world-v2"}},
				{"l5d-ctx-dtab beats policies", "out", "world", "hello", "/host/world=>/srv/hello", []string{"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-ctx-dogfood: world-v2"}},
				{"policies beat the table", "out", "world", "world-v2", "/host/hello=>/srv/world-v1", []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1", "l5d-ctx-dogfood: world-v2"}},
				{"the table stays behind", "out", "world", "world-v1", "/host/world=>/srv/gone", []string{"l5d-dtab: /host/world => /srv/gone"}},
				{"lines in order", "out", "world", "world-v2", "/host/world=>/srv/hello;/host/world=>/srv/world-v2", []string{"l5d-dtab: /host/world => /srv/hello", v2}},
				{"inside a comma is none of ours", "out", "world", "400 ", "", []string{"l5d-dtab: /host/world => /srv/hello,/host/world => /srv/world-v2"}},
				{"malformed inside", "out", "world", "400 simple expected but 'b' found at '/a => [b]'", "", []string{"l5d-ctx-dtab: /a => b"}},
				{"nowhere inside", "out", "world", "502 Unable to route request!\n\nservice name: /svc/world\nbase dtab:\n", "", []string{"l5d-dtab: /host/world => !"}},
				{"our name inside", "out", "world", "world-v1", "", []string{"x-kibble-cluster: /#/io.l5d.k8s/default/http/hello"}},
				{"malformed host inside", "out", "a..b", "400 ", "", []string{v2}},
			} {
				t.Run(test.name, func(t *testing.T) {
					resp, body, got := l.compare(t, test.router, test.host, test.lines...)
					status, text, failed := strings.Cut(test.want, " ")
					switch {
					case failed && (strconv.Itoa(resp.StatusCode) != status || !strings.HasPrefix(body, text)):
						t.Errorf("%s %q, want %q", resp.Status, body, test.want)
					case !failed && (got.Service != test.want || got.Header.Get("L5d-Ctx-Dtab") != test.rules):
						t.Errorf("%s %q: %+v, want %s with %q", resp.Status, body, got, test.want, test.rules)
					}
					if resp.StatusCode != 200 && test.router != "out" && strings.Contains(body, "io.l5d.k8s") {
						t.Errorf("it tells of the table: %q", body)
					}
				})
			}
		})
	}
}

// When the resolver is away only requests with a rule of their own fail, at
// once, and say why.
func TestEnvoyGrantsWithoutResolver(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	served := l.model.Swap(nil)
	if resp, body := l.raw(t, "out", "world", v2); resp.StatusCode != 503 || !strings.HasPrefix(body, "The resolver for l5d-dtab") {
		t.Errorf("where it has read nothing yet: %s %q", resp.Status, body)
	}
	l.model.Store(served)
	if _, _, got := l.compare(t, "front", "world", v2, corp, cookie); got.Service != "world-v2" {
		t.Fatalf("at first: %+v", got)
	}
	l.stop()
	for _, test := range []struct {
		router string
		status int
		lines  []string
	}{
		{"front", 503, []string{v2, corp, cookie}},
		{"front", 200, []string{v2}},
		{"front", 200, []string{corp, cookie}},
		{"front", 200, []string{"Cookie: v2=1"}},
		{"out", 503, []string{v2}},
		{"out", 503, []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1"}},
		{"out", 200, []string{"l5d-ctx-dogfood: world-v2"}},
	} {
		resp, body := l.raw(t, test.router, "world", test.lines...)
		if resp.StatusCode != test.status || test.status == 503 && !strings.HasPrefix(body, "The resolver for l5d-dtab") {
			t.Errorf("%s %q: %s %q, want %d", test.router, test.lines, resp.Status, body, test.status)
		}
	}
}

// For random requests of people with and without a grant Envoy does what explain says.
func TestEnvoyGrantsAsExplained(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	whose := rapid.SampledFrom([][]string{
		{corp, cookie}, {corp, "x-preview: pr-1"}, {corp, "Cookie: v2=1; corp=1"}, {corp, "x-both: 1"}, {corp, cookie, "x-both: 1"},
		{}, {corp}, {cookie}, {"X-Forwarded-For: 11.1.1.1", cookie}, {"Cookie: v2=1"}, {corp, "x-both: 2"},
	})
	line := rapid.SampledFrom([]string{
		v2, "L5D-DTAB: /host/world => /srv/hello", "l5d-dtab: /host/hello => /host/world ; /host/world => /srv/hello",
		"l5d-dtab: /svc => /srv", "l5d-dtab: /host/* => /srv/world-v2", "l5d-dtab: /srv => /host", "l5d-dtab: /host => ~ | /out",
		"l5d-dtab: /host/world => /srv/gone | /srv/world-v2", "l5d-dtab: /host/world => ! | /srv/hello", "l5d-dtab: /host/world => $",
		"l5d-dtab:", "l5d-dtab: x", "l5d-dtab: /a => /b,", "l5d-dtab: /host/world => /$/inet/127.0.0.1/1", "l5d-dtab: /host/world => /srv/gone",
		"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-ctx-dtab: x", "l5d-ctx-dogfood: world-v2", "l5d-ctx-dogfood: letmein",
		"x-kibble-dtab: /host/world => /srv/hello", "x-kibble-cluster: x", "l5d-sample: 1", "dtab-local: /a => /b",
	})
	statuses := map[int]int{}
	property := func(rt *rapid.T) {
		lines := slices.Concat(whose.Draw(rt, "who"), rapid.SliceOfN(line, 0, 3).Draw(rt, "lines"))
		router := rapid.SampledFrom([]string{"front", "plain", "out"}).Draw(rt, "router")
		host := rapid.SampledFrom([]string{"world", "hello", "world", "world-v2", "gone"}).Draw(rt, "host")
		x := l.explain(rt, router, host, lines...)
		if len(x.Destinations) > 0 && strings.Contains(x.Destinations[0].Cluster, "rinet") {
			rt.Skip("goes out")
		}
		resp, _, _ := l.compare(rt, router, host, lines...)
		statuses[resp.StatusCode]++
	}
	// What random draws bring is a matter of luck, of few of them more so.
	for range 50 {
		rapid.Check(t, property)
		missing := func(status int) bool { return statuses[status] == 0 }
		if t.Failed() || !slices.ContainsFunc([]int{200, 400, 403, 502}, missing) {
			return
		}
	}
	t.Errorf("the draws prove too little: %v", statuses)
}
