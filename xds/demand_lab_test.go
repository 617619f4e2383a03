package xds_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

const demandTable = `
/srv  => /#/io.l5d.k8s/default/http ;
/host => /srv ;
/svc  => /host ;
`

// demandLab is a mesh of a few services, whose router is on demand, and its
// control plane, which can be replaced.
type demandLab struct {
	t        testing.TB
	port     int
	declared []string
	policies string
	hosts    map[string]string // rules of the table: host and service
	services map[translate.Key]*translate.Service
	// notOnDemand is for comparison. With withheld proxies are not given the hosts
	// that they ask about.
	notOnDemand, withheld bool
	drain                 time.Duration                 // default 50 ms
	silent                atomic.Pointer[chan struct{}] // until it is closed nobody answers about hosts

	address  string
	beside   []string // further addresses that proxies are told of
	registry *prometheus.Registry
	state    map[string]*publish.Remembered
	server   *xds.Server
	model    atomic.Pointer[translate.Model]
	stop     func()
}

func newDemandLab(t testing.TB, services ...string) *demandLab {
	l := &demandLab{
		t: t, port: envoytest.FreePorts(t, 1)[0], hosts: map[string]string{}, services: map[translate.Key]*translate.Service{},
		address: envoytest.FreeAddress(t), stop: func() {},
	}
	for _, name := range services {
		l.serve(name)
	}
	t.Cleanup(func() { l.stop() })
	return l
}

// serve adds a service, which answers with its name.
func (l *demandLab) serve(name string) {
	l.services[translate.Key{Namespace: "default", Name: name}] = service(l.t, name,
		envoytest.Upstream(l.t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) })))
}

// start brings a control plane up, at the address of the last one.
func (l *demandLab) start() {
	l.t.Helper()
	resolver := &xds.Resolver{Model: l.model.Load, Ask: func(class, router string, req translate.Request) (translate.HostAnswer, bool) {
		if goes := l.silent.Load(); goes != nil {
			<-*goes
		}
		return l.server.Ask(class, router, req)
	}, Ensure: func(ctx context.Context, w xds.Wish) error {
		return l.server.Ensure(ctx, w)
	}, Connected: func(class, node string) bool {
		return l.server.Connected(class, node)
	}}
	l.registry = prometheus.NewRegistry()
	l.server = xds.New(xds.Options{
		Registerer: l.registry, Drain: cmp.Or(l.drain, 50*time.Millisecond), Register: func(g grpc.ServiceRegistrar) { authv3.RegisterAuthorizationServer(g, resolver) },
	})
	if l.state != nil {
		l.server.Recall(l.state)
	}
	l.stop = sync.OnceFunc(serveOn(l.t, l.server, listenAgain(l.t, l.address)))
	l.publish()
}

func (l *demandLab) publish() {
	l.t.Helper()
	inv := &translate.Inventory{Services: l.services, Namespaces: map[string]translate.Labels{"default": nil}}
	r := &translate.Sourced[v1alpha1.Router]{Origin: translate.Origin{Name: "out"}}
	r.Object.Name, r.Object.Namespace = "out", "default"
	table := demandTable
	for _, host := range slices.Sorted(maps.Keys(l.hosts)) { // "*" first: what comes later wins
		table += "/host/" + host + " => " + l.hosts[host] + " ;\n"
	}
	r.Object.Spec = v1alpha1.RouterSpec{
		ProxyClass: "sidecar", Bind: v1alpha1.BindLoopback, Port: int32(l.port), Dtab: table, Failover: true,
		OnDemand:       &v1alpha1.OnDemand{Declared: l.declared},
		AdHocOverrides: &v1alpha1.AdHocOverrides{Allow: []string{"/host"}, To: []string{"/srv"}},
	}
	if l.notOnDemand {
		r.Object.Spec.OnDemand = nil
	}
	inv.Routers = append(inv.Routers, r)
	read(l.t, l.policies, func(name string, spec v1alpha1.DogfoodPolicySpec) {
		p := &translate.Sourced[v1alpha1.DogfoodPolicy]{Origin: translate.Origin{Name: name}}
		p.Object.Name, p.Object.Namespace, p.Object.Spec = name, "default", spec
		inv.Policies = append(inv.Policies, p)
	})
	m := translate.NewModel(inv, time.Now())
	snapshot, found := m.Snapshot()
	for _, f := range append(m.Findings(), found...) {
		if f.Severity == dtab.Error {
			l.t.Fatal(f)
		}
	}
	l.model.Store(m)
	var bad []xds.Verdict
	for name, host := range snapshot.Classes["sidecar"].Resources[translate.VirtualHostType] {
		if l.withheld && host.OnAsk {
			bad = append(bad, xds.Verdict{Class: "sidecar", Version: publish.Version{
				Type: translate.VirtualHostType, Name: name, Version: host.Version,
			}, Words: "tried elsewhere"})
		}
	}
	l.server.Publish(snapshot, bad...)
}

// envoy starts a sidecar of a workload.
func (l *demandLab) envoy(node, workload string, calls ...string) *envoytest.Envoy {
	l.t.Helper()
	b, err := bootstrap.Render(bootstrap.Options{
		Class: "sidecar", NodeID: node, Server: strings.Join(append([]string{l.address}, l.beside...), ","), Namespace: "default", Workload: workload, Calls: strings.Join(calls, ","),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	e := envoytest.Run(l.t, b)
	e.WaitReady(l.t)
	e.Listener(l.t, "default/out")
	return e
}

// call gives the status and the body that a host answers with.
func (l *demandLab) call(host string, headers ...string) string {
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", l.port), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	first, _, _ := strings.Cut(string(body), "\n")
	return fmt.Sprintf("%d %s", resp.StatusCode, first)
}

func (l *demandLab) expect(host, want string, headers ...string) {
	l.t.Helper()
	if got := l.call(host, headers...); got != want {
		l.t.Errorf("%s %v: %s, want %s", host, headers, got, want)
	}
}

// clusters gives the last parts of the names of the mesh's clusters that an Envoy has.
func clusters(t testing.TB, e *envoytest.Envoy) []string {
	var all []string
	for line := range strings.Lines(e.Get(t, "/clusters")) {
		if name, _, ok := strings.Cut(line, "::"); ok && strings.HasPrefix(name, "/") {
			all = append(all, strings.ReplaceAll(name, "/#/io.l5d.k8s/default/http/", ""))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (l *demandLab) has(e *envoytest.Envoy, want ...string) {
	l.t.Helper()
	if got := clusters(l.t, e); !slices.Equal(got, want) {
		l.t.Errorf("Envoy has %q, want %q", got, want)
	}
}
