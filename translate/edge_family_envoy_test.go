package translate

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// Members of families are found by look-up where that can be, and one by one
// where not; what holds is the same.
func TestFamiliesAreDecidedAsExplained(t *testing.T) {
	namespaces := map[string]map[string]string{"pr-1": {"preview": "yes"}, "pr-2": {"preview": "yes"}, "x": {"preview": "yes"}, "y": {"preview": "yes"}, "no": nil}
	const each = "{forEach: {namespaceSelector: {matchLabels: {preview: 'yes'}}}, when: "
	for _, test := range []struct {
		when   string
		lookup bool
	}{
		{"{cookie: {name: a, exact: '{namespace}'}}", true},
		{"{header: {name: x-a, exact: '{namespace}'}}", true},
		{"{header: {name: x-a, exact: 'env-{namespace}'}, cookie: {name: b, exact: '1'}}", true},
		{"{cookie: {name: a, exact: '{namespace}'}, sourceRanges: [10.0.0.0/8], header: {name: x-a, exact: '1'}}", true},
		{"{cookie: {name: a, exact: '{namespace}'}, header: {name: x-a, regex: '[0-9]'}}", true},
		{"{cookie: {name: a, exact: '{namespace}', ignoreCase: true}}", false},
		{"{cookie: {name: a, contains: '{namespace}'}}", false},
		{"{any: [{cookie: {name: a, exact: '{namespace}'}}, {header: {name: x-a, exact: '{namespace}'}}]}", false},
		{"{cookie: {name: a, exact: '{namespace}'}, header: {name: x-a, exact: '{namespace}'}}", false},
		{"{cookie: {name: a, exact: '{namespace}'}, percent: {of: '50', cookie: b}}", true},
	} {
		t.Run(test.when, func(t *testing.T) {
			policies := compilePolicies(t, namespaces,
				[2]string{"family", each + test.when + "}"},
				[2]string{"plain", "{when: {cookie: {name: b, exact: '1'}}}"})
			rows := len(policies)
			if test.lookup {
				rows = 2
			}
			checkDecisions(t, policies, rows)
		})
	}
}

// So are policies that somebody wrote one by one, where they differ in nothing but a value.
func TestNeighboursAreDecidedAsExplained(t *testing.T) {
	cookies := []string{"{cookie: {name: a, exact: 'x'}}", "{cookie: {name: a, exact: '1'}}", "{cookie: {name: a, exact: 'pr-1'}}", "{cookie: {name: a, exact: 'pr-2'}}"}
	with := func(more string) (all []string) {
		for _, c := range cookies {
			all = append(all, strings.TrimSuffix(c, "}")+", "+more+"}")
		}
		return all
	}
	for _, test := range []struct {
		name string
		when []string
		rows int
	}{
		{"cookies", cookies, 1},
		{"few", cookies[:3], 3},
		{"no value", append(cookies[:4:4], "{cookie: {name: a, exact: '-'}}"), 2},
		{"the last like the first", append(cookies[:4:4], cookies[0]), 2},
		{"another name", append(cookies[:3:3], "{cookie: {name: b, exact: 'pr-1'}}"), 4},
		{"a header in place of a cookie", append(cookies[:3:3], "{header: {name: a, exact: 'pr-2'}}"), 4},
		{"headers", []string{"{header: {name: x-a, exact: 'x'}}", "{header: {name: X-A, exact: '1'}}", "{header: {name: x-a, exact: 'pr-1'}}", "{header: {name: x-a, exact: 'pr-2'}}"}, 1},
		{"one rest", with("header: {name: x-a, exact: '1'}"), 1},
		{"another rest", append(with("header: {name: x-a, exact: '1'}"), "{cookie: {name: a, exact: 'no'}, header: {name: x-a, exact: 'x'}}"), 2},
		{"shares, which are of different people", with("percent: {of: '50', cookie: b}"), 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			var written [][2]string
			for i, when := range test.when {
				written = append(written, [2]string{fmt.Sprintf("p%d", i), "{when: " + when + "}"})
			}
			checkDecisions(t, compilePolicies(t, nil, written...), test.rows)
		})
	}
}

// checkDecisions has Envoy decide policies in some rows, and explain say what it decides.
func checkDecisions(t *testing.T, policies []dogfood.Policy, rows int) {
	t.Helper()
	if got := policyRows(dogfood.InContext(policies)); len(got) != rows {
		t.Errorf("%d rows, want %d", len(got), rows)
	}
	up, upstream := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: 1}, policies, upstream)
	c := newRawClient(t, l.address)
	value := rapid.SampledFrom([]string{"", "-", "pr-1", "PR-1", "pr-2", "env-pr-2", "x", "no", "pr-1,pr-2", `"pr-1"`, "1"})
	rapid.Check(t, func(rt *rapid.T) {
		r := dogfood.Request{Method: "GET", Host: "a", Path: "/", Header: http.Header{}}
		r.Source = netip.MustParseAddr(rapid.SampledFrom([]string{"10.0.0.1", "192.0.2.1"}).Draw(rt, "source"))
		for _, name := range []string{"a", "b"} {
			if rapid.Bool().Draw(rt, "cookie?") {
				r.Header.Add("Cookie", fmt.Sprintf("%s=%s", name, value.Draw(rt, "cookie")))
			}
		}
		if rapid.Bool().Draw(rt, "header?") {
			r.Header.Add("X-A", value.Draw(rt, "header"))
		}
		compareDecision(rt, c, func() *http.Request { return up.last(t) }, policies, r)
	})
}
