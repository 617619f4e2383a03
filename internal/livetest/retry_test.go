package livetest

import "testing"

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
