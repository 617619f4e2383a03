package translate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What somebody declares is found as a request would find it, and of what is
// for a context nothing is.
func TestLeadsClusters(t *testing.T) {
	ls := Leads{}
	for _, l := range []Lead{
		{Host: "world", Route: "1", Clusters: []string{"w"}},
		{Host: "world", Route: "2", Context: true, Clusters: []string{"w2"}},
		{Host: "a.shop:8080", Route: "3", Clusters: []string{"a", "b"}},
		{Host: "*.shop", Route: "4", Clusters: []string{"s"}},
		{Host: "*.deep.shop", Route: "5", Clusters: []string{"d"}},
		{Host: "*", Route: "6", Clusters: []string{"rest"}},
	} {
		ls.Add(l)
	}
	for declared, want := range map[string][]string{
		"world": {"w"}, "WORLD.": {"w"}, "world:80": {"w"}, "a.shop": {"a", "b"}, "b.shop": {"s"}, "x.deep.shop": {"d"},
		"x.y.deep.shop": {"d"}, "deep.shop": {"s"}, "other": nil, "shop": nil, "*.shop": {"a", "b", "d", "s"}, "/#/x": {"/#/x"},
	} {
		if diff := cmp.Diff(want, ls.Clusters(declared)); diff != "" {
			t.Errorf("%s: %s", declared, diff)
		}
	}
	ls.Remove(Lead{Host: "*.shop", Route: "4"})
	if got := ls.Clusters("b.shop"); got != nil {
		t.Errorf("it is gone, and leads to %v", got)
	}
}
