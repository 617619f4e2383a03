// Package livetest runs Kibble as its users do: manifests are read, translated
// and served over xDS to a real Envoy, behind which are programs that come and
// go. Its tests are about what a person or an operator sees.
package livetest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/leaktest"
	"kibble.dev/internal/waittest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// limit is how long anything may take before a test gives up.
const limit = time.Minute

func TestMain(m *testing.M) { leaktest.Main(m) }

// live is a control plane and an Envoy of the class "edge" that it serves.
type live struct {
	*envoytest.Envoy

	server   *xds.Server
	xds      string // where it is
	stop     func() // ends the control plane
	model    *translate.Model
	ahead    time.Duration // by which models believe it to be later
	routers  string
	services map[string][]pod
	ports    map[string]int
	client   *http.Client
}

// pod is an endpoint of a service.
type pod struct {
	address string
	unready bool
}

// start serves routers, which are manifests with {front} and {inside} in place
// of ports, and services by name.
func start(t testing.TB, routers string, services map[string][]pod) *live {
	t.Helper()
	return startWith(t, routers, services, bootstrap.Options{})
}

// startWith does so with an Envoy whose bootstrap has these options too, and with
// these arguments.
func startWith(t testing.TB, routers string, services map[string][]pod, o bootstrap.Options, args ...string) *live {
	t.Helper()
	return startEdited(t, routers, services, o, func(bootstrap string) string { return bootstrap }, func(s *translate.Snapshot) *translate.Snapshot { return s }, args...)
}

// startEdited does so with another bootstrap, and with another snapshot to begin
// with, than Kibble makes, and further arguments of Envoy's.
func startEdited(t testing.TB, routers string, services map[string][]pod, o bootstrap.Options,
	boot func(string) string, first func(*translate.Snapshot) *translate.Snapshot, args ...string,
) *live {
	t.Helper()
	x := serve(t, routers, services, o)
	x.server.Publish(first(x.translate(t)))
	x.run(t, o, boot, args...)
	for name := range x.ports {
		x.Listener(t, "default/"+name)
	}
	return x
}

// serve begins a control plane that has published nothing yet.
func serve(t testing.TB, routers string, services map[string][]pod, o bootstrap.Options) *live {
	t.Helper()
	l, err := net.Listen("tcp", cmp.Or(o.Server, envoytest.FreeAddress(t)))
	if err != nil {
		t.Fatal(err)
	}
	x := &live{server: xds.New(xds.Options{}), xds: l.Addr().String(), services: services, ports: map[string]int{}}
	ports := envoytest.FreePorts(t, 2)
	for i, name := range []string{"front", "inside"} {
		x.ports[name] = ports[i]
		routers = strings.ReplaceAll(routers, "{"+name+"}", fmt.Sprint(x.ports[name]))
	}
	x.routers = routers
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = x.server.Serve(ctx, l) })
	x.stop = func() { cancel(); serving.Wait() }
	t.Cleanup(x.stop)
	return x
}

// run starts the Envoy.
func (x *live) run(t testing.TB, o bootstrap.Options, boot func(string) string, args ...string) {
	t.Helper()
	o.Class, o.NodeID, o.Server = "edge", "edge-0", x.xds
	b, err := bootstrap.Render(o)
	if err != nil {
		t.Fatal(err)
	}
	x.Envoy = envoytest.Start(t, []byte(boot(string(b))), append(args, "--file-flush-interval-msec", "20")...)
	x.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: limit}
	t.Cleanup(x.client.CloseIdleConnections)
}

// publish serves what routers and services say now.
func (x *live) publish(t testing.TB) {
	t.Helper()
	x.server.Publish(x.translate(t))
}

// translate gives what is to be served now.
func (x *live) translate(t testing.TB) *translate.Snapshot {
	t.Helper()
	inv, found, err := discovery.ReadStream("live.yaml", strings.NewReader(x.routers+manifests(x.services)))
	if err != nil {
		t.Fatal(err)
	}
	if x.model == nil {
		x.model = translate.NewModel(inv, time.Now())
	} else {
		x.model = x.model.Next(inv, time.Now().Add(x.ahead))
	}
	snapshot, more := x.model.Snapshot()
	for _, f := range slices.Concat(found, x.model.Findings(), more) {
		if f.Severity == dtab.Error {
			t.Fatal(f)
		}
	}
	return snapshot
}

// set changes the pods of a service; none is scaled to zero, nil takes the
// service away.
func (x *live) set(t testing.TB, service string, pods []pod) {
	t.Helper()
	if pods == nil {
		delete(x.services, service)
	} else {
		x.services[service] = pods
	}
	x.publish(t)
}

// manifests writes services as Kubernetes has them.
func manifests(services map[string][]pod) string {
	var b strings.Builder
	for name, pods := range services {
		fmt.Fprintf(&b, "---\napiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  ports:\n  - {name: http, port: 80}\n", name)
		if len(pods) == 0 { // as Kubernetes keeps it
			fmt.Fprintf(&b, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: %s-0\n"+
				"  labels: {kubernetes.io/service-name: %s}\naddressType: IPv4\nports: []\nendpoints: []\n", name, name)
		}
		for i, p := range pods {
			host, port, _ := net.SplitHostPort(p.address)
			family := "IPv4"
			if strings.Contains(host, ":") {
				family = "IPv6"
			}
			fmt.Fprintf(&b, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: %s-%d\n"+
				"  labels: {kubernetes.io/service-name: %s}\naddressType: %s\nports:\n- {name: http, port: %s}\n"+
				"endpoints:\n- addresses: [%q]\n  conditions: {ready: %t}\n", name, i, name, family, port, host, !p.unready)
		}
	}
	return b.String()
}

// answer is what a client sees.
type answer struct {
	status                int
	environment, fallback string
	body                  string
	header                http.Header
}

func (a answer) String() string {
	first, _, _ := strings.Cut(a.body, "\n")
	return fmt.Sprintf("%d %s environment=%q fallback=%q", a.status, first, a.environment, a.fallback)
}

// ask sends a request to a router. Headers are "name: value".
func (x *live) ask(t testing.TB, router, host string, headers ...string) answer {
	t.Helper()
	a, err := x.try(router, host, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (x *live) try(router, host string, headers ...string) (answer, error) {
	return x.tryAt(x.address(router), host, headers...)
}

func (x *live) tryAt(address, host string, headers ...string) (answer, error) {
	req, err := http.NewRequest(http.MethodGet, "http://"+address+"/", http.NoBody)
	if err != nil {
		return answer{}, err
	}
	req.Host = host
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	return x.do(req)
}

// do sends a request and reads its answer.
func (x *live) do(req *http.Request) (answer, error) {
	resp, err := x.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{
		status: resp.StatusCode, body: strings.TrimSpace(string(body)), header: resp.Header,
		environment: strings.Join(resp.Header.Values(translate.HeaderEnvironment), ";"),
		fallback:    strings.Join(resp.Header.Values(translate.HeaderFallback), ";"),
	}, err
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	waittest.Until(t, what, holds)
}

// address is where a router takes requests.
func (x *live) address(router string) string { return fmt.Sprintf("127.0.0.1:%d", x.ports[router]) }

// settles waits until a request is answered as wanted.
func (x *live) settles(t testing.TB, want, router, host string, headers ...string) {
	t.Helper()
	var got answer
	deadline := time.Now().Add(limit)
	for got = x.ask(t, router, host, headers...); got.String() != want; got = x.ask(t, router, host, headers...) {
		if time.Now().After(deadline) {
			t.Fatalf("%s at %s, %q:\nwant %s\ngot  %s", host, router, headers, want, got)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// app is a program that answers with its name.
func app(t testing.TB, name string) pod {
	t.Helper()
	return pod{address: upstream(t, func(w http.ResponseWriter) {
		// What an application says of environments is not to be believed.
		w.Header().Set(translate.HeaderEnvironment, "invented")
		w.Header().Set(translate.HeaderFallback, "invented")
		fmt.Fprintln(w, name)
	})}
}

// upstream serves one answer and gives its address.
func upstream(t testing.TB, answer func(http.ResponseWriter)) string {
	t.Helper()
	return envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
}

// upstreamOf serves what a request makes of it and gives its address.
func upstreamOf(t testing.TB, answer func(*http.Request) string) string {
	t.Helper()
	return envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, answer(r)) }))
}

// failing is an application that answers 503.
func failing(t testing.TB) pod {
	t.Helper()
	return pod{address: upstream(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })}
}

// refusing is a pod that is ready and refuses connections.
func refusing(t testing.TB) pod {
	t.Helper()
	return pod{address: envoytest.FreeAddress(t)}
}
