package xds_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
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
		Register: func(g grpc.ServiceRegistrar) { authv3.RegisterAuthorizationServer(g, l.resolver) },
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
