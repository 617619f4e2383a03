package translate

import (
	"fmt"
	"testing"
)

// A Host of an odd shape is answered by Envoy as the evaluator says: where ports do
// not count, what is behind the last colon does not.
func TestEnvoyOddHosts(t *testing.T) {
	_, address := newApp(t, "v1")
	hosts := []string{
		"world", "World", "world.", "world..", "world:", "world.:", "world:80", "world.:80", "WORLD.:80", "world:0", "world:99999999",
		"world:9x", "world:+80", "world:;", "world:[", "world:80,81", "world::", "world:80:", ":80", ":", "w:80/", "world: 80", "world:ö", "world:\x80",
		"wor ld", "wor%6cd", "wörld", "world,world", "world/", "world?x", "world#", "user@world", "-", "_",
		"[::1]", "[::1]:", "[::1]:80", "[::1]:x", "[::1]x", "[world]", "[world", "world]:80", "a:]b", "a:b]",
		"org", ".org", "a.org", "a.org.", "a.org:", "a.org:8x", "a.org:x:80", "a..org",
	}
	for name, table := range map[string]string{
		"one host":    "/svc/world => /#/io.l5d.k8s/default/http/v1",
		"every host":  "/svc => /#/io.l5d.k8s/default/http/v1",
		"of a domain": "/svc/world => /#/io.l5d.k8s/default/http/v1 ; /svc => /$/io.buoyant.http.subdomainOfPfx/org/x ; /x => /#/io.l5d.k8s/default/http/v1",
		"ports count": "/svc => /$/io.buoyant.porthostPfx/x ; /x/80 => /#/io.l5d.k8s/default/http/v1 ; /x/8x => /#/io.l5d.k8s/default/http/v1",
	} {
		w := newWorld(t, "one", map[string]string{"r": "{proxyClass: one, port: 1, dtab: '" + table + "'}"}, nil, map[string]string{"v1": address})
		answered := map[string]int{}
		for _, host := range hosts {
			x, err := w.model.Explain(Question{Router: "r", Request: Request{Method: "GET", Host: host, Path: "/", Header: map[string][]string{}}})
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprint(x.Status)
			if len(x.Destinations) > 0 {
				want = "200"
			}
			answered[want]++
			resp, _ := newRawClient(t, w.address(t, "r")).send(t, "GET / HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			if got := fmt.Sprint(resp.StatusCode); got != want {
				t.Errorf("%s: of %q Envoy says %s, explain %s %s", name, host, got, want, x.Reason)
			}
		}
		if answered["200"] == 0 || answered["400"] == 0 {
			t.Errorf("%s: the answers are %v", name, answered)
		}
	}
}
