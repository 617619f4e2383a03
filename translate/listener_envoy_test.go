package translate

import (
	"net/http"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

func carried(h http.Header) []string {
	var names []string
	for name := range h {
		if dogfood.Carries(strings.ToLower(name)) {
			names = append(names, name)
		}
	}
	return names
}

func TestNobodyOutsideBringsContext(t *testing.T) { eachEdge(t, nobodyOutside) }

func nobodyOutside(t *testing.T, edge listenerSpec) {
	up, address := newEcho(t)
	l := newLab(t, edge, nil, address)
	for _, headers := range []string{
		"l5d-ctx-dogfood: world-v2\r\n",
		"L5D-Ctx-DOGFOOD: world-v2\r\nl5d-ctx-dogfood: x\r\nl5d-ctx-dogfood:\r\n",
		"L5d-Dtab: /host => /evil\r\nl5d-dtab: /a => /b\r\nL5D-SAMPLE: 1\r\nl5d-: x\r\n",
		"X-Kibble-Cluster: other\r\nx-kibble-anything: 1\r\n",
		"Dtab-Local: /a => /b\r\nDTAB-LOCAL-01-A: L2E=\r\n",
		"x-a: b\r\n l5d-ctx-dogfood: folded\r\n",
		"Connection: l5d-ctx-dogfood\r\nl5d-ctx-dogfood: world-v2\r\n",
	} {
		resp, _ := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n"+headers+"\r\n")
		if resp.StatusCode != 200 {
			t.Errorf("%q: %s", headers, resp.Status)
			continue
		}
		got := up.last(t).Header
		if names := carried(got); len(names) > 0 || got.Get("X-Route") != "baseline" {
			t.Errorf("%q: the upstream got %q by route %s", headers, names, got.Get("X-Route"))
		}
		if names := carried(resp.Header); len(names) > 0 || resp.Header.Get("Server") != "app" {
			t.Errorf("%q: the client got %q, server %q", headers, names, resp.Header.Get("Server"))
		}
	}
	for _, name := range []string{"l5d_ctx_dogfood", "L5D_dtab"} {
		if resp, _ := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n"+name+": x\r\n\r\n"); resp.StatusCode != 400 {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	req, _ := http.NewRequest("GET", "http://a/", nil)
	req.Header = http.Header{"l5d-ctx-dogfood": {"a", "b"}, "X-Kibble-Cluster": {"x"}, "Dtab-Local": {"x"}}
	resp, err := l.client(t, true).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if names := carried(up.last(t).Header); resp.ProtoMajor != 2 || len(names) > 0 {
		t.Errorf("HTTP/%d: the upstream got %q", resp.ProtoMajor, names)
	}
}

func TestInsideContextPasses(t *testing.T) {
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{AdHoc: true, DynamicForwardProxy: true}, nil, address)
	resp, _ := newRawClient(t, l.address).send(t, "GET http://world/ HTTP/1.1\r\nHost: api\r\nl5d-ctx-dogfood: world-v2\r\nx-kibble-cluster: x\r\n\r\n")
	r := up.last(t)
	got := []string{resp.Status, r.Host, r.Header.Get("l5d-ctx-dogfood"), r.Header.Get("x-kibble-cluster"), r.Header.Get("x-route"), resp.Header.Get("l5d-success-class")}
	if diff := cmp.Diff([]string{"200 OK", "world", "world-v2", "", "override", "1.0"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNowhereToGo(t *testing.T) {
	for _, test := range []struct {
		spec       listenerSpec
		upstream   string
		err, retry string
	}{
		{listenerSpec{Untrusted: true}, "", "", ""},
		{listenerSpec{}, "", "Unable+to+route+request%21", "true"},
		{listenerSpec{}, envoytest.FreeAddress(t), "Unable+to+route+request%21", "true"},
	} {
		l := newLab(t, test.spec, nil, test.upstream)
		resp, text := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		got := []string{resp.Status, resp.Header.Get("Content-Type"), resp.Header.Get("l5d-err"), resp.Header.Get("l5d-retryable"), resp.Header.Get("Server")}
		if diff := cmp.Diff([]string{"502 Bad Gateway", "text/plain", test.err, test.retry, ""}, got); diff != "" {
			t.Errorf("%+v: %s", test.spec, diff)
		}
		if !strings.HasPrefix(text, "Unable to route request!\n") || test.spec.Untrusted && strings.Contains(text, "front") {
			t.Errorf("%+v: body %q", test.spec, text)
		}
	}
}

// Without the resolver requests with a rule of their own fail, quickly and with
// a text that says why; no other request does.
func TestResolverAway(t *testing.T) {
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{AdHoc: true}, nil, address)
	routes := labRoutes()
	b := &builder{router: &router{key: Key{"default", "front"}, trust: v1alpha1.TrustInternal}}
	b.router.spec.AdHocOverrides = &v1alpha1.AdHocOverrides{}
	routes.VirtualHosts[0].Routes = append(b.adHocRoutes(), routes.VirtualHosts[0].Routes...)
	l.publish(t, "routes", routes)
	for _, header := range []string{"l5d-dtab", "L5D-Ctx-Dtab"} {
		resp, body := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n"+header+": /host/a => /srv/b\r\n\r\n")
		if resp.StatusCode != 503 || !strings.HasPrefix(body, "The resolver for l5d-dtab") || resp.Header.Get("l5d-err") == "" {
			t.Errorf("%s: %s %q", header, resp.Status, body)
		}
	}
	resp, _ := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\nx-kibble-cluster: up\r\n\r\n")
	if route := up.last(t).Header.Get("X-Route"); resp.StatusCode != 200 || route != "baseline" {
		t.Errorf("without a rule: %s by route %s", resp.Status, route)
	}
}

// A caller's own rule may lead to a cluster that the proxy was not told of yet: it may
// try again.
func TestClusterNotTold(t *testing.T) {
	_, address := newEcho(t)
	l := newLab(t, listenerSpec{AdHoc: true}, nil, address)
	routes := labRoutes()
	routes.VirtualHosts[0].Routes = []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "of nobody"}}},
	}}
	l.publish(t, "routes", routes)
	resp, body := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if resp.StatusCode != 503 || !strings.HasPrefix(body, "This proxy does not know the destination yet") || resp.Header.Get("l5d-retryable") != "true" {
		t.Errorf("%s %q %q", resp.Status, body, resp.Header)
	}
}
