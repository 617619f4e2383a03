package admin

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"kibble.dev/internal/crowd/crowdtest"
)

// served answers at an address until it is stopped.
func served(t *testing.T, h http.Handler) (address string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, h) }()
	return l.Addr().String(), func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Whoever gets to the address has little held: headers beyond a bound are refused.
func TestHeadersAreBounded(t *testing.T) {
	address, stop := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for size, want := range map[int]int{16 << 10: http.StatusOK, 100 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("a", size))
		req.Close = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, resp.Status, want)
		}
	}
	stop()
}

// Connections of whoever gets to the address are bounded, and leave room for others, such
// as the probes.
func TestConnectionsAreBounded(t *testing.T) {
	address, stop := served(t, Handler(Options{}))
	crowdtest.Bounded(t, connectionsMost, func(d net.Dialer) (net.Conn, error) { return d.DialContext(t.Context(), "tcp", address) })
	stop()
}
