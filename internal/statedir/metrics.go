package statedir

import (
	"time"

	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of a directory. The label file is the name of a Kind.
type metrics struct {
	writes  *prometheus.CounterVec
	ignored *prometheus.CounterVec
	time    *prometheus.GaugeVec
	bytes   *prometheus.GaugeVec
	pending *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	labels := []string{"file"}
	registered := promauto.With(r)
	return &metrics{
		writes: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_state_writes_total", Help: "Times that what was learnt was written to --state-dir, by how it went: written or failed.",
		}, append(labels, "result")),
		ignored: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_state_ignored_total", Help: "Files of an earlier run in --state-dir that could not be used.",
		}, labels),
		time: registered.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_state_current_timestamp_seconds", Help: "When the file in --state-dir was last known to be up to date.",
		}, labels),
		bytes: registered.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_state_bytes", Help: "Size of what is kept in --state-dir.",
		}, labels),
		pending: registered.NewGaugeVec(prometheus.GaugeOpts{
			Name: "kibble_state_pending", Help: "1 while --state-dir lacks something that was learnt.",
		}, labels),
	}
}

func (m *metrics) wrote(file string, err error) {
	result := "written"
	if err != nil {
		result = "failed"
	}
	m.writes.WithLabelValues(file, result).Inc()
}

func (m *metrics) kept(file string, at time.Time, bytes int) {
	m.time.WithLabelValues(file).Set(float64(at.UnixMilli()) / 1000)
	m.bytes.WithLabelValues(file).Set(float64(bytes))
}
