package xds_test

import (
	"context"
	"testing"

	"kibble.dev/xds"
)

// An Envoy says which it is when it asks about a rule, at every router that takes
// them; nobody who sends it a request can say otherwise.
func TestEnvoySaysWhoAsks(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	nodes := make(chan string, 1)
	ensure := l.resolver.Ensure
	l.resolver.Ensure = func(ctx context.Context, w xds.Wish) error {
		nodes <- w.Node
		return ensure(ctx, w)
	}
	for router, lines := range map[string][]string{
		"front": {v2, corp, cookie, "x-kibble-node: forged"},
		"out":   {v2, "x-kibble-node: forged"},
	} {
		if _, _, got := l.compare(t, router, "world", lines...); got.Service != "world-v2" {
			t.Errorf("%s: %+v", router, got)
		}
		select {
		case node := <-nodes:
			if node != "edge-0" {
				t.Errorf("at %s asks %q, want edge-0", router, node)
			}
		default:
			t.Errorf("%s did not ask", router)
		}
	}
}

// Where no control plane has the proxy, the one that is asked again answers.
func TestEnvoyAsksAgain(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	l.resolver.Connected = func(string, string) bool { return false }
	before := l.asked.Load()
	if _, _, got := l.compare(t, "out", "world", v2); got.Service != "world-v2" {
		t.Errorf("%+v", got)
	}
	if n := l.asked.Load() - before; n != 2 {
		t.Errorf("it asked %d times, want 2", n)
	}
}
