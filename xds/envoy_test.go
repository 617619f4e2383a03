package xds_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// upstream answers with what the route says the cluster is.
func upstream(t *testing.T) string {
	return envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-To"))
	}))
}

// run starts an Envoy of a class that speaks to a server.
func run(t testing.TB, address, node, class, protocol string, args ...string) *envoytest.Envoy {
	t.Helper()
	b, err := bootstrap.Render(bootstrap.Options{Class: class, NodeID: node, Server: address})
	if err != nil {
		t.Fatal(err)
	}
	if protocol == "sotw" {
		b = bytes.ReplaceAll(b, []byte("DELTA_GRPC"), []byte("GRPC"))
	}
	return envoytest.Run(t, b, args...)
}

// version is the snapshot whose routes lead to the i-th cluster.
func version(t *testing.T, i int, up string) *translate.Snapshot {
	name := fmt.Sprintf("c%d", i)
	return edge(cluster(t, name, time.Second), endpoints(t, name, up), routes(t, "table", name), listener(t, "front", "table"))
}

// A real Envoy gets ready from a Publish, follows hundreds of changes of
// cluster and routes, and a restart of the server, and not one request fails.
func TestEnvoySwaps(t *testing.T) {
	for protocol, swaps := range map[string]int{"delta": 500, "sotw": 100} {
		t.Run(protocol, func(t *testing.T) { swap(t, protocol, swaps) })
	}
}

func swap(t *testing.T, protocol string, swaps int) {
	up := upstream(t)
	options := xds.Options{Drain: 100 * time.Millisecond}
	s, address, replace := serveReplaceable(t, options)
	envoy := run(t, address, "edge-0", "edge", protocol)
	until(t, "Envoy has joined", func() bool { return len(s.Proxies()) == 1 })
	s.Publish(version(t, 0, up))
	envoy.WaitReady(t)

	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()
	began := time.Now()
	for i := 1; i <= swaps; i++ {
		s.Publish(version(t, i, up))
		until(t, fmt.Sprintf("swap %d is done", i), func() bool { return load.last() == fmt.Sprintf("c%d", i) })
	}
	for i := range 50 { // faster than an Envoy can follow
		s.Publish(version(t, swaps+i, up))
	}
	took := time.Since(began)
	until(t, "old clusters are gone", func() bool { return settled(s) })

	registry := prometheus.NewRegistry()
	options.Registerer = registry
	s = replace(options)
	s.Publish(version(t, swaps+49, up))
	until(t, "Envoy has come back", func() bool { return settled(s) })
	if n := counted(t, registry, "kibble_xds_resources_sent_total"); n != 0 && protocol == "delta" {
		t.Errorf("after a restart %v resources were sent again", n)
	}
	s.Publish(version(t, 1000, up))
	until(t, "the new server's change is there", func() bool { return load.last() == "c1000" })

	load.end()
	t.Logf("%d requests; %d changes in %v", load.count.Load(), swaps+50, took)
	if err := load.failed(); err != nil || load.count.Load() < int64(swaps) {
		t.Errorf("%d requests, the first failure: %v", load.count.Load(), err)
	}
}

// settled says that the proxy has all that it is to have, and no more.
func settled(s *xds.Server) bool {
	for _, typ := range []string{cds, eds, lds, rds} {
		if st := statusOf(s, typ); st.Acked != 1 || st.Behind+st.Retiring+st.Sent > 0 {
			return false
		}
	}
	return s.Proxies()[0].InSync
}

// counted gives the sum of a metric over its labels.
func counted(t *testing.T, g prometheus.Gatherer, name string) (sum float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// Two Envoys of two classes get each their own.
func TestEnvoyClasses(t *testing.T) {
	up := upstream(t)
	s, address := serve(t, xds.Options{})
	of := map[string]*envoytest.Envoy{
		"edge": run(t, address, "edge-0", "edge", "delta"), "sidecar": run(t, address, "hello-0", "sidecar", "sotw"),
	}
	snapshot := edge()
	for class := range of {
		name := class + "-cluster"
		snapshot.Classes[class] = classOf(cluster(t, name, time.Second), endpoints(t, name, up),
			routes(t, "table", name), listener(t, "front", "table"))
	}
	s.Publish(snapshot)
	for class, envoy := range of {
		envoy.WaitReady(t)
		target := "http://" + envoy.Listener(t, "front")
		until(t, class+" answers", func() bool { return ask(target) == class+"-cluster" })
	}
	for _, p := range s.Proxies() {
		until(t, p.Node+" is in sync", func() bool { return inSync(s, p.Node) })
	}
}

func inSync(s *xds.Server, node string) bool {
	for _, p := range s.Proxies() {
		if p.Node == node {
			return p.InSync
		}
	}
	return false
}

// ask gives the body of an answer, or what went wrong.
func ask(url string) string {
	client := http.Client{Timeout: 30 * time.Second} // where nobody accepts there is no answer
	resp, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
