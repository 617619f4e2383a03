package livetest

import (
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
)

// An Envoy of somebody's own, without the tracer, refuses a listener that traces. The one of
// before goes on, and so do its routes; the refusal says of which Router it is, and
// goes with the tracing. One that starts meanwhile is given the listener of before.
func TestTracingRefused(t *testing.T) {
	_, at := newCollector(t)
	without := []string{"--disable-extensions", "envoy.tracers/envoy.tracers.opentelemetry"}
	x := startWith(t, tracing("", ""), map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}, "collector": {at}}, bootstrap.Options{}, without...)
	plain := x.routers
	x.routers = strings.Replace(plain, "accessLog: all, ", "accessLog: all, "+share("100"), 1)
	x.publish(t)
	until(t, "the listener is refused", func() bool {
		x.serves(t, "v1", "front", "inside")
		return len(x.refused()) > 0
	})
	if is := x.refused()[0]; is.Name != "default/front" || !strings.HasPrefix(is.Source, "router default/front (live.yaml:") || !strings.Contains(is.Words, "opentelemetry") {
		t.Errorf("it is told as %+v", is)
	}
	x.routers = strings.Replace(x.routers, "/host/world => /srv/world-v1", "/host/world => /srv/world-v2", 1)
	x.publish(t)
	x.settles(t, `200 v2 environment="" fallback=""`, "front", "world")

	x.Stop()
	x.run(t, bootstrap.Options{}, func(boot string) string { return boot }, without...)
	for _, router := range []string{"front", "inside"} {
		x.Listener(t, "default/"+router)
		x.settles(t, `200 v2 environment="" fallback=""`, router, "world")
	}

	x.routers = plain
	x.publish(t)
	x.settles(t, `200 v1 environment="" fallback=""`, "front", "world")
	until(t, "nothing is refused", func() bool { return len(x.refused()) == 0 })
}

// serves fails the test if a router does not answer as wanted.
func (x *live) serves(t testing.TB, want string, routers ...string) {
	t.Helper()
	for _, router := range routers {
		if a := x.ask(t, router, "world"); a.body != want {
			t.Fatalf("%s answers %s", router, a)
		}
	}
}
