package xds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"kibble.dev/internal/envoytest"
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

// However many requests with rules wait at once, and for longer than a moment, each is
// answered, also where it has to be asked about again.
func TestEnvoyAsksForMany(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	for _, connected := range []bool{true, false} {
		t.Run(fmt.Sprintf("connected %v", connected), func(t *testing.T) { askForMany(t, l, connected) })
	}
}

func askForMany(t *testing.T, l *ruleLab, connected bool) {
	const people = 8
	var waiting sync.WaitGroup
	waiting.Add(people)
	all := make(chan struct{})
	began := uptime(t, l.envoy)
	go func() {
		waiting.Wait()
		for t.Context().Err() == nil && uptime(t, l.envoy) == began { // a moment is longer than any pause between tries
		}
		close(all)
	}()
	l.resolver.Connected, l.resolver.Patience = func(string, string) bool { return connected }, limit
	ensure := l.server.Ensure
	l.resolver.Ensure = func(ctx context.Context, w xds.Wish) error {
		waiting.Done()
		select {
		case <-all:
		case <-ctx.Done():
			t.Error("not all requests were asked about at once, or the proxy did not wait for the answers")
			return ctx.Err()
		}
		return ensure(ctx, w)
	}
	var answered sync.WaitGroup
	for i := range people {
		answered.Go(func() {
			// Rules of which no two are the same: nothing is told in advance.
			_, _, got := l.compare(t, "out", "world", v2, fmt.Sprintf("l5d-dtab: /host/nobody-%d => /srv/%v ;", i, connected))
			if got.Service != "world-v2" {
				t.Errorf("%+v", got)
			}
		})
	}
	answered.Wait()
}

// uptime gives for how many seconds an Envoy has run.
func uptime(t *testing.T, e *envoytest.Envoy) string {
	t.Helper()
	var info struct {
		Uptime string `json:"uptime_current_epoch"`
	}
	if err := json.Unmarshal([]byte(ask("http://"+e.Admin+"/server_info")), &info); err != nil && t.Context().Err() == nil {
		t.Error(err)
	}
	return info.Uptime
}
