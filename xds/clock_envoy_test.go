package xds_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/xds"
)

// A clock that jumps by hours, while routes and clusters are swapped, fails no
// request, makes no answer late, and holds nothing up.
func TestEnvoyClockJumps(t *testing.T) {
	up := upstream(t)
	registry := prometheus.NewRegistry()
	var ahead atomic.Int64
	s, address := serve(t, xds.Options{Registerer: registry, Drain: 200 * time.Millisecond, Now: func() time.Time {
		return time.Now().Round(0).Add(time.Duration(ahead.Load())) // without what a jump cannot touch
	}})
	s.Publish(version(t, 1, up))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	l := start("http://" + envoy.Listener(t, "front"))
	defer l.end()
	jumps := []time.Duration{5 * time.Hour, -9 * time.Hour, 30 * time.Second, -time.Second, 48 * time.Hour}
	for i := range 30 {
		ahead.Add(int64(jumps[i%len(jumps)]))
		s.Publish(version(t, i+2, up))
		ahead.Add(int64(jumps[(i+3)%len(jumps)]))
		want := fmt.Sprintf("c%d", i+2)
		until(t, want+" answers", func() bool { return l.last() == want })
	}
	until(t, "what is old has gone", func() bool {
		return inSync(s, "edge-0") && len(statusOf(s, cds).Refused) == 0 && statusOf(s, cds).Retiring == 0
	})
	l.end()
	if err := l.failed(); err != nil {
		t.Error(err)
	}
	if n := counted(t, registry, "kibble_xds_overdue_total"); n != 0 {
		t.Errorf("%v answers were late", n)
	}
}
