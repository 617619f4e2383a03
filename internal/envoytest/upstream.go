package envoytest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Upstream serves a handler on a free port of 127.0.0.1, HTTP/1.1 and HTTP/2
// without TLS, until the test ends. It gives the host:port.
func Upstream(t testing.TB, handler http.Handler) string {
	t.Helper()
	return UpstreamAt(t, "127.0.0.1:0", handler)
}

// UpstreamAt does so at an address of the machine, such as [::1]:0.
func UpstreamAt(t testing.TB, address string, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Listener.Close()
	s.Listener = l
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
