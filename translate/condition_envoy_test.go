package translate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// What Envoy decides is what Explain says, for random policies and requests.
func TestEnvoyDecidesAsExplained(t *testing.T) {
	for _, test := range []struct {
		name string
		want func(dogfood.Policy) bool
	}{
		{"guarded", func(p dogfood.Policy) bool { return signsOf(p.When) != nil }},
		{"not guarded", func(dogfood.Policy) bool { return true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			policies := somePolicies(t, 200, 1, test.want)
			up, upstream := newEcho(t)
			l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: 1}, policies, upstream)
			c := newRawClient(t, l.address)
			requests := genEdgeRequest(testTokens())
			seen := map[string]bool{}
			rapid.Check(t, func(rt *rapid.T) {
				r := requests.Draw(rt, "request")
				compareDecision(rt, c, func() *http.Request { return up.last(t) }, policies, r)
				for _, p := range policies {
					eachLeaf(p.When, func(leaf dogfood.Condition) {
						seen[fmt.Sprintf("%T %v", leaf, leaf.Explain(r, verifyNow).Holds)] = true
					})
				}
			})
			if len(seen) != 10 {
				t.Errorf("of each of 5 kinds of leaves some should hold and some not: %v", seen)
			}
		})
	}
}

// compareDecision sends a request and holds what the upstream is told against
// Decide: one line with the ids that hold, or none, and the route that fits.
func compareDecision(t *rapid.T, c *rawClient, last func() *http.Request, policies []dogfood.Policy, r dogfood.Request) {
	want := dogfood.Decide(policies, r, verifyNow)
	route, lines := "baseline", 0
	if len(want) > 0 {
		route, lines = "override", 1
	}
	resp, _ := c.send(t, requestText(r))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s for %q", resp.Status, requestText(r))
	}
	got := last().Header
	told := got.Values(dogfood.ContextHeader)
	if strings.Join(told, "|") == want.String() && len(told) == lines && got.Get("X-Route") == route {
		return
	}
	for _, p := range policies {
		v := p.When.Explain(r, verifyNow)
		if here := slices.Contains(dogfood.ParseContext(told), p.ID); here != v.Holds {
			t.Fatalf("Envoy says %v of %s\n%s\nrequest: %q", here, p.When, v, requestText(r))
		}
	}
	t.Fatalf("context %q by route %s, want %q by %s\nrequest: %q", told, got.Get("X-Route"), want, route, requestText(r))
}

// A guard never keeps a policy from holding.
func TestGuardLetsThrough(t *testing.T) {
	requests := genEdgeRequest(testTokens())
	rapid.Check(t, func(t *rapid.T) {
		p, ok := compileCondition("p", genCondition().Draw(t, "condition"))
		if !ok {
			t.Skip("not a policy")
		}
		signs := signsOf(p.When)
		r := requests.Draw(t, "request")
		if signs == nil || !p.When.Explain(r, verifyNow).Holds {
			return
		}
		if !dogfood.Any(signs).Explain(r, nil).Holds {
			t.Fatalf("%s holds, and none of %s", p.When, dogfood.Any(signs))
		}
	})
}
