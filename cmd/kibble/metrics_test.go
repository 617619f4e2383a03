package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/golden"
	"kibble.dev/internal/pki"
)

// recorder is a registry that remembers what was registered.
type recorder struct {
	*prometheus.Registry
	all []prometheus.Collector
}

// Register registers and remembers.
func (r *recorder) Register(c prometheus.Collector) error {
	r.all = append(r.all, c)
	return r.Registry.Register(c)
}

// MustRegister registers and remembers.
func (r *recorder) MustRegister(all ...prometheus.Collector) {
	r.all = append(r.all, all...)
	r.Registry.MustRegister(all...)
}

// documented is one of the metrics that kibble serve has.
type documented struct{ name, kind, labels, help string }

const metricsHead = `# The metrics of kibble serve

They are at ` + "`/metrics`" + ` of the admin address (` + "`--admin-address`" + `). This page is made from the program by ` + "`make generate`" + `. What the Envoys count stands in [Metrics of the proxies](proxy-metrics.md); what to watch and to be woken for, in [Watching](../operations/watching.md).

The label ` + "`type`" + ` is a kind of Envoy's resources: Cluster, ClusterLoadAssignment, Listener, RouteConfiguration, VirtualHost, TypedExtensionConfig, Secret. The label ` + "`kind`" + ` is a kind of Kubernetes.

| Metric | Type | Labels | What it says |
|---|---|---|---|
`

const metricsTail = `
A histogram has three names in Prometheus: that of the table and ` + "`_bucket`, `_sum` or `_count`" + `. Beside these there are the metrics of every program in Go: ` + "`go_*` and `process_*`" + `.
`

// TestMetricsPage: docs/reference/metrics.md has every metric that kibble serve
// registers where it serves a cluster.
func TestMetricsPage(t *testing.T) {
	kubeconfig := filepath.Join(t.TempDir(), "config")
	nowhere := `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}],
		clusters: [{name: a, cluster: {server: "http://127.0.0.1:1"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(strings.ReplaceAll(nowhere, "\t", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &recorder{Registry: prometheus.NewRegistry()}
	s := &serving{xdsAddress: "127.0.0.1:0", adminAddress: "127.0.0.1:0", log: slog.New(slog.DiscardHandler), registry: r}
	certs := pki.Kept{Dir: t.TempDir(), ServerNames: []string{"kibble.test"}, Life: time.Hour, CALife: time.Hour}
	if _, err := certs.Renew(time.Now()); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string { return filepath.Join(certs.Dir, "server", name) }
	s.cluster.kubeconfig, s.security = kubeconfig, security{cert: file("tls.crt"), key: file("tls.key"), clientCA: file("ca.crt")}
	s.stateDir, s.validate, s.reporter.lease = t.TempDir(), "envoy", "kibble/status"
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is registered is registered before anything is served
	_ = s.run(ctx)

	var all []documented
	for _, c := range r.all {
		all = append(all, describe(t, c)...)
	}
	slices.SortFunc(all, func(a, b documented) int { return strings.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString(metricsHead)
	for _, m := range all {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, m.labels, escaped(m.help))
	}
	b.WriteString(metricsTail)
	for _, want := range []string{"kibble_xds_streams", "kibble_discovery_objects", "kibble_status_writer", "kibble_tls_certificate_unused"} {
		if !strings.Contains(b.String(), "`"+want+"`") {
			t.Fatalf("%s was not registered", want)
		}
	}
	golden.Check(t, filepath.Join(reference, "metrics.md"), b.String())
}

// describe gives the metrics of a collector, but for those of the Go runtime.
func describe(t *testing.T, c prometheus.Collector) []documented {
	t.Helper()
	descs := make(chan *prometheus.Desc, 1000)
	c.Describe(descs)
	close(descs)
	form := regexp.MustCompile(`^Desc\{fqName: "([^"]*)", help: "([^"]*)".*, constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)
	var all []documented
	for d := range descs {
		m := form.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("what is this metric: %s", d)
		}
		if strings.HasPrefix(m[1], "go_") || strings.HasPrefix(m[1], "process_") {
			continue
		}
		labels := "-"
		if m[3] != "" {
			labels = "`" + strings.ReplaceAll(m[3], ",", "`, `") + "`"
		}
		all = append(all, documented{name: m[1], kind: kindOf(c, m[1]), labels: labels, help: m[2]})
	}
	return all
}

// kindOf gives the type of a metric. One that is computed when it is asked for
// is known by its name: a counter ends in _total.
func kindOf(c prometheus.Collector, name string) string {
	switch c.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	case *prometheus.CounterVec:
		return "counter"
	}
	if strings.HasSuffix(name, "_total") {
		return "counter"
	}
	return "gauge"
}
