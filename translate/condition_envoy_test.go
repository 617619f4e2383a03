package translate

import (
	"fmt"
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
			_, address := standalone{spec: untrustedSpec(), policies: policies, routes: tellContext()}.start(t)
			c := newClient(t, address)
			requests := genEdgeRequest(testTokens())
			seen := map[string]bool{}
			rapid.Check(t, func(rt *rapid.T) {
				r := requests.Draw(rt, "request")
				compareDecision(rt, c, policies, r)
				for _, p := range policies {
					eachLeaf(p.When, func(leaf dogfood.Condition) {
						seen[fmt.Sprintf("%T %v", leaf, leaf.Explain(r, verifyTest).Holds)] = true
					})
				}
			})
			if len(seen) != 10 {
				t.Errorf("of each of 5 kinds of leaves some should hold and some not: %v", seen)
			}
		})
	}
}

// compareDecision sends a request and holds Envoy's answer against Decide.
func compareDecision(t *rapid.T, c *client, policies []dogfood.Policy, r dogfood.Request) {
	want := dogfood.Decide(policies, r, verifyTest)
	text := "without -"
	if len(want) > 0 {
		text = "with " + want.String()
	}
	status, got := c.send(t, requestLines(r)...)
	if status == 200 && got == text {
		return
	}
	has := dogfood.ParseContext([]string{strings.TrimPrefix(got, "with ")})
	for _, p := range policies {
		v := p.When.Explain(r, verifyTest)
		if here := len(dogfood.Context(has).Active([]dogfood.Policy{p})) == 1; here != v.Holds {
			t.Fatalf("Envoy says %v of %s\n%s\nrequest:\n%q", here, p.When, v, requestLines(r))
		}
	}
	t.Fatalf("status %d, got %q, want %q\nrequest:\n%q", status, got, text, requestLines(r))
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
		if signs == nil || !p.When.Explain(r, verifyTest).Holds {
			return
		}
		if !dogfood.Any(signs).Explain(r, nil).Holds {
			t.Fatalf("%s holds, and none of %s", p.When, dogfood.Any(signs))
		}
	})
}
