package livetest

import (
	"testing"
	"time"
)

// behind is a router that hands requests over to whom their senders have chosen.
const behind = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec: {proxyClass: edge, port: {front}, bind: loopback, trust: untrusted, dtab: /svc => /$/inet/127.1/1 }
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside}
spec:
  proxyClass: edge
  port: {inside}
  bind: loopback
  trust: internal
  identifier: {kind: io.l5d.header, header: l5d-dst-client}
  dstPrefix: /in
  dtab: /in/#/io.l5d.k8s => /#/io.l5d.k8s ;
---
`

// A sender knows pods of which the proxy before them has not heard yet, or has
// heard long ago that they are gone: nobody has seen the request, so the sender goes on
// to the next that it knows.
func TestReceiverHearsLater(t *testing.T) {
	v1 := app(t, "v1")
	receiver := start(t, behind, map[string][]pod{"world-v1": {v1}})
	proxy := pod{address: receiver.address("inside")}
	sender := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {proxy}, "world-v2": {proxy}})
	const cookie, fell = "cookie: env=world-v2", `200 v1 environment="world-v2" fallback="world-v2"`
	ask := func(want string) {
		t.Helper()
		if got := sender.ask(t, "front", "world", cookie); got.String() != want {
			t.Errorf("it is answered %s, want %s", got, want)
		}
	}
	ask(fell)
	receiver.set(t, "world-v2", []pod{})
	for range 20 { // while the change travels
		ask(fell)
	}

	const own = `200 v2 environment="world-v2" fallback=""`
	receiver.set(t, "world-v2", []pod{app(t, "v2")})
	sender.settles(t, own, "front", "world", cookie)
	receiver.set(t, "world-v2", nil)
	for range 20 { // it goes on for a while
		ask(own)
	}
	receiver.ahead = time.Hour
	receiver.publish(t)
	sender.settles(t, fell, "front", "world", cookie)
}
