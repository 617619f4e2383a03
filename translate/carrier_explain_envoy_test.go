package translate

import (
	"fmt"
	"net/netip"
	"slices"
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

// Where no router writes baggage, what stands in it is somebody else's: it counts
// for nothing, and is passed on as it is.
func TestBaggageOfOthers(t *testing.T) {
	v1, address1 := newApp(t, "v1")
	v2, address2 := newApp(t, "v2")
	apps := map[string]app{"v1": v1, "v2": v2}
	w := newWorld(t, "one", map[string]string{
		"r": "{proxyClass: one, port: 1, dtab: '/svc => /#/io.l5d.k8s/default/http; /svc/world => /svc/v1'}",
	}, map[string]string{"world-v2": "{routers: [r], when: {cookie: {name: c, contains: two}}, override: '/svc/world => /svc/v2'}"},
		map[string]string{"v1": address1, "v2": address2})
	const baggage = "user=1 , dogfood=world-v2"
	for header, want := range map[string]string{"": "v1", "world-v2": "v2"} {
		req := Request{Method: "GET", Host: "world", Path: "/", Header: map[string][]string{dogfood.BaggageHeader: {baggage}}}
		lines := "Baggage: " + baggage + "\r\n"
		if header != "" {
			req.Header[headerDogfood] = []string{header}
			lines += headerDogfood + ": " + header + "\r\n"
		}
		x, err := w.model.Explain(Question{Router: "r", Request: req})
		if err != nil || len(x.Destinations) != 1 || len(x.Notes) == 0 || !strings.Contains(x.Notes[0], "does not count") || len(x.PassedOn[dogfood.BaggageHeader]) > 0 {
			t.Errorf("%v, %+v", err, x)
		}
		resp, _ := newRawClient(t, w.address(t, "r")).send(t, "GET / HTTP/1.1\r\nHost: world\r\n"+lines+"\r\n")
		if got := resp.Header.Get("X-App"); got != want || !strings.HasSuffix(x.Destinations[0].Serves, "/"+want) {
			t.Errorf("with %q Envoy goes to %s, explain to %s, want %s", header, got, x.Destinations[0].Serves, want)
		}
		if got := apps[want].last(t).Header.Values("Baggage"); !slices.Equal(got, []string{baggage}) {
			t.Errorf("baggage arrives as %q", got)
		}
	}
}

// The access log and the counter say which environments were active, whatever
// they travel in, and wherever the request goes: outside it has no context.
func TestLogSaysContext(t *testing.T) {
	_, address := newApp(t, "v1")
	_, outside := newApp(t, "outside")
	_, port, _ := strings.Cut(outside, ":")
	for carriers, want := range map[string]int{"[l5d-ctx]": 2, "[baggage]": 4, "[l5d-ctx, baggage]": 4} {
		w := newWorld(t, "one", map[string]string{
			"r": "{proxyClass: one, port: 1, accessLog: environments, carriers: " + carriers +
				", dtab: '/svc/world => /#/io.l5d.k8s/default/http/v1; /svc/out => /$/inet/127.0.0.1/" + port + "'}",
		}, nil, map[string]string{"v1": address})
		for _, host := range []string{"world", "out"} {
			for _, lines := range []string{"", "l5d-ctx-dogfood: a,b\r\n", "baggage: dogfood=a_b\r\n"} {
				newRawClient(t, w.address(t, "r")).send(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n"+lines+"\r\n")
			}
		}
		if stats := w.Get(t, "/stats/prometheus?filter=kibble"); !strings.Contains(stats, fmt.Sprintf(`kibble_context="yes"} %d`+"\n", want)) {
			t.Errorf("%s, want %d:\n%s", carriers, want, stats)
		}
		w.Stop() // it writes what it still has
		if n := strings.Count(w.Log(), `"dogfood":"a,b"`); n != want {
			t.Errorf("%s: %d lines say it, want %d", carriers, n, want)
		}
	}
}
