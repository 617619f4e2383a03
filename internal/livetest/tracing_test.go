package livetest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// tracing is hello with fields of tracing at its routers, which log all requests.
func tracing(front, inside string) string {
	with := strings.Replace(hello, "trust: untrusted, ", "trust: untrusted, accessLog: all, "+front, 1)
	return strings.Replace(with, "trust: internal, ", "trust: internal, accessLog: all, "+inside, 1)
}

// share is the field that has some percent of the requests traced.
func share(percent string) string {
	return fmt.Sprintf("tracing: {collector: {service: collector, port: http}, percent: %q}, ", percent)
}

// startTracing is start with an Envoy that tells each span at once.
func startTracing(t testing.TB, routers string, services map[string][]pod) *live {
	t.Helper()
	atOnce := func(boot string) string {
		const beside = "      re2.max_program_size.error_level"
		if !strings.Contains(boot, beside) {
			t.Fatal("the bootstrap has no runtime")
		}
		return strings.Replace(boot, beside, "      tracing.opentelemetry.min_flush_spans: 1\n"+beside, 1)
	}
	return startEdited(t, routers, services, bootstrap.Options{}, atOnce, func(s *translate.Snapshot) *translate.Snapshot { return s })
}

// stat gives a number of Envoy's; 0 where there is none.
func (x *live) stat(t testing.TB, name string) int {
	t.Helper()
	_, text, _ := strings.Cut("\n"+x.Get(t, "/stats"), "\n"+name+": ")
	text, _, _ = strings.Cut(text, "\n")
	n, _ := strconv.Atoi(text)
	return n
}

const told = "tracing.opentelemetry.spans_sent"

// One request is one trace, from the edge to the last sidecar, also by way of an
// application that passes traceparent on. Its spans say what the access log says.
func TestOneTrace(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop,k8s.pod.name=shop-1")
	c, at := newCollector(t)
	port := envoytest.FreePorts(t, 1)[0]
	var x *live
	hello := upstreamOf(t, func(r *http.Request) string {
		id := r.Header.Get("x-request-id")
		a, err := x.try("inside", "world", "x-request-id: "+id, "traceparent: "+r.Header.Get("traceparent"), "l5d-ctx-dogfood: "+r.Header.Get("l5d-ctx-dogfood"))
		if err != nil || a.body != "v1" {
			return fmt.Sprint(a, err)
		}
		return id
	})
	in := fmt.Sprintf("apiVersion: kibble.dev/v1alpha1\nkind: Router\nmetadata: {name: in}\n"+
		"spec: {proxyClass: edge, port: %d, bind: loopback, trust: internal, accessLog: all, %s dtab: '/svc => /#/io.l5d.k8s/default/http/hello-app'}\n---", port, share("0"))
	x = startTracing(t, in+tracing(share("100"), share("0"))+policy("world-v2", "baseline", "/host/world => /srv/none"),
		map[string][]pod{
			"world-v1": {app(t, "v1")}, "collector": {at}, "hello-app": {{address: hello}},
			"hello": {{address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}},
		})
	x.Listener(t, "default/in")
	for _, test := range []struct{ cookie, environment, source string }{
		{"env=none", "", "dtab default/world (live.yaml:21:5)"},
		{"env=world-v2", "world-v2", "policy world-v2 (live.yaml:29:18)"},
	} {
		a := x.ask(t, "front", "hello", "cookie: "+test.cookie)
		var spans []span
		until(t, "three spans of request "+a.body, func() bool {
			spans = c.of(a.body)
			return len(spans) == 3
		})
		front, in, inside := spans[0], spans[1], spans[2]
		if front.trace != in.trace || in.trace != inside.trace || front.parent != "" || in.parent != front.id || inside.parent != in.id {
			t.Errorf("this is not one trace: %v", spans)
		}
		if front.kind != "SERVER" || in.kind != "CLIENT" || inside.kind != "CLIENT" {
			t.Errorf("the kinds are %s, %s, %s", front.kind, in.kind, inside.kind)
		}
		for name, want := range map[string]string{
			"dogfood.env": test.environment, "dogfood.policies": test.environment, "dogfood.fallback": test.environment,
			"kibble.router": "default/inside", "kibble.source": test.source, "resource.service.name": "shop", "resource.k8s.pod.name": "shop-1",
			"upstream_cluster": "/#/io.l5d.k8s/default/http/world-v1",
		} {
			if got := inside.is(name); got != want {
				t.Errorf("%s: %s is %q, want %q", test.cookie, name, got, want)
			}
		}
		if got := front.is("dogfood.env"); got != test.environment {
			t.Errorf("at the edge the environment is %q, want %q", got, test.environment)
		}
		x.agrees(t, spans)
	}
}

// agrees compares spans with the access log.
func (x *live) agrees(t testing.TB, spans []span) {
	t.Helper()
	for _, s := range spans {
		var line map[string]any
		until(t, "the request is logged", func() bool {
			for text := range strings.Lines(x.Log()) {
				line = nil
				if json.Unmarshal([]byte(text), &line) == nil && line["router"] == s.is("kibble.router") && line["request_id"] == s.is("guid:x-request-id") {
					return true
				}
			}
			return false
		})
		for field, attribute := range map[string]string{
			"dogfood": "dogfood.env", "env": "dogfood.policies", "fallback": "dogfood.fallback", "source": "kibble.source",
			"override": "kibble.override", "route": "kibble.route", "member": "kibble.member",
		} {
			logged, _ := line[field].(string)
			if got := s.is(attribute); got != logged {
				t.Errorf("%s is %q in the span and %q in the log", attribute, got, logged)
			}
		}
	}
}

// forged is what somebody outside may say of traces.
var forged = []string{
	"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate: forged=1",
	"b3: 0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", "X-B3-TraceId: 0af7651916cd43dd8448eb211c80319c", "x-b3-sampled: 1", "x-b3-flags: 1",
	"uber-trace-id: 0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1", "x-client-trace-id: forged", "x-envoy-force-trace: forged",
	"x-request-id: a0af7651-16cd-93dd-8448-eb211c80319c", "x-envoy-decorator-operation: forged", "x-envoy-downstream-service-cluster: forged",
	"l5d-ctx-dogfood: forged", "l5d-ctx-dtab: /host/forged => /srv", "x-kibble-baseline: forged",
}

// Nobody outside has a request traced, or says anything of its trace, whether it is the
// edge that traces or only somebody behind it. Inside, callers decide.
func TestTracesFromOutside(t *testing.T) {
	for name, test := range map[string]struct{ front, inside string }{
		"both": {share("0"), share("100")}, "behind the edge": {"", share("0")}, "all": {share("100"), share("0")},
	} {
		t.Run(name, func(t *testing.T) {
			c, at := newCollector(t)
			var x *live
			var got http.Header
			hello := upstreamOf(t, func(r *http.Request) string {
				got = r.Header.Clone()
				headers := []string{"x: y"}
				for name := range r.Header {
					if name != "Connection" && name != "Accept-Encoding" {
						headers = append(headers, name+": "+r.Header.Get(name))
					}
				}
				a, err := x.try("inside", "world", headers...)
				return fmt.Sprint(a, err)
			})
			x = startTracing(t, tracing(test.front, test.inside), map[string][]pod{"world-v1": {app(t, "v1")}, "collector": {at}, "hello": {{address: hello}}})
			if a := x.ask(t, "front", "hello", forged...); !strings.HasPrefix(a.body, "200 v1") {
				t.Fatal(a)
			}
			x.redirected(t, forged)
			for _, header := range forged {
				name, value, _ := strings.Cut(header, ": ")
				if slices.Contains(got.Values(name), value) {
					t.Errorf("the application gets %s", header)
				}
			}
			x.ask(t, "inside", "world", "traceparent: 00-11111111111111111111111111111111-2222222222222222-01", "user-agent: ours")
			var spans []span
			until(t, "the last span", func() bool {
				spans = c.all()
				return len(spans) > 0 && slices.ContainsFunc(spans, func(s span) bool { return s.is("user_agent") == "ours" })
			})
			var routers []string
			for _, s := range spans {
				routers = append(routers, s.is("kibble.router"))
				if s.trace == "0af7651916cd43dd8448eb211c80319c" || s.parent == "b7ad6b7169203331" {
					t.Errorf("somebody outside goes on with a trace: %v", s)
				}
				for name, value := range s.attributes {
					if strings.Contains(value, "forged") || strings.Contains(value, "0af7") {
						t.Errorf("somebody outside writes %s: %q", name, value)
					}
				}
			}
			slices.Sort(routers)
			want := map[string][]string{"both": {"default/inside"}, "behind the edge": {"default/inside"}, "all": {"default/front", "default/inside", "default/inside"}}[name]
			if diff := cmp.Diff(want, routers); diff != "" {
				t.Errorf("spans of routers (-want +got):\n%s", diff)
			}
		})
	}
}

// redirected sends a request that the edge does not let in, for its path.
func (x *live) redirected(t testing.TB, headers []string) {
	t.Helper()
	c, err := net.Dial("tcp", x.address("front"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /a%%2fb HTTP/1.1\r\nHost: hello\r\n%s\r\n\r\n", strings.Join(headers, "\r\n"))
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _ = resp.Body.Close(); resp.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("the path is answered %s", resp.Status)
	}
}

// A share of the requests of which nobody has decided is traced; a caller inside
// decides of his.
func TestTracedShare(t *testing.T) {
	c, at := newCollector(t)
	x := startTracing(t, tracing(share("25"), share("100")), map[string][]pod{"world-v1": {app(t, "v1")}, "collector": {at}})
	const n = 2000
	for range n {
		x.ask(t, "front", "world")
	}
	until(t, "all are done", func() bool { return x.stat(t, "http.default/front.downstream_rq_completed") == n })
	// 25 % are 500, by more than ten standard deviations.
	if got := x.stat(t, told); got < 300 || got > 700 {
		t.Errorf("%d of %d are traced", got, n)
	}
	caller := "traceparent: 00-11111111111111111111111111111111-2222222222222222-"
	x.ask(t, "inside", "world", caller+"00", "x-request-id: a")
	x.ask(t, "inside", "world", "x-request-id: b")
	until(t, "a request inside is traced", func() bool { return len(c.of("b")) == 1 })
	if len(c.of("a")) > 0 {
		t.Error("a request is traced that its caller does not want to be")
	}
}

// A collector that is not there, refuses connections or takes no answers costs no
// request, and one that comes is told, without another listener.
func TestCollectorAway(t *testing.T) {
	silent := envoytest.Listen(t)
	defer silent.Close()
	for name, pods := range map[string][]pod{"no Service": nil, "nobody": {}, "refuses": {refusing(t)}, "is silent": {{address: silent.Addr().String()}}} {
		t.Run(name, func(t *testing.T) {
			services := map[string][]pod{"world-v1": {app(t, "v1")}}
			if pods != nil {
				services["collector"] = pods
			}
			x := startTracing(t, tracing(share("100"), ""), services)
			const n = 500
			for range n {
				if a := x.ask(t, "front", "world"); a.status != http.StatusOK {
					t.Fatal(a)
				}
			}
			until(t, "all are told of", func() bool { return x.stat(t, told) == n })
			before := x.stat(t, "listener_manager.listener_modified")
			c, at := newCollector(t)
			x.set(t, "collector", []pod{at})
			until(t, "the new collector is told", func() bool {
				x.ask(t, "front", "world")
				return len(c.all()) > 0
			})
			if after := x.stat(t, "listener_manager.listener_modified"); after != before {
				t.Error("the listener is another one")
			}
		})
	}
}

// Tracing comes, moves to another collector and goes while requests are under way.
func TestTracingComesAndGoes(t *testing.T) {
	first, at := newCollector(t)
	second, other := newCollector(t)
	arrived, goOn := make(chan struct{}, 8), make(chan struct{})
	slow := pod{address: upstream(t, func(w http.ResponseWriter) {
		arrived <- struct{}{}
		<-goOn
		fmt.Fprintln(w, "slow")
	})}
	x := startTracing(t, tracing("", ""), map[string][]pod{"world-v1": {app(t, "v1")}, "slow": {slow}, "collector": {at}, "other": {other}})
	answers := make(chan answer, 8)
	var asking sync.WaitGroup
	begin := func() {
		asking.Go(func() {
			a, err := x.try("front", "slow")
			if err != nil {
				t.Error(err)
			}
			answers <- a
		})
		<-arrived
	}
	edit := func(from, to string) {
		begin()
		x.routers = strings.Replace(x.routers, from, to, 1)
		x.publish(t)
	}
	traced := func(c *collector) {
		until(t, "a request is traced", func() bool {
			n := len(c.all())
			x.ask(t, "front", "world")
			return n > 0
		})
	}
	edit("accessLog: all, ", "accessLog: all, "+share("100"))
	traced(first)
	edit("service: collector", "service: other")
	traced(second)
	edit(strings.Replace(share("100"), "collector, ", "other, ", 1), "")
	until(t, "the collector's cluster goes", func() bool { return !strings.Contains(x.Get(t, "/clusters"), "as collector::") })
	close(goOn)
	asking.Wait()
	close(answers)
	for a := range answers {
		if a.body != "slow" {
			t.Error(a)
		}
	}
}
