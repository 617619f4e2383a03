package livetest

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// dual are routers at addresses of both families, of IPv6 alone and of a pod
// that has no other, and policies by the client's address.
const dual = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec: {proxyClass: edge, port: {front}, bind: any, ipFamilies: [IPv4, IPv6], dtab: "/svc => /#/io.l5d.k8s/default/http"}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside}
spec: {proxyClass: edge, port: {inside}, bind: loopback, ipFamilies: [IPv6], trust: internal, dtab: "/svc => /#/io.l5d.k8s/default/http"}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: pod}
spec: {proxyClass: edge, port: {pod}, bind: pod, trust: internal, dtab: "/svc => /#/io.l5d.k8s/default/http"}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: both}
spec: {proxyClass: edge, port: {both}, bind: loopback, ipFamilies: [IPv6, IPv4], trust: internal, dtab: "/svc => /#/io.l5d.k8s/default/http"}
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: four}
spec: {when: {sourceRanges: [127.0.0.0/8]}, override: /svc/world => /#/io.l5d.k8s/default/http/four}
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: six}
spec: {when: {sourceRanges: ["::1/128"]}, override: /svc/world => /#/io.l5d.k8s/default/http/six}
---
`

// With IPv6 everything works as with IPv4: what Envoy listens on, where it sends
// requests, where Kibble serves, and who clients are.
func TestIPv6(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	}
	probe.Close()
	named := func(name string) pod {
		return pod{address: envoytest.UpstreamAt(t, "[::1]:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, name) }))}
	}
	ports := envoytest.FreePorts(t, 2)
	x := startWith(t, strings.NewReplacer("{pod}", fmt.Sprint(ports[0]), "{both}", fmt.Sprint(ports[1])).Replace(dual),
		map[string][]pod{"world": {named("plain")}, "four": {named("four")}, "six": {named("six")}},
		bootstrap.Options{Server: "[::1]:0", PodIP: "0:0:0:0:0:0:0:1"})
	x.ports["pod"], x.ports["both"] = ports[0], ports[1]
	for _, router := range []string{"pod", "both"} {
		x.Listener(t, "default/"+router)
	}
	for _, test := range []struct {
		router, host, want string // "" where nobody listens
	}{
		{"front", "127.0.0.1", "four"}, {"front", "::1", "six"},
		{"inside", "127.0.0.1", ""}, {"inside", "::1", "plain"},
		{"pod", "127.0.0.1", ""}, {"pod", "::1", "plain"},
		{"both", "127.0.0.1", "plain"}, {"both", "::1", "plain"},
	} {
		got := ""
		if a, err := x.tryAt(net.JoinHostPort(test.host, fmt.Sprint(x.ports[test.router])), "world"); err == nil {
			got = a.body
		}
		if got != test.want {
			t.Errorf("%s at %s: %q, want %q", test.router, test.host, got, test.want)
		}
	}
}
