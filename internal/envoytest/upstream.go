package envoytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Upstream serves a handler on a free loopback port, HTTP/1.1 and HTTP/2
// without TLS, until the test ends. It gives the host:port.
func Upstream(t testing.TB, handler http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}
