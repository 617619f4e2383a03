package discovery

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// clusterMetrics count what comes from the API server.
type clusterMetrics struct {
	events, resyncs, errors *prometheus.CounterVec
	kept                    *prometheus.GaugeVec
	age, synced, objects    *prometheus.Desc
	each                    func(func(*follower))
}

func newClusterMetrics() *clusterMetrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"kind"})
	}
	gauge := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"kind"}, nil) }
	return &clusterMetrics{
		events:  counter("kibble_discovery_events_total", "Events of the watches, bookmarks included."),
		resyncs: counter("kibble_discovery_resyncs_total", "Times that all objects were read, the first included."),
		errors:  counter("kibble_discovery_errors_total", "Requests to the API server that failed."),
		kept: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_discovery_kept_objects",
			Help: "Objects that are served as they were, because they went with their CustomResourceDefinition.",
		}, []string{"kind"}),
		age: gauge("kibble_discovery_last_event_age_seconds",
			"Time since the API server was last heard of this kind. It sends a bookmark about every minute."),
		synced:  gauge("kibble_discovery_synced", "Whether all objects of the kind have been read once."),
		objects: gauge("kibble_discovery_objects", "Objects that are known."),
	}
}

func (m *clusterMetrics) register(r prometheus.Registerer, each func(func(*follower))) {
	m.each = each
	r.MustRegister(m.events, m.resyncs, m.errors, m.kept, m)
}

// keeps notes what is served though it is gone.
func (m *clusterMetrics) keeps(all []Object) {
	m.kept.Reset()
	for _, kind := range oursKinds() {
		m.kept.WithLabelValues(kind).Set(0)
	}
	for _, o := range all {
		m.kept.WithLabelValues(o.Kind).Inc()
	}
}

// Describe gives the metrics that Collect computes.
func (m *clusterMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.age
	to <- m.synced
	to <- m.objects
}

// Collect gives the worst of each kind, where it is read in several namespaces.
func (m *clusterMetrics) Collect(to chan<- prometheus.Metric) {
	now := time.Now()
	age, missing, objects := map[string]time.Duration{}, map[string]bool{}, map[string]int{}
	m.each(func(f *follower) {
		f.mu.Lock()
		defer f.mu.Unlock()
		kind := f.at.kind
		objects[kind] += f.count
		missing[kind] = missing[kind] || !f.synced
		if !f.heard.IsZero() {
			age[kind] = max(age[kind], now.Sub(f.heard))
		}
	})
	for kind, isMissing := range missing {
		synced := 1.0
		if isMissing {
			synced = 0
		}
		to <- prometheus.MustNewConstMetric(m.synced, prometheus.GaugeValue, synced, kind)
		to <- prometheus.MustNewConstMetric(m.objects, prometheus.GaugeValue, float64(objects[kind]), kind)
	}
	for kind, d := range age {
		to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, d.Seconds(), kind)
	}
}
