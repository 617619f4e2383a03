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

// beside is a router that binds the address of the pod.
const beside = `---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: beside}
spec: {proxyClass: edge, port: {beside}, bind: pod, trust: internal, dtabRef: {name: world}}
---
`

// A proxy listens at its pod's address whether or not an endpoint tells of the
// pod: before its Service has it, and when that is deleted and made anew. What
// its pod calls has nothing to do with who calls it.
func TestListensWithoutEndpoints(t *testing.T) {
	const ip = "127.45.0.9"
	port := envoytest.FreePorts(t, 1)[0]
	x := startWith(t, hello+strings.ReplaceAll(beside, "{beside}", fmt.Sprint(port)),
		map[string][]pod{"world-v1": {app(t, "v1")}}, bootstrap.Options{PodIP: ip})
	x.Listener(t, "default/beside")
	own := []pod{{address: net.JoinHostPort(ip, "1")}}
	for range 3 {
		for _, pods := range [][]pod{own, nil} {
			x.set(t, "own", pods)
			// The proxy has what comes after, so also what was changed for it.
			x.set(t, "world-v1", []pod{app(t, "next")})
			until(t, "the next application answers", func() bool {
				a, err := x.try("front", "world")
				return err == nil && a.body == "next"
			})
			if a, err := x.tryAt(net.JoinHostPort(ip, fmt.Sprint(port)), "world"); err != nil || a.status != http.StatusOK {
				t.Fatalf("the pod's own router: %v, %v", a, err)
			}
			x.set(t, "world-v1", []pod{app(t, "v1")})
			until(t, "the first application answers", func() bool {
				a, err := x.try("front", "world")
				return err == nil && a.body == "v1"
			})
		}
	}
	for _, counter := range []string{"listener_removed: 0", "listener_modified: 0", "listener_added: 3"} {
		if stats := x.Get(t, "/stats?filter=listener_manager.listener_"); !strings.Contains(stats, "listener_manager."+counter+"\n") {
			t.Errorf("want %s in\n%s", counter, stats)
		}
	}
}
