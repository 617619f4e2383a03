package translate

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// What explain says of carriers is what Envoy does: whichever brought the
// decision, the request goes where it should, and leaves with what it should.
func TestEnvoyCarriesAsExplained(t *testing.T) {
	v1, address1 := newApp(t, "v1")
	v2, address2 := newApp(t, "v2")
	apps := map[string]app{address1: v1, address2: v2}
	const rest = ", dtab: '/svc => /#/io.l5d.k8s/default/http; /svc/world => /svc/v1'}"
	routers := map[string]string{
		"plain":   "{proxyClass: one, port: 1" + rest,
		"baggage": "{proxyClass: one, port: 2, carriers: [baggage]" + rest,
		"both":    "{proxyClass: one, port: 3, carriers: [l5d-ctx, baggage]" + rest,
		"edge":    "{proxyClass: one, port: 4, trust: untrusted, carriers: [baggage]" + rest,
	}
	const override = ", override: '/svc/world => /svc/v2'}"
	w := newWorld(t, "one", routers, map[string]string{
		"world-v2": "{routers: [edge], when: {cookie: {name: c, contains: two}}" + override,
		"a":        "{routers: [edge], when: {cookie: {name: c, contains: a}}, override: '/svc/none => /svc/v2'}",
	}, map[string]string{"v1": address1, "v2": address2})
	for name := range routers {
		client := newRawClient(t, w.address(t, name))
		seen := map[string]bool{}
		checkUntil(t, func() bool { return seen["v1"] && seen["v2"] }, func(rt *rapid.T) {
			c := dogfood.Carried{Header: genContextLines().Draw(rt, "header"), Baggage: genBaggage().Draw(rt, "baggage")}
			cookie := rapid.SampledFrom([]string{"x", "two", "a", "two,a"}).Draw(rt, "cookie")
			resp, _ := client.send(rt, "GET / HTTP/1.1\r\nHost: world\r\nCookie: c="+cookie+"\r\n"+carrierLines(c)+"\r\n")
			x, err := w.model.Explain(Question{Router: name, Source: netip.MustParseAddr("127.0.0.1"), Request: Request{
				Method: "GET", Host: "world", Path: "/",
				Header: map[string][]string{"cookie": {"c=" + cookie}, headerDogfood: c.Header, dogfood.BaggageHeader: c.Baggage},
			}})
			if err != nil || x.Status != 200 || resp.StatusCode != 200 {
				rt.Fatalf("%v, explained %+v, Envoy says %s", err, x, resp.Status)
			}
			says := apps[x.Destinations[0].Endpoints[0]]
			if resp.Header.Get("X-App") != says.name {
				rt.Fatalf("Envoy goes to %s, explain says %s", resp.Header.Get("X-App"), says.name)
			}
			seen[says.name] = true
			got := says.last(t).Header
			if len(x.Context) == 0 {
				if lines := dogfood.Baggage(got.Values("Baggage")).Context(); len(lines) > 0 {
					rt.Fatalf("the application reads %q", lines)
				}
				return
			}
			left := map[string][]string{headerDogfood: got.Values(headerDogfood), dogfood.BaggageHeader: got.Values("Baggage")}
			for key, lines := range left {
				if len(lines) == 0 {
					delete(left, key)
				}
			}
			if diff := cmp.Diff(x.PassedOn, left, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("-explain +Envoy:\n%s", diff)
			}
		})
	}
}

// The access log says which environments were active, whatever they travel in.
func TestLogSaysContext(t *testing.T) {
	_, address := newApp(t, "v1")
	for _, carriers := range []string{"[l5d-ctx]", "[baggage]", "[l5d-ctx, baggage]"} {
		w := newWorld(t, "one", map[string]string{
			"r": "{proxyClass: one, port: 1, accessLog: all, carriers: " + carriers + ", dtab: '/svc/world => /#/io.l5d.k8s/default/http/v1'}",
		}, nil, map[string]string{"v1": address})
		for _, lines := range []string{"l5d-ctx-dogfood: a,b\r\n", "baggage: dogfood=a_b\r\n"} {
			newRawClient(t, w.address(t, "r")).send(t, "GET / HTTP/1.1\r\nHost: world\r\n"+lines+"\r\n")
		}
		w.Stop() // it writes what it still has
		if n := strings.Count(w.Log(), `"dogfood":"a,b"`); n != 2 {
			t.Errorf("%s: %d lines say it, want 2", carriers, n)
		}
	}
}
