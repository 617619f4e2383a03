package envoytest

import "net/http"

// Transport speaks HTTP/2 without TLS, as gRPC does, or else HTTP/1.1, and nothing
// besides. Who uses it closes its idle connections.
func Transport(http2 bool) *http.Transport {
	t := &http.Transport{Protocols: &http.Protocols{}}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetUnencryptedHTTP2(http2)
	return t
}
