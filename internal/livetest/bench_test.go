package livetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
)

// BenchmarkEnvironments compares a host with one environment to the same host
// with 2,000, at the edge, which decides by a cookie, and inside, which is told.
// Two Envoys take turns within the run, so that whatever else the machine does
// is done to both. The metrics are of 2,000 relative to 1: the throughput, the
// 50th and 90th percentile of latency, and Envoy's CPU time for a request.
func BenchmarkEnvironments(b *testing.B) {
	v1 := app(b, "v1")
	v2 := pod{address: upstream(b, func(w http.ResponseWriter) { fmt.Fprintln(w, "v2") })}
	one, many := start(b, family(1, v2), map[string][]pod{"world-v1": {v1}}), start(b, family(2000, v2), map[string][]pod{"world-v1": {v1}})
	for _, at := range []struct{ name, router, header string }{
		{"edge", "front", "cookie: theme=dark; env=%s; session=0123456789abcdef"},
		{"edge-baseline", "front", "cookie: theme=dark; session=0123456789abcdef%.0s"},
		{"inside", "inside", "l5d-ctx-dogfood: preview.%s"},
	} {
		b.Run(at.name, func(b *testing.B) { compare(b, at.router, at.header, one, many) })
	}
}

// family makes n namespaces with a service world, and an environment for each.
func family(n int, p pod) string {
	var text strings.Builder
	text.WriteString(hello + `
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: preview}
spec:
  forEach: {namespaceSelector: {matchLabels: {preview: "yes"}}}
  when: {cookie: {name: env, exact: "{namespace}"}}
  override: "/host/world => /#/io.l5d.k8s/{namespace}/http/world"
`)
	host, port, _ := net.SplitHostPort(p.address)
	for i := range n {
		text.WriteString(strings.NewReplacer("NAME", fmt.Sprintf("pr-%04d", i), "PORT", port, "HOST", host).Replace(`---
apiVersion: v1
kind: Namespace
metadata: {name: NAME, labels: {preview: "yes"}}
---
apiVersion: v1
kind: Service
metadata: {name: world, namespace: NAME}
spec:
  ports:
  - {name: http, port: 80}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: world-1, namespace: NAME, labels: {kubernetes.io/service-name: world}}
addressType: IPv4
ports:
- {name: http, port: PORT}
endpoints:
- addresses: [HOST]
  conditions: {ready: true}
`))
	}
	return text.String()
}

// side is one of two that are compared.
type side struct {
	x     *live
	conn  *connection
	took  []time.Duration
	cpu   time.Duration
	rates []float64
}

func compare(b *testing.B, router, header string, one, many *live) {
	sides := []*side{{x: one}, {x: many}}
	for i, s := range sides {
		member := []string{"pr-0000", "pr-1234"}[i]
		s.conn = dial(b, s.x.ports[router], "GET / HTTP/1.1\r\nHost: world\r\n"+fmt.Sprintf(header, member)+"\r\n\r\n")
		for range 200 {
			s.conn.ask(b)
		}
	}
	const turn = 200
	for i := 0; b.Loop(); i++ {
		for _, s := range []*side{sides[i%2], sides[1-i%2]} {
			cpu, began := envoytest.CPUTime(s.x.PID()), time.Now()
			for range turn {
				at := time.Now()
				s.conn.ask(b)
				s.took = append(s.took, time.Since(at))
			}
			s.rates = append(s.rates, turn/time.Since(began).Seconds())
			s.cpu += envoytest.CPUTime(s.x.PID()) - cpu
		}
	}
	ratio := func(of func(*side) float64) float64 { return of(sides[1]) / of(sides[0]) }
	b.ReportMetric(ratio(func(s *side) float64 { return median(s.rates) }), "throughput-ratio")
	b.ReportMetric(ratio(func(s *side) float64 { return quantile(s.took, 0.5) }), "p50-ratio")
	b.ReportMetric(ratio(func(s *side) float64 { return quantile(s.took, 0.9) }), "p90-ratio")
	b.ReportMetric(ratio(func(s *side) float64 { return float64(s.cpu) }), "cpu-ratio")
	b.ReportMetric(quantile(sides[1].took, 0.5)/1e3, "p50-µs")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func quantile(took []time.Duration, q float64) float64 {
	slices.Sort(took)
	return float64(took[int(q*float64(len(took)-1))])
}

// connection sends one request again and again. All answers are of one length.
type connection struct {
	net.Conn

	in      *bufio.Reader
	request []byte
	answer  []byte
}

func dial(t testing.TB, port int, request string) *connection {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	conn := &connection{Conn: c, in: bufio.NewReader(c), request: []byte(request)}
	if _, err := conn.Write(conn.request); err != nil {
		t.Fatal(err)
	}
	size := 0
	for line := ""; line != "\r\n"; {
		if line, err = conn.in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		size += len(line)
	}
	if conn.in.Buffered() != len("v2\n") {
		t.Fatalf("the body has %d bytes", conn.in.Buffered())
	}
	size += len("v2\n")
	_, _ = conn.in.Discard(len("v2\n"))
	conn.answer = make([]byte, size)
	return conn
}

func (c *connection) ask(t testing.TB) {
	if _, err := c.Write(c.request); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c.in, c.answer); err != nil || !strings.HasPrefix(string(c.answer[:12]), "HTTP/1.1 200") {
		t.Fatalf("%v: %q", err, c.answer)
	}
}
