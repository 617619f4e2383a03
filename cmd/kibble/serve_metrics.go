package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"kibble.dev/translate"
)

// built counts what becomes of the facts that were read.
type built struct {
	took         prometheus.Histogram
	last         prometheus.Gauge
	environments prometheus.Gauge
}

func newBuilt(r prometheus.Registerer) built {
	registered := promauto.With(r)
	return built{
		took: registered.NewHistogram(prometheus.HistogramOpts{
			Name: "kibble_config_build_duration_seconds", Help: "Time from facts that have changed to what proxies are to be told of it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		last: registered.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_config_last_success_timestamp_seconds", Help: "When the configuration was last made anew.",
		}),
		environments: registered.NewGauge(prometheus.GaugeOpts{
			Name: "kibble_environments", Help: "Environments that are served: policies, and of a family one for each namespace.",
		}),
	}
}

func (b built) done(m *translate.Model, took time.Duration) {
	b.took.Observe(took.Seconds())
	b.last.SetToCurrentTime()
	b.environments.Set(float64(len(m.Policies())))
}
