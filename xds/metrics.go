package xds

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// metrics of a server. Labels have few values: types of resources, not nodes.
type metrics struct {
	streams   prometheus.Gauge
	pushes    *prometheus.CounterVec
	sent      *prometheus.CounterVec
	nacks     *prometheus.CounterVec
	answers   *prometheus.HistogramVec
	inventory *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_xds_streams", Help: "Connected proxies.",
		}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_pushes_total", Help: "Responses sent to proxies, by type of resource.",
		}, []string{"type"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_resources_sent_total", Help: "Resources in those responses, removals included.",
		}, []string{"type"}),
		nacks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_xds_nacks_total", Help: "Responses that a proxy refused.",
		}, []string{"type"}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kibble_xds_ack_duration_seconds", Help: "Time from a response to the proxy's answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}, []string{"type"}),
		inventory: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_xds_resources", Help: "Resources that are served, over all proxy classes.",
		}, []string{"type"}),
	}
	if r != nil {
		r.MustRegister(m.streams, m.pushes, m.sent, m.nacks, m.answers, m.inventory)
	}
	return m
}

func short(typ string) string { return typ[strings.LastIndexByte(typ, '.')+1:] }

func (m *metrics) pushed(r *publish.Response) {
	m.pushes.WithLabelValues(short(r.Type)).Inc()
	m.sent.WithLabelValues(short(r.Type)).Add(float64(len(r.Resources) + len(r.Removed)))
}

func (m *metrics) answered(typ string, accepted bool, after time.Duration) {
	m.answers.WithLabelValues(short(typ)).Observe(after.Seconds())
	if !accepted {
		m.nacks.WithLabelValues(short(typ)).Inc()
	}
}

func (m *metrics) resources(s *translate.Snapshot) {
	count := map[string]int{}
	for _, c := range s.Classes {
		for typ, all := range c.Resources {
			count[typ] += len(all)
		}
	}
	m.inventory.Reset() // a type that is no longer there has no count
	for typ, n := range count {
		m.inventory.WithLabelValues(short(typ)).Set(float64(n))
	}
}
