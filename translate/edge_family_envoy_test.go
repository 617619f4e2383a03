package translate

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// Members of families are found by look-up where that can be, and one by one
// where not; what holds is the same.
func TestFamiliesAreDecidedAsExplained(t *testing.T) {
	namespaces := map[string]map[string]string{"pr-1": {"preview": "yes"}, "pr-2": {"preview": "yes"}, "x": {"preview": "yes"}, "no": nil}
	const each = "{forEach: {namespaceSelector: {matchLabels: {preview: 'yes'}}}, when: "
	for _, test := range []struct {
		when   string
		lookup bool
	}{
		{"{cookie: {name: a, exact: '{namespace}'}}", true},
		{"{header: {name: x-a, exact: '{namespace}'}}", true},
		{"{header: {name: x-a, exact: 'env-{namespace}'}, cookie: {name: b, exact: '1'}}", true},
		{"{cookie: {name: a, exact: '{namespace}'}, sourceRanges: [10.0.0.0/8], header: {name: x-a, exact: '1'}}", true},
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
			if rows := policyRows(dogfood.InContext(policies)); (len(rows) == 2) != test.lookup {
				t.Errorf("%d rows", len(rows))
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
		})
	}
}
