package admin

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/dtab"
)

// A server on loopback answers to names of loopback only.
func TestLocal(t *testing.T) {
	for _, local := range []bool{true, false} {
		h := Handler(Options{
			Gatherer: prometheus.NewRegistry(), Ready: func() error { return nil },
			Findings: func() []dtab.Finding { return nil }, Proxies: func() any { return nil },
			Console: http.NotFoundHandler(), Local: local,
		})
		for host, fine := range map[string]bool{
			"127.0.0.1:9990": true, "localhost:9990": true, "LOCALHOST": true, "[::1]:9990": true, "kibble.localhost": true,
			"evil.example:9990": false, "127.0.0.1.evil.example": false, "": false,
		} {
			r := httptest.NewRequest(http.MethodGet, "/healthz", http.NoBody)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := fine || !local; (w.Code == http.StatusOK) != want {
				t.Errorf("local %t, host %q: %d", local, host, w.Code)
			}
		}
	}
}
