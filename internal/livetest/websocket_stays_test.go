package livetest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// A WebSocket stays open, and with whom it is, whatever changes that is not its own
// listener: other Routers, its table, policies, its environment that ends, and the pod
// that it leads to, which is no endpoint any more.
func TestWebSocketOutlivesChanges(t *testing.T) {
	v1, v2 := echo(t, "v1"), echo(t, "v2")
	const inV2 = "v2[l5d-ctx-dogfood=world-v2]: "
	environment := policy("world-v2", "baseline", "/host/world => /srv/world-v2")
	x := start(t, hello+environment, map[string][]pod{"world-v1": {v1}, "world-v2": {v2}})
	const cookie = "Cookie: env=world-v2"
	plain, inside, in := x.socket(t, "front", "world"), x.socket(t, "inside", "world"), x.socket(t, "front", "world", cookie)
	check := func(what string) {
		t.Helper()
		says(t, plain, what, "v1[]: "+what)
		says(t, inside, what, "v1[]: "+what)
		says(t, in, what, inV2+what)
	}
	check("nothing has changed")

	port := envoytest.FreePorts(t, 1)[0]
	before := x.routers
	x.routers += strings.ReplaceAll(beside, "{beside}", fmt.Sprint(port))
	x.routers = strings.Replace(x.routers, "bind: pod", "bind: loopback", 1)
	x.publish(t)
	x.Listener(t, "default/beside")
	check("there is another Router")
	x.routers = before + policy("other", "fail", "/host/world => /srv/other")
	x.publish(t)
	x.settles(t, `502 Unable to route request! environment="other" fallback=""`, "front", "world", "cookie: env=other")
	check("it is gone, and there is another policy")
	x.routers = strings.Replace(before, "/host/world => /srv/world-v1", "/host/world => /srv/other", 1)
	x.set(t, "other", []pod{app(t, "other")})
	x.settles(t, `200 other environment="" fallback=""`, "front", "world")
	check("the table leads elsewhere")
	x.routers = strings.Replace(x.routers, environment, "", 1)
	x.set(t, "world-v1", nil)
	x.set(t, "world-v2", nil)
	x.settles(t, `200 other environment="" fallback=""`, "front", "world", cookie)
	check("the environment is gone, and both services")
	if stats := x.Get(t, "/stats?filter=listener_manager.listener_modified"); !strings.Contains(stats, "listener_modified: 0\n") {
		t.Error("a listener has changed: ", stats)
	}
}

// What limits requests and connections that idle does not end a WebSocket.
func TestWebSocketIsNoRequestThatLasts(t *testing.T) {
	n := newNode(t, "idle")
	x := startEdited(t, hello, map[string][]pod{"world-v1": {echo(t, "v1")}, "world-v2": {n.pod}}, bootstrap.Options{},
		func(b string) string { return b }, func(s *translate.Snapshot) *translate.Snapshot { return hurried(t, s) })
	ws := x.socket(t, "front", "world")
	says(t, ws, "first", "v1[]: first")
	if got := x.raw(t, "front", "POST / HTTP/1.1\r\nHost: world-v2\r\nContent-Length: 10\r\n\r\nbegun"); got != http.StatusRequestTimeout {
		t.Errorf("a request that does not end is answered %d", got)
	}
	<-n.ended
	if a := x.ask(t, "front", "world-v2"); a.body != "idle" {
		t.Error(a)
	}
	<-n.ended // its connection, since it idles
	says(t, ws, "then", "v1[]: then")
}
