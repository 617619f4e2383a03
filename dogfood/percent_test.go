package dogfood

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"kibble.dev/dtab"
)

// Two policies of one share choose different people, each the same ones every
// time; nobody is among 0 percent, and everybody who can be told apart among 100.
func TestPercentOfPeople(t *testing.T) {
	policy := func(name, of string) Policy {
		obj := read(t, "{when: {percent: {of: '"+of+"', cookie: uid}}, override: /a => /b}")
		obj.Name = name
		all, found := Compile(obj, func(field string) dtab.Source { return dtab.Source{Name: field} }, Facts{}, time.Time{})
		if len(all) != 1 {
			t.Fatal(found)
		}
		return all[0]
	}
	const people = 10_000
	chosen := func(p Policy) map[int]bool {
		all := map[int]bool{}
		for i := range people {
			r := Request{Header: http.Header{"Cookie": {fmt.Sprintf("uid=person-%d", i)}}}
			if p.When.Explain(r, nil).Holds {
				all[i] = true
			}
		}
		return all
	}
	a, again, b := chosen(policy("a", "10")), chosen(policy("a", "10")), chosen(policy("b", "10"))
	both := 0
	for i := range a {
		if !again[i] {
			t.Fatalf("person %d is chosen once only", i)
		}
		if b[i] {
			both++
		}
	}
	// About 1,000 each and 100 in both; the bounds are far outside of chance, and
	// the hash does not change from run to run.
	if len(a) < 850 || len(a) > 1150 || len(b) < 850 || len(b) > 1150 || both < 50 || both > 160 {
		t.Errorf("of %d people one chooses %d, the other %d, both %d", people, len(a), len(b), both)
	}
	if n := len(chosen(policy("a", "0"))); n != 0 {
		t.Errorf("0 percent are %d", n)
	}
	if n := len(chosen(policy("a", "100"))); n != people {
		t.Errorf("100 percent are %d of %d", n, people)
	}
	if policy("a", "100").When.Explain(Request{}, nil).Holds {
		t.Error("somebody who cannot be told apart is among 100 percent")
	}
}
