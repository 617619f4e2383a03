package translate

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

const testResponses = `responses:
- {path: /healthz, body: "fine, 100%REQ(x)%\n", headers: {x-note: "50%"}}
- {pathPrefix: /old, redirect: {pathPrefix: /new}}
- {pathPrefix: /old/deep/, redirect: {scheme: https, host: "other.example:8443", path: /there, status: 308, stripQuery: true}}
- {host: "*.example", pathPrefix: /old, status: 410, body: "<b>gone</b>", contentType: text/html}
- {host: WWW.example, path: /old/a, status: 204}
- {host: moved.example, redirect: {host: world, status: 301}}
- {unrouted: true, status: 418, body: "teapot\n"}
`

// What explain says of responses is what Envoy does, at hosts that the table
// knows and at others, with and without policies, however routes are looked up.
func TestEnvoyRespondsAsExplained(t *testing.T) {
	_, address1 := newApp(t, "v1")
	_, address2 := newApp(t, "v2")
	const table = "dtab: '/svc/world => /#/io.l5d.k8s/default/http/v1; /svc/www.example => /svc/world; /svc/shut => !'\n"
	policies := map[string]string{"two": "{routers: [edge], when: {cookie: {name: c, exact: two}}, override: '/svc/world => /#/io.l5d.k8s/default/http/v2'}"}
	for i := range manyVariants {
		policies[fmt.Sprint("many-", i)] = fmt.Sprintf("{routers: [edge], when: {cookie: {name: c, exact: m%d}}, override: '/svc/many => /#/io.l5d.k8s/default/http/v2'}", i)
	}
	w := newWorld(t, "one", map[string]string{
		"edge":   "proxyClass: one\nport: 1\ntrust: untrusted\n" + table + testResponses,
		"inside": "proxyClass: one\nport: 2\n" + table + testResponses,
		"method": "proxyClass: one\nport: 3\nidentifier: {kind: io.l5d.methodAndHost}\ndtab: '/svc/1.1/GET/world => /#/io.l5d.k8s/default/http/v1'\n" + testResponses,
	}, policies, map[string]string{"v1": address1, "v2": address2})
	for _, router := range []string{"edge", "inside", "method"} {
		client := newRawClient(t, w.address(t, router))
		seen := map[string]bool{}
		checkUntil(t, func() bool { return len(seen) >= 7 }, func(rt *rapid.T) {
			cookie := rapid.SampledFrom([]string{"x", "two", "m1"}).Draw(rt, "cookie")
			host := rapid.SampledFrom([]string{
				"world", "WORLD:80", "www.example", "a.example:8080", "example", "moved.example", "many", "unknown", "shut", "no..name",
			}).Draw(rt, "host")
			path := rapid.SampledFrom([]string{
				"/", "/healthz", "/healthz?a=b", "/healthz/", "/old", "/old?q=1", "/old/a", "/older", "/old/deep", "/old/deep/x?q=1",
			}).Draw(rt, "path")
			x, err := w.model.Explain(Question{Router: router, Source: netip.MustParseAddr("127.0.0.1"), Request: Request{
				Method: "GET", Host: host, Path: path, Header: map[string][]string{"cookie": {"c=" + cookie}},
			}})
			if err != nil {
				rt.Fatal(err)
			}
			resp, _ := client.send(rt, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nCookie: c=%s\r\n\r\n", path, host, cookie))
			if resp.StatusCode != x.Status {
				rt.Fatalf("explained %d (%s), Envoy says %s", x.Status, x.Reason, resp.Status)
			}
			for name := range resp.Header {
				if router == "edge" && dogfood.Carries(strings.ToLower(name)) {
					rt.Fatalf("the outside is told %s", name)
				}
			}
			seen[x.Reason] = true
		})
	}
	client := newRawClient(t, w.address(t, "edge"))
	for _, q := range []struct{ host, path, header, value, body string }{
		{"b", "/healthz", "X-Note", "50%", "fine, 100%REQ(x)%\n"},
		{"b.example", "/old/x", "Content-Type", "text/html", "<b>gone</b>"},
		{"b", "/old/x?q=1", "Location", "http://b/new/x?q=1", ""},
		{"b", "/old/deep/x?q=1", "Location", "https://other.example:8443/there", ""},
		{"moved.example", "/a?b", "Location", "http://world/a?b", ""},
		{"unknown", "/", "Content-Type", "text/plain", "teapot\n"},
	} {
		resp, body := client.send(t, "GET "+q.path+" HTTP/1.1\r\nHost: "+q.host+"\r\n\r\n")
		if resp.Header.Get(q.header) != q.value || body != q.body {
			t.Errorf("%s%s: %s is %q, want %q; body %q, want %q", q.host, q.path, q.header, resp.Header.Get(q.header), q.value, body, q.body)
		}
	}
}
