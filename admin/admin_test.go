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

// The console is for this machine only, unless it is open.
func TestConsoleNear(t *testing.T) {
	for _, open := range []bool{false, true} {
		h := Handler(Options{
			Gatherer: prometheus.NewRegistry(), Ready: func() error { return nil },
			Console: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }), ConsoleOpen: open,
		})
		for _, c := range []struct {
			path, peer, host string
			want             int
		}{
			{"/", "127.0.0.1:1", "localhost", 200},
			{"/", "[::1]:1", "[::1]:9990", 200},
			{"/playground", "10.0.0.1:1", "localhost", 403},
			{"/", "127.0.0.1:1", "evil.example", 421},
			{"/readyz", "10.0.0.1:1", "kibble.kibble-system", 200},
			{"/metrics", "10.0.0.1:1", "10.0.0.2:9990", 200},
		} {
			r := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
			r.RemoteAddr, r.Host = c.peer, c.host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if open {
				c.want = http.StatusOK
			}
			if w.Code != c.want {
				t.Errorf("open %t, %s from %s as %s: %d, want %d", open, c.path, c.peer, c.host, w.Code, c.want)
			}
		}
	}
}
