package xds_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// The first request for a host that the proxy does not know is answered as all
// others are, however it is sent; then the proxy knows the host.
func TestEnvoyAsksAboutHosts(t *testing.T) {
	var names []string
	for i := range 50 {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	l := newDemandLab(t)
	for _, name := range append(names, "gone", "instead", "twice", "v2") {
		l.echo(name)
	}
	l.services[translate.Key{Namespace: "default", Name: "sick"}] = service(t, "sick", "127.0.0.1:1")
	l.services[translate.Key{Namespace: "default", Name: "sick"}].Slices[0].Endpoints[0].Ready = false
	l.policies = `
env:   {when: {cookie: {name: env, exact: "1"}}, override: "/host/twice => /srv/v2"}
ill:   {when: {cookie: {name: env, exact: "2"}}, override: "/host/instead => /srv/sick"}
lost:  {when: {cookie: {name: env, exact: "3"}}, override: "/host/gone => /srv/nowhere"}
`
	l.start()
	e := l.envoy("hello-0", "hello")
	l.knows(e, "*")
	known, i := []string{"*"}, 0
	same := func(host, want, way string, headers ...string) {
		t.Helper()
		first := l.exchange(way, host, headers...)
		if first.Status != http.StatusOK || first.Service != want {
			t.Fatalf("%s %s %v: %d %s, want %s", way, host, headers, first.Status, first.Service, want)
		}
		known = append(known, want)
		plain := strings.ToLower(strings.TrimSuffix(strings.TrimSuffix(host, ":80"), "."))
		until(t, plain+" is known", func() bool { return slices.Contains(l.told(e), plain) })
		for range 2 {
			if diff := cmp.Diff(first, l.exchange(way, host, headers...)); diff != "" {
				t.Errorf("%s %s %v: -first +later\n%s", way, host, headers, diff)
			}
		}
	}
	for way := range ways {
		same(names[i], names[i], way)
		for _, spelled := range []string{strings.ToUpper(names[i+1]), names[i+2] + ":80", names[i+3] + "."} {
			i++
			same(spelled, names[i], way)
		}
		i++
	}
	l.knows(e, known...)

	same("twice", "v2", "get", "l5d-ctx-dogfood", "other,env")
	same("instead", "instead", "post", "l5d-ctx-dogfood", "ill")
	same("gone", "gone", "chunked", "l5d-ctx-dogfood", "lost")
	for host, want := range map[string]string{"twice": "env", "instead": "ill"} {
		id := map[string]string{"twice": "env", "instead": "ill"}[host]
		if got := l.exchange("get", host, "l5d-ctx-dogfood", id).Answer.Get(translate.HeaderEnvironment); got != want {
			t.Errorf("%s in %s: environment %q", host, id, got)
		}
	}
	if got := l.exchange("get", "instead", "l5d-ctx-dogfood", "ill").Answer.Get(translate.HeaderFallback); got != "ill" {
		t.Errorf("fallback %q", got)
	}
}

// What the control plane answers about a host has requests treated as the host's
// own routes do: those of a proxy that is never given these.
func TestEnvoyAnswersAboutHosts(t *testing.T) {
	lab := func(onDemand bool) *demandLab {
		l := newDemandLab(t)
		for _, name := range []string{"plain", "v1", "v2", "one", "two"} {
			l.echo(name)
		}
		sick := service(t, "sick", "127.0.0.1:1")
		sick.Slices[0].Endpoints[0].Ready = false
		l.services[sick.Key] = sick
		l.hosts["chain"] = "/srv/sick | /srv/one"
		l.hosts["split"] = "1 * /srv/one & 1 * /srv/one & 0 * /srv/two"
		l.policies = `
env:   {when: {cookie: {name: env, exact: "1"}}, override: "/host/v1 => /srv/v2"}
ill:   {when: {cookie: {name: env, exact: "2"}}, override: "/host/plain => /srv/sick"}
lost:  {when: {cookie: {name: env, exact: "3"}}, override: "/host/plain => /srv/nowhere"}
`
		l.notOnDemand, l.withheld = !onDemand, onDemand
		l.start()
		l.envoy("hello-0", "hello")
		return l
	}
	asks, knows := lab(true), lab(false)
	tried, seen := 0, map[string]bool{}
	for way := range ways {
		for _, host := range []string{"plain", "PLAIN.", "v1:80", "chain", "split", "nobody"} {
			for _, context := range []string{"", "env", "ill", "lost", "lost,ill", "nobody,env", "ill,lost,env"} {
				var headers []string
				if context != "" {
					headers = []string{"l5d-ctx-dogfood", context}
				}
				want := knows.exchange(way, host, headers...)
				if diff := cmp.Diff(want, asks.exchange(way, host, headers...)); diff != "" {
					t.Errorf("%s %s in %q: -known +asked\n%s", way, host, context, diff)
				}
				tried++
				seen[want.Service+" "+want.Answer.Get(translate.HeaderEnvironment)+" "+want.Answer.Get(translate.HeaderFallback)] = true
			}
		}
	}
	for _, want := range []string{"plain  ", "v2 env ", "plain ill ill", "plain lost lost", "one  "} {
		if !seen[want] {
			t.Errorf("never %q: %v", want, slices.Sorted(maps.Keys(seen)))
		}
	}
	if asked := counted(t, asks.registry, "kibble_xds_asked_hosts_total"); asked < float64(tried) {
		t.Errorf("asked %v times about %d requests", asked, tried)
	}
	if got := counted(t, knows.registry, "kibble_xds_asked_hosts_total"); got != 0 {
		t.Errorf("asked %v times all the same", got)
	}
}

// A stream of gRPC to a host that the proxy does not know.
func TestEnvoyAsksAboutHostsGRPC(t *testing.T) {
	l := newDemandLab(t, "a")
	upstream := grpc.NewServer()
	healthv1.RegisterHealthServer(upstream, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- upstream.Serve(listener) }()
	defer func() {
		upstream.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	s := service(t, "health", listener.Addr().String())
	s.Ports[0].Name, s.Slices[0].Ports[0].Name = "grpc", "grpc"
	l.services[s.Key] = s
	l.hosts["health"] = "/#/io.l5d.k8s/default/grpc/health"
	l.start()
	e := l.envoy("hello-0", "hello")
	l.knows(e, "*")
	conn, err := grpc.NewClient(fmt.Sprintf("127.0.0.1:%d", l.port), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("health"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	stream, err := healthv1.NewHealthClient(conn).Watch(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stream.Recv(); err != nil || got.Status != healthv1.HealthCheckResponse_SERVING {
		t.Fatal(got, err)
	}
	until(t, "the host is known", func() bool { return slices.Contains(l.told(e), "health") })
}

// A Service goes and is back with other pods, before proxies have let go of what they
// had of it. The first request after that, which asks about its host, never gets to
// the old ones: not from a control plane that was there all the time, nor from one that
// has just started, to which the proxy is not connected yet.
func TestEnvoyAsksAboutHostsThatAreBack(t *testing.T) {
	l := newDemandLab(t, "a")
	l.drain = time.Hour
	l.start()
	l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	for i := range 40 {
		delete(l.services, translate.Key{Namespace: "default", Name: "a"})
		l.publish()
		until(t, "it is gone", func() bool { return l.call("a") == "502 Unable to route request!" })
		anew := fmt.Sprint("a", i)
		l.services[translate.Key{Namespace: "default", Name: "a"}] = service(t, "a",
			envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, anew) })))
		if i%10 == 9 {
			l.stop()
			l.start()
		} else {
			l.publish()
		}
		l.expect("a", "200 "+anew)
	}
}

// Of two control planes one is away: hosts are asked about at the other.
func TestEnvoyAsksAnotherAboutHosts(t *testing.T) {
	services := []string{"a", "b", "c", "d", "e", "f"}
	l := newDemandLab(t, services...)
	l.beside = []string{envoytest.FreeAddress(t)} // where nobody is
	l.start()
	l.envoy("hello-0", "hello")
	for _, name := range services {
		l.expect(name, "200 "+name)
	}
}

// What no table leads anywhere is refused as at any other router, and nothing is
// kept of it. Without a control plane it is not known what leads anywhere: the
// answer says so, and comes in time.
func TestEnvoyAsksAboutNobody(t *testing.T) {
	refused := func(onDemand bool) exchange {
		l := newDemandLab(t, "a")
		l.notOnDemand = !onDemand
		l.start()
		l.envoy("hello-0", "hello")
		x := l.exchange("get", "nowhere")
		if x.Status != http.StatusBadGateway {
			t.Error(x)
		}
		l.stop()
		return x
	}
	if diff := cmp.Diff(refused(false), refused(true)); diff != "" {
		t.Errorf("-all in advance +on demand\n%s", diff)
	}
	l := newDemandLab(t, "a", "b")
	l.start()
	e := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	for i := range 500 {
		l.expect(fmt.Sprintf("nobody-%d", i), "502 Unable to route request!")
	}
	l.expect("no body", "400 Unknown destination: the authority is malformed")
	l.knows(e, "*", "a")
	if got := counted(t, l.registry, "kibble_xds_asked_hosts_total"); got != 501 {
		t.Errorf("asked about %v hosts", got)
	}
	l.stop()
	began := time.Now()
	l.expect("b", "503 This proxy does not know the destination yet, and the control plane did not tell it in time.")
	l.expect("nobody", "503 This proxy does not know the destination yet, and the control plane did not tell it in time.")
	t.Logf("refused after %v", time.Since(began)/2)
	l.expect("a", "200 a")
	l.start()
	until(t, "it is told", func() bool { return l.call("b") == "200 b" })
	l.expect("nobody", "502 Unable to route request!")

	// One that is there and does not answer.
	l.serve("c")
	l.publish()
	goes := make(chan struct{})
	l.silent.Store(&goes)
	l.expect("c", "503 This proxy does not know the destination yet, and the control plane did not tell it in time.")
	l.expect("b", "200 b")
	l.silent.Store(nil)
	close(goes)
	l.expect("c", "200 c")
}
