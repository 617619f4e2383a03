package dogfood

import (
	"net/http"
	"net/netip"
	"strings"
)

// Request is what conditions look at, as it arrives at the edge.
type Request struct {
	Method string
	// Host as the client sent it, port included.
	Host string
	// Path with query, after the edge has normalised it.
	Path string
	// Header has canonical keys, as net/http makes them; a value for each line.
	Header http.Header
	// Source is the client's address after the router's trusted-hops rule.
	Source netip.Addr
}

// header gives the value that Envoy compares: lines are joined by a comma.
func (r Request) header(name string) (string, bool) {
	switch name {
	case ":authority":
		return withoutTrailingDot(r.Host), true
	case ":method":
		return r.Method, true
	case ":path":
		return r.Path, true
	}
	lines := r.Header.Values(name)
	return strings.Join(lines, ","), len(lines) > 0
}

func (r Request) cookie(name string) (string, bool) {
	return cookieValue(r.Header.Values("Cookie"), name)
}

// withoutTrailingDot is Envoy's strip_trailing_host_dot: "a." is "a", "a.:80" is "a:80".
func withoutTrailingDot(host string) string {
	dot := strings.LastIndexByte(host, '.')
	switch {
	case dot < 0:
		return host
	case dot == len(host)-1:
		return host[:dot]
	case host[dot+1] == ':':
		return host[:dot] + host[dot+1:]
	}
	return host
}
