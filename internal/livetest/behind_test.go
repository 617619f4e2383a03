package livetest

import (
	"net/http"
	"testing"
	"time"

	"kibble.dev/translate"
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

// The pod behind a proxy dies with a request: one that may be sent twice goes on to
// another pod, and any other is answered, since it may have been worked on.
func TestReceiverLosesItsPod(t *testing.T) {
	dies := pod{address: upstream(t, func(http.ResponseWriter) { panic(http.ErrAbortHandler) })}
	receiver := start(t, behind, map[string][]pod{"world-v1": {dies}})
	sender := start(t, hello, map[string][]pod{"world-v1": {{address: receiver.address("inside")}, app(t, "v1")}})
	for range 30 {
		if got := sender.ask(t, "inside", "world").String(); got != `200 v1 environment="" fallback=""` {
			t.Errorf("it is answered %s", got)
		}
	}
	for method, want := range map[string]string{"GET": "true", "HEAD": "true", "OPTIONS": "true", "POST": "", "PUT": "", "DELETE": ""} {
		r, err := http.NewRequest(method, "http://"+receiver.address("inside")+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(translate.HeaderDst, "/#/io.l5d.k8s/default/http/world-v1")
		a, err := receiver.do(r)
		if got := a.header.Get("l5d-retryable"); err != nil || a.status != http.StatusBadGateway || got != want {
			t.Errorf("%s is answered %v, %v, l5d-retryable %q, want %q", method, a, err, got, want)
		}
	}
}
