package status

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics count what becomes of status. They are of one process.
type Metrics struct {
	writes      *prometheus.CounterVec
	leaseErrors prometheus.Counter
	leads       prometheus.Gauge
}

// NewMetrics makes them, and registers them where there is a registerer.
func NewMetrics(to prometheus.Registerer) *Metrics {
	registered := promauto.With(to)
	return &Metrics{
		writes: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_status_writes_total", Help: "Attempts to write the status of an object: written or failed.",
		}, []string{"result"}),
		leaseErrors: registered.NewCounter(prometheus.CounterOpts{
			Name: "kibble_status_lease_errors_total", Help: "Requests about the Lease for writing status that failed.",
		}),
		leads: registered.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_status_writer", Help: "Whether this replica is the one that writes status.",
		}),
	}
}
