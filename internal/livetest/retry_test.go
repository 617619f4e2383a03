package livetest

import (
	"strings"
	"testing"
)

// Every pod of an environment refuses, and so does one of the baseline: the very
// first request is answered all the same, as long as somebody is alive.
func TestFirstRequestFindsSomebody(t *testing.T) {
	for range 8 {
		x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"), map[string][]pod{
			"world-v1": {app(t, "v1"), refusing(t)},
			"world-v2": {refusing(t), refusing(t), refusing(t), refusing(t), refusing(t)},
		})
		const want = `200 v1 environment="world-v2" fallback="world-v2"`
		if got := x.ask(t, "front", "world", "cookie: env=world-v2"); got.String() != want {
			t.Errorf("the first request: %s", got)
		}
		x.Stop()
	}
}

// One pod of an environment refuses, another one is alive: it answers, and not
// the baseline.
func TestFirstRequestStaysInEnvironment(t *testing.T) {
	for range 8 {
		x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"), map[string][]pod{
			"world-v1": {app(t, "v1")}, "world-v2": {refusing(t), app(t, "v2")},
		})
		const want = `200 v2 environment="world-v2" fallback=""`
		if got := x.ask(t, "front", "world", "cookie: env=world-v2"); got.String() != want {
			t.Errorf("the first request: %s", got)
		}
		x.Stop()
	}
}

// Of several alternatives each is tried, also the last one.
func TestFirstRequestTriesAlternatives(t *testing.T) {
	failover := strings.ReplaceAll(hello, "trust: ", "failover: true, trust: ")
	x := start(t, failover+policy("either", "baseline", "/host/world => /srv/world-v2 | /srv/world-v3"), map[string][]pod{
		"world-v1": {app(t, "v1"), refusing(t)}, "world-v2": {refusing(t), refusing(t), refusing(t)}, "world-v3": {refusing(t), refusing(t), refusing(t)},
	})
	if got := x.ask(t, "front", "world", "cookie: env=either"); got.body != "v1" {
		t.Errorf("the first request: %s", got)
	}
}
