package translate

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

// everyCarrier is what a request of somebody inside may have.
const everyCarrier = "l5d-ctx-dogfood: a\r\nl5d-ctx-trace: x\r\nl5d-ctx-trace: y\r\nl5d-sample: 1\r\nl5d-foo: x\r\ndtab-local: /x=>/y\r\n" +
	"baggage: dogfood=a;p=1,user=1 , x=%20\r\nbaggage: dogfood=b\r\n"

// ours gives what of a request is ours: headers, and the member of baggage.
func ours(h http.Header) []string {
	names := carried(h)
	for _, line := range h.Values("Baggage") {
		if strings.Contains(strings.ToLower(line), "dogfood") {
			names = append(names, "Baggage: "+line)
		}
	}
	return names
}

// egressTable leads to one application inside and one outside, to both, and to
// some that are not there. HOST:PORT is outside, DEAD refuses connections.
const egressTable = `
	/out => /$/inet/127.0.0.1/PORT ;
	/dead => /$/inet/127.0.0.1/DEAD ;
	/s => /#/io.l5d.k8s/default/http ;
	/svc => /$/io.buoyant.hostportPfx/any ;
	/any => /$/inet ;
	/svc/in => /s/in ;
	/svc/out => /out ;
	/svc/in-then-out => /s/gone1 | /out ;
	/svc/dead-then-in => /dead | /s/in ;
	/svc/dead-dead-in => /dead | /s/gone2 | /s/in ;
	/svc/out-first => /out | /s/in ;
	/svc/in-first => /s/in | /out ;
	/svc/shares => 1 * /out & 1 * /$/inet/127.0.0.1/PORT ;`

// Whatever leaves for an address that somebody wrote down, or for a host found
// by DNS, has lost its context; baggage of others is as it was.
func TestContextStaysInside(t *testing.T) {
	in, inside := newApp(t, "inside")
	out, outside := newApp(t, "outside")
	port := func(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }
	table := strings.NewReplacer("PORT", port(outside), "DEAD", port(envoytest.FreeAddress(t)), "\n", " ", "\t", "").Replace(egressTable)
	routers := map[string]string{"r": "{proxyClass: sidecar, port: 1, failover: true, carriers: [l5d-ctx, baggage], adHocOverrides: {allow: [/svc], to: [/out]}, dtab: \"" + table + "\"}"}
	w := newWorld(t, "sidecar", routers, nil, map[string]string{"in": inside, "gone1": envoytest.FreeAddress(t), "gone2": envoytest.FreeAddress(t)})
	for _, test := range []struct{ host, app string }{
		{"in", "inside"}, {"out", "outside"}, {outside, "outside"}, {"in-then-out", "outside"}, {"dead-then-in", "inside"},
		{"dead-dead-in", "inside"}, {"out-first", "outside"}, {"in-first", "inside"}, {"shares", "outside"},
	} {
		resp, _ := newRawClient(t, w.address(t, "r")).send(t, "GET / HTTP/1.1\r\nHost: "+test.host+"\r\n"+everyCarrier+"\r\n")
		if resp.Header.Get("X-App") != test.app {
			t.Errorf("%s: %s by %q, want %s", test.host, resp.Status, resp.Header.Get("X-App"), test.app)
			continue
		}
		if test.app == "outside" {
			got := out.last(t).Header
			if diff := cmp.Diff([]string{"user=1 , x=%20"}, got.Values("Baggage")); diff != "" || len(ours(got)) > 0 {
				t.Errorf("%s: %q left; baggage: %s", test.host, ours(got), diff)
			}
			continue
		}
		got := in.last(t).Header
		want := http.Header{
			"L5d-Ctx-Dogfood": {"a"}, "L5d-Ctx-Trace": {"x", "y"}, "L5d-Sample": {"1"}, "L5d-Foo": {"x"}, "Dtab-Local": {"/x=>/y"},
			"Baggage": {"user=1 , x=%20,dogfood=a"}, "L5d-Dst-Client": {"/#/io.l5d.k8s/default/http/in"},
		}
		for name := range got {
			if want[name] == nil && !dogfood.Carries(strings.ToLower(name)) {
				delete(got, name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", test.host, diff)
		}
	}
	resolvedDropsToo(t, w.model)
}

// A caller's own rule leads outside by the same cluster as a router's rule.
func resolvedDropsToo(t *testing.T, m *Model) {
	t.Helper()
	res := m.Resolve(Override{Router: "r", Class: "sidecar", Request: Request{Host: "in", Header: map[string][]string{HeaderDtab: {"/svc/in => /out"}}}})
	s, _ := m.Snapshot()
	if res.Status != 200 || !strings.Contains(res.Branches[0].Cluster, "/$/inet") {
		t.Fatalf("resolved: %+v", res)
	}
	for _, r := range res.Branches[0].Resources {
		if r.Body.TypeUrl != ClusterType {
			continue
		}
		own, resolved := &clusterv3.Cluster{}, &clusterv3.Cluster{}
		unpack(t, r, resolved)
		unpack(t, s.Classes["sidecar"].Resources[ClusterType][r.Name], own)
		own.Metadata, resolved.Metadata = nil, nil
		if !proto.Equal(own, resolved) {
			t.Errorf("resolved is %v, the router's own %v", resolved, own)
		}
	}
}
