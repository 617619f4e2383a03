package translate

import (
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"

	"kibble.dev/internal/envoytest"
)

// An application that passes on what OpenTelemetry passes on, and knows nothing
// of Kibble: the decision gets through it, twice, and into the right service.
func TestOpenTelemetryCarriesTheDecision(t *testing.T) {
	v1, address1 := newApp(t, "v1")
	v2, address2 := newApp(t, "v2")
	var inside string
	hello := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next := "world"
		if r.Host == "hello" {
			next = "hello-again"
		}
		ctx := propagation.Baggage{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+inside+"/", http.NoBody)
		if err != nil {
			t.Error(err)
			return
		}
		req.Host = next
		propagation.Baggage{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		w.Header().Set("X-App", resp.Header.Get("X-App"))
	}))
	const rest = ", dtab: '/svc => /#/io.l5d.k8s/default/http; /svc/world => /svc/v1; /svc/hello-again => /svc/hello'}"
	w := newWorld(t, "edge", map[string]string{
		"front":  "{proxyClass: edge, port: 1, carriers: [baggage]" + rest,
		"inside": "{proxyClass: edge, port: 2, trust: internal, carriers: [baggage]" + rest,
	}, map[string]string{
		"world-v2": "{when: {cookie: {name: c, contains: two}}, override: '/svc/world => /svc/v2'}",
		"other.1":  "{when: {cookie: {name: c, contains: other}}, override: '/svc/none => /svc/v2'}",
	}, map[string]string{"v1": address1, "v2": address2, "hello": hello})
	inside = w.address(t, "inside")
	for _, test := range []struct {
		lines string
		app   app
	}{
		{"", v1}, {"Cookie: c=two\r\n", v2}, {"Cookie: c=other\r\n", v1}, {"Cookie: c=two other\r\nbaggage: user=J%C3%B6rg%2C+1;p=1,dogfood=x\r\n", v2},
	} {
		resp, _ := newRawClient(t, w.address(t, "front")).send(t, "GET / HTTP/1.1\r\nHost: hello\r\n"+test.lines+"\r\n")
		if got := resp.Header.Get("X-App"); got != test.app.name {
			t.Errorf("%q: %s by %q, want %s", test.lines, resp.Status, got, test.app.name)
			continue
		}
		got := test.app.last(t).Header
		if len(got.Values("L5d-Ctx-Dogfood")) > 0 || strings.Contains(test.lines, "user=") != strings.Contains(got.Get("Baggage"), "user=") {
			t.Errorf("%q: the last application got %q", test.lines, got)
		}
	}
}
