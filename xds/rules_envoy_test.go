package xds_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A control plane that takes its time to answer about a rule is waited for, and is
// asked once. It may be waiting itself, until the proxy has the cluster.
func TestEnvoyWaitsForResolver(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	l.later.Store(int64(2 * time.Second))
	for n := range int64(2) {
		if _, _, got := l.compare(t, "out", "world", v2); got.Service != "world-v2" || l.asked.Load() != n+1 {
			t.Errorf("%q answers, after %d questions", got.Service, l.asked.Load())
		}
	}
}

const (
	corp   = "X-Forwarded-For: 10.1.2.3"
	cookie = "Cookie: corp=1"
	v2     = "l5d-dtab: /host/world => /srv/world-v2 ;"
)

// What is asked of whom, and where it goes: the service, or status and text.
func TestEnvoyGrants(t *testing.T) {
	// A condition that every request may meet leaves no guard before the others.
	many := rulePolicies + "always: {when: {not: {header: {name: x-off, exact: \"1\"}}}, override: /host/nobody => /srv/hello}\n"
	for i := range 8 { // so many that the routes of world are in a hash map
		many += fmt.Sprintf("p%d: {when: {cookie: {name: p, exact: \"%d\"}}, override: /host/world => /srv/hello}\n", i, i)
	}
	for name, policies := range map[string]string{"few": rulePolicies, "many": many} {
		t.Run(name, func(t *testing.T) {
			l := newRuleLab(t, policies)
			for _, test := range []struct {
				name, router, host, want, rules string
				lines                           []string
			}{
				{"nobody", "front", "world", "world-v1", "", nil},
				{"no grant", "front", "world", "world-v1", "", []string{v2}},
				{"half of a grant", "front", "world", "world-v1", "", []string{v2, corp}},
				{"the other half", "front", "world", "world-v1", "", []string{v2, cookie}},
				{"a grant", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{v2, corp, cookie}},
				{"a grant and no rule", "front", "world", "world-v1", "", []string{corp, cookie}},
				{"other case", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{strings.ToUpper(v2[:8]) + v2[8:], corp, cookie}},
				{"another service's rule", "front", "hello", "hello", "/host/world=>/srv/world-v2", []string{v2, corp, cookie}},
				{"two lines", "front", "world", "hello", "/host/world=>/srv/world-v2;/host/world=>/srv/hello", []string{v2, "l5d-dtab: /host/world => /srv/hello", corp, cookie}},
				{"an empty line", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"l5d-dtab:", v2, corp, cookie}},
				{"only empty", "front", "world", "world-v1", "", []string{"l5d-dtab: ", corp, cookie}},
				{"context from outside", "front", "world", "world-v1", "", []string{"l5d-ctx-dtab: /host/world => /srv/world-v2", corp, cookie}},
				{"and with a rule", "front", "hello", "hello", "/host/world=>/srv/world-v2", []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1", "l5d-sample: 1", v2, corp, cookie}},
				{"our name", "front", "world", "world-v1", "", []string{"x-kibble-dtab: /host/world => /srv/world-v2", corp, cookie}},
				{"our name and a rule", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"X-KIBBLE-Dtab: /host/world => /srv/hello", v2, corp, cookie}},
				{"our cluster", "front", "world", "world-v1", "", []string{"x-kibble-cluster: /#/io.l5d.k8s/default/http/hello", v2}},
				{"grant and override, the rule wins", "front", "world", "hello", "/host/world=>/srv/hello", []string{"x-both: 1", corp, "l5d-dtab: /host/world => /srv/hello"}},
				{"grant and override, no rule", "front", "world", "world-v2", "", []string{"x-both: 1", corp}},
				{"the override alone", "front", "world", "world-v2", "", []string{"Cookie: v2=1", "l5d-dtab: /host/world => /srv/hello"}},
				{"of a family", "front", "world", "world-v2", "/host/world=>/srv/world-v2", []string{"x-preview: pr-2", corp, v2}},
				{"of no member", "front", "world", "world-v1", "", []string{"x-preview: pr-3", corp, v2}},
				{"no adHocOverrides", "plain", "world", "world-v1", "", []string{v2, corp, cookie}},
				{"no adHocOverrides, context", "plain", "world", "world-v2", "", []string{"Cookie: corp=1; v2=1", corp, v2}},
				{"malformed", "front", "world", "400 '>' expected but ' ' found at '/a =[ ]/b'", "", []string{"l5d-dtab: /a = /b", corp, cookie}},
				{"one of two malformed", "front", "world", "400 ", "", []string{v2, "l5d-dtab: x", corp, cookie}},
				{"malformed, no grant", "front", "world", "world-v1", "", []string{"l5d-dtab: /a = /b"}},
				{"not text", "front", "world", "400 ", "", []string{"l5d-dtab: /host/\xff\xfe => /srv/x", corp, cookie}},
				{"a format", "front", "world", "400 ", "", []string{"l5d-dtab: %REQ(cookie)%", corp, cookie}},
				{"not allowed", "front", "world", "403 the override rewrites /srv; router default/front allows only what is below /host, /svc", "", []string{"l5d-dtab: /srv => /srv/x", corp, cookie}},
				{"wildcard", "front", "world", "403 the override rewrites /*/world", "", []string{"l5d-dtab: /*/world => /srv/x", corp, cookie}},
				{"out", "front", "world", "403 the override leads to /$/inet/127.0.0.1/80", "", []string{"l5d-dtab: /host/world => /srv/x | /$/inet/127.0.0.1/80", corp, cookie}},
				{"out by the table", "front", "world", "403 the override leads out to /$/io.buoyant.rinet/80/evil.example.com", "", []string{"l5d-dtab: /host/world => /out/evil.example.com", corp, cookie}},
				{"out by a union", "front", "world", "403 the override leads out to /$/io.buoyant.rinet/80/evil", "", []string{"l5d-dtab: /host/world => 1 * /srv/world-v2 & 1 * /out/evil", corp, cookie}},
				{"out by what is left", "front", "127.0.0.9", "403 the override leads out to /$/io.buoyant.rinet/80/127.0.0.9", "", []string{"l5d-dtab: /svc => /out", corp, cookie}},
				{"nowhere", "front", "world", "502 Unable to route request!\n\nservice name: /svc/world\noverride dtab:\n", "", []string{"l5d-dtab: /host/world => !", corp, cookie}},

				{"inside", "out", "world", "world-v2", "/host/world=>/srv/world-v2", []string{v2}},
				{"l5d-dtab beats l5d-ctx-dtab", "out", "world", "hello", "/host/world=>/srv/world-v2;/host/world=>/srv/hello", []string{"l5d-dtab: /host/world => /srv/hello", "l5d-ctx-dtab: /host/world => /srv/world-v2"}},
				{"l5d-ctx-dtab beats policies", "out", "world", "hello", "/host/world=>/srv/hello", []string{"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-ctx-dogfood: world-v2"}},
				{"policies beat the table", "out", "world", "world-v2", "/host/hello=>/srv/world-v1", []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1", "l5d-ctx-dogfood: world-v2"}},
				{"the table stays behind", "out", "world", "world-v1", "/host/world=>/srv/gone", []string{"l5d-dtab: /host/world => /srv/gone"}},
				{"lines in order", "out", "world", "world-v2", "/host/world=>/srv/hello;/host/world=>/srv/world-v2", []string{"l5d-dtab: /host/world => /srv/hello", v2}},
				{"inside a comma is none of ours", "out", "world", "400 ", "", []string{"l5d-dtab: /host/world => /srv/hello,/host/world => /srv/world-v2"}},
				{"malformed inside", "out", "world", "400 simple expected but 'b' found at '/a => [b]'", "", []string{"l5d-ctx-dtab: /a => b"}},
				{"nowhere inside", "out", "world", "502 Unable to route request!\n\nservice name: /svc/world\nbase dtab:\n", "", []string{"l5d-dtab: /host/world => !"}},
				{"our name inside", "out", "world", "world-v1", "", []string{"x-kibble-cluster: /#/io.l5d.k8s/default/http/hello"}},
				{"malformed host inside", "out", "a..b", "400 ", "", []string{v2}},
			} {
				t.Run(test.name, func(t *testing.T) {
					resp, body, got := l.compare(t, test.router, test.host, test.lines...)
					status, text, failed := strings.Cut(test.want, " ")
					switch {
					case failed && (strconv.Itoa(resp.StatusCode) != status || !strings.HasPrefix(body, text)):
						t.Errorf("%s %q, want %q", resp.Status, body, test.want)
					case !failed && (got.Service != test.want || got.Header.Get("L5d-Ctx-Dtab") != test.rules):
						t.Errorf("%s %q: %+v, want %s with %q", resp.Status, body, got, test.want, test.rules)
					}
					if resp.StatusCode != 200 && test.router != "out" && strings.Contains(body, "io.l5d.k8s") {
						t.Errorf("it tells of the table: %q", body)
					}
				})
			}
		})
	}
}

// When the resolver is away only requests with a rule of their own fail, at
// once, and say why.
func TestEnvoyGrantsWithoutResolver(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	served := l.model.Swap(nil)
	if resp, body := l.raw(t, "out", "world", v2); resp.StatusCode != 503 || !strings.HasPrefix(body, "The resolver for l5d-dtab") {
		t.Errorf("where it has read nothing yet: %s %q", resp.Status, body)
	}
	l.model.Store(served)
	if _, _, got := l.compare(t, "front", "world", v2, corp, cookie); got.Service != "world-v2" {
		t.Fatalf("at first: %+v", got)
	}
	l.stop()
	for _, test := range []struct {
		router string
		status int
		lines  []string
	}{
		{"front", 503, []string{v2, corp, cookie}},
		{"front", 200, []string{v2}},
		{"front", 200, []string{corp, cookie}},
		{"front", 200, []string{"Cookie: v2=1"}},
		{"out", 503, []string{v2}},
		{"out", 503, []string{"l5d-ctx-dtab: /host/hello => /srv/world-v1"}},
		{"out", 200, []string{"l5d-ctx-dogfood: world-v2"}},
	} {
		resp, body := l.raw(t, test.router, "world", test.lines...)
		if resp.StatusCode != test.status || test.status == 503 && !strings.HasPrefix(body, "The resolver for l5d-dtab") {
			t.Errorf("%s %q: %s %q, want %d", test.router, test.lines, resp.Status, body, test.status)
		}
	}
}

// For random requests of people with and without a grant Envoy does what explain says.
func TestEnvoyGrantsAsExplained(t *testing.T) {
	l := newRuleLab(t, rulePolicies)
	whose := rapid.SampledFrom([][]string{
		{corp, cookie}, {corp, "x-preview: pr-1"}, {corp, "Cookie: v2=1; corp=1"}, {corp, "x-both: 1"}, {corp, cookie, "x-both: 1"},
		{}, {corp}, {cookie}, {"X-Forwarded-For: 11.1.1.1", cookie}, {"Cookie: v2=1"}, {corp, "x-both: 2"},
	})
	line := rapid.SampledFrom([]string{
		v2, "L5D-DTAB: /host/world => /srv/hello", "l5d-dtab: /host/hello => /host/world ; /host/world => /srv/hello",
		"l5d-dtab: /svc => /srv", "l5d-dtab: /host/* => /srv/world-v2", "l5d-dtab: /srv => /host", "l5d-dtab: /host => ~ | /out",
		"l5d-dtab: /host/world => /srv/gone | /srv/world-v2", "l5d-dtab: /host/world => ! | /srv/hello", "l5d-dtab: /host/world => $",
		"l5d-dtab:", "l5d-dtab: x", "l5d-dtab: /a => /b,", "l5d-dtab: /host/world => /$/inet/127.0.0.1/1", "l5d-dtab: /host/world => /srv/gone",
		"l5d-ctx-dtab: /host/world => /srv/hello", "l5d-ctx-dtab: x", "l5d-ctx-dogfood: world-v2", "l5d-ctx-dogfood: letmein",
		"x-kibble-dtab: /host/world => /srv/hello", "x-kibble-cluster: x", "l5d-sample: 1", "dtab-local: /a => /b",
	})
	statuses := map[int]int{}
	property := func(rt *rapid.T) {
		lines := slices.Concat(whose.Draw(rt, "who"), rapid.SliceOfN(line, 0, 3).Draw(rt, "lines"))
		router := rapid.SampledFrom([]string{"front", "plain", "out"}).Draw(rt, "router")
		host := rapid.SampledFrom([]string{"world", "hello", "world", "world-v2", "gone"}).Draw(rt, "host")
		x := l.explain(rt, router, host, lines...)
		if len(x.Destinations) > 0 && strings.Contains(x.Destinations[0].Cluster, "rinet") {
			rt.Skip("goes out")
		}
		resp, _, _ := l.compare(rt, router, host, lines...)
		statuses[resp.StatusCode]++
	}
	// What random draws bring is a matter of luck, of few of them more so.
	for range 50 {
		rapid.Check(t, property)
		missing := func(status int) bool { return statuses[status] == 0 }
		if t.Failed() || !slices.ContainsFunc([]int{200, 400, 403, 502}, missing) {
			return
		}
	}
	t.Errorf("the draws prove too little: %v", statuses)
}
