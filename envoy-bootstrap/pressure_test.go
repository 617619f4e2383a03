package bootstrap_test

import (
	"net/http"
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
)

// An Envoy whose memory is used up before it has its configuration answers those who
// watch it as any other does, then and once there is memory again.
func TestWatchedUnderPressureFromTheStart(t *testing.T) {
	server, heap, status := serve(t), envoytest.NewHeap(t, "1"), envoytest.FreeAddress(t)
	b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: server.address, StatusAddress: status, MaxHeapBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Run(t, []byte(heap.Of(string(b))))
	pressure := func(percent string) {
		t.Helper()
		waittest.Until(t, "it refuses so many connections in a hundred: "+percent, func() bool {
			return strings.Contains(e.Get(t, "/stats?filter=overload"), "tcp_listener_accept.scale_percent: "+percent+"\n")
		})
	}
	pressure("100")
	close(server.answer)
	e.WaitReady(t)
	for _, used := range []struct{ share, percent string }{{"1", "100"}, {"0.5", "0"}} {
		heap.Use(used.share)
		pressure(used.percent)
		// Its admin page is elsewhere here than the bootstrap says: any answer will do.
		if answered(t.Context(), http.MethodGet, "http://"+status+"/ready") == 0 {
			t.Errorf("with %s of the memory used, who watches is refused", used.share)
		}
	}
}
