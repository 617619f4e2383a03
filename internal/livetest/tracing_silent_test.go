package livetest

import (
	"context"
	"net/http"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
)

// A collector takes calls and answers none, under load. No request fails, no more calls
// wait than are allowed, and those for which there is no room are counted.
func TestCollectorNeverAnswers(t *testing.T) {
	const n, clients, allowed = 150, 8, 64
	at := serveCollector(t, func(call context.Context, _ *collectorv1.ExportTraceServiceRequest) error {
		<-call.Done()
		return call.Err()
	})
	x := startTracing(t, tracing(share("100"), ""), map[string][]pod{"world-v1": {app(t, "v1")}, "collector": {at}})
	var asking sync.WaitGroup
	for range clients {
		asking.Go(func() {
			for range n {
				if a, err := x.try("front", "world"); err != nil || a.status != http.StatusOK {
					t.Error(a, err)
					return
				}
			}
		})
	}
	asking.Wait()
	counted := func(name string) int {
		return x.stat(t, "cluster./#/io_l5d_k8s/default/http/collector as collector."+name)
	}
	until(t, "each span is sent or lost", func() bool {
		return counted("upstream_rq_total")+counted("upstream_rq_active_overflow")+counted("upstream_rq_pending_overflow") == n*clients
	})
	if waiting, lost := counted("upstream_rq_active"), counted("upstream_rq_active_overflow"); waiting > allowed || lost == 0 {
		t.Errorf("%d calls wait, of %d allowed, and %d found no room", waiting, allowed, lost)
	}
}
