package xds_test

import (
	"maps"
	"path"
	"strings"
	"testing"

	"kibble.dev/translate"
)

// Proxies are told in advance what the resolver says about overrides that come
// often: it is the same, for the same requests only, follows changes, and needs
// no resolver.
func TestEnvoyForetold(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	requests := []struct {
		router, host string
		lines        []string
	}{
		{"front", "world", []string{v2, corp, cookie}},
		{"front", "hello", []string{v2, corp, cookie}},
		{"front", "world", []string{"l5d-dtab: /host/world => /srv/hello", "x-both: 1", corp}},
		{"out", "world", []string{v2}},
		{"out", "world", []string{v2, "l5d-ctx-dtab: /host/world => /srv/hello"}},
		{"out", "world", []string{"l5d-ctx-dtab: /host/world => /srv/hello"}},
		{"out", "world", []string{"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-ctx-dogfood: world-v2"}},
		{"out", "world", []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1", "l5d-ctx-dogfood: world-v2"}},
	}
	for _, r := range requests {
		until(t, "the resolver is not asked any more", func() bool {
			before := l.asked.Load()
			l.compare(t, r.router, r.host, r.lines...)
			return l.asked.Load() == before
		})
	}
	for _, r := range requests { // the others' answers are there still
		before := l.asked.Load()
		l.compare(t, r.router, r.host, r.lines...)
		if l.asked.Load() != before {
			t.Errorf("%+v: it asked again", r)
		}
	}
	// What is nearly the same is asked about, or is nothing of the kind.
	for _, r := range []struct {
		router, host string
		lines        []string
		asks         int64
	}{
		{"front", "world", []string{v2}, 0},
		{"front", "world", []string{v2, corp}, 0},
		{"front", "world", []string{v2, corp, "Cookie: corp=1; v2=1"}, 1},
		{"front", "world-v1", []string{v2, corp, cookie}, 1},
		{"front", "world", []string{v2, corp, cookie, "x-both: 1"}, 1},
		{"front", "world", []string{v2, v2, corp, cookie}, 1},
		{"plain", "world", []string{v2, corp, cookie}, 0},
		{"out", "world", []string{v2, "l5d-ctx-dogfood: world-v2"}, 1},
		{"out", "world", []string{v2, v2}, 1},
		{"out", "world", []string{v2 + ";"}, 1},
		{"out", "world", []string{"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-dtab: /host/world => /srv/world-v1"}, 1},
		{"out", "world", []string{"x-kibble-cluster: /#/io.l5d.k8s/default/http/hello", v2}, 0},
	} {
		before := l.asked.Load()
		l.compare(t, r.router, r.host, r.lines...)
		if asked := l.asked.Load() - before; asked != r.asks {
			t.Errorf("%+v: it asked %d times", r, asked)
		}
	}
	// world-v2 goes away: the rule leads to what is behind it.
	smaller := *l.inventory
	smaller.Services = maps.Clone(smaller.Services)
	delete(smaller.Services, translate.Key{Namespace: "default", Name: "world-v2"})
	l.publish(t, &smaller)
	for _, r := range requests {
		l.awaitExplained(t, r.router, r.host, r.lines...)
		l.compare(t, r.router, r.host, r.lines...)
	}
	l.publish(t, l.inventory)
	for _, r := range requests {
		l.awaitExplained(t, r.router, r.host, r.lines...)
		l.compare(t, r.router, r.host, r.lines...)
	}
	l.stop()
	for _, r := range requests {
		l.compare(t, r.router, r.host, r.lines...)
	}
}

// awaitExplained waits until Envoy follows what the model says now.
func (l *ruleLab) awaitExplained(t *testing.T, router, host string, lines ...string) {
	t.Helper()
	x := l.explain(t, router, host, lines...)
	until(t, "Envoy has followed the change", func() bool {
		resp, body := l.raw(t, router, host, lines...)
		return resp.StatusCode == x.Status &&
			(x.Status != 200 || strings.Contains(body, `"`+path.Base(x.Destinations[0].Cluster)+`"`))
	})
}
