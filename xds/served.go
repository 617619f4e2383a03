package xds

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/translate"
)

// served tells how much is served. It looks when it is asked: a change of one
// resource among thousands does not pay for counting them.
type served struct {
	snapshot     atomic.Pointer[translate.Snapshot]
	count, bytes *prometheus.Desc
}

func newServed(r prometheus.Registerer) *served {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, []string{"type"}, nil) }
	s := &served{
		count: desc("kibble_xds_resources", "Resources that are served, over all proxy classes."),
		bytes: desc("kibble_xds_resource_bytes", "How long these are, encoded; those that differ by place count for each place."),
	}
	if r != nil {
		r.MustRegister(s)
	}
	return s
}

// Describe implements prometheus.Collector.
func (s *served) Describe(to chan<- *prometheus.Desc) { to <- s.count; to <- s.bytes }

// Collect implements prometheus.Collector.
func (s *served) Collect(to chan<- prometheus.Metric) {
	snapshot := s.snapshot.Load()
	if snapshot == nil {
		return
	}
	count, bytes := map[string]int{}, map[string]int{}
	for _, c := range snapshot.Classes {
		for typ, all := range c.Resources {
			count[short(typ)] += len(all)
			for _, r := range all {
				bytes[short(typ)] += len(r.Body.Value)
			}
		}
		for _, places := range c.Local {
			for _, r := range places {
				bytes[short(r.Body.TypeUrl)] += len(r.Body.Value)
			}
		}
	}
	for desc, of := range map[*prometheus.Desc]map[string]int{s.count: count, s.bytes: bytes} {
		for typ, n := range of {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), typ)
		}
	}
}
