package dogfood

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

func ids(policies []Policy) []string {
	var out []string
	for _, p := range policies {
		out = append(out, p.ID)
	}
	return out
}

func TestOrders(t *testing.T) {
	policies := []Policy{
		{ID: "b", Name: "b"}, {ID: "top", Name: "top", Priority: 9}, {ID: "a", Name: "a"},
		{ID: "f.pr-2", Name: "f", Family: "f", Member: "pr-2", Priority: 10},
		{ID: "f.pr-1", Name: "f", Family: "f", Member: "pr-1", Priority: 10},
	}
	if diff := cmp.Diff([]string{"f.pr-1", "f.pr-2", "a", "b", "top"}, ids(InContext(policies))); diff != "" {
		t.Error(diff)
	}
	Sort(policies)
	if diff := cmp.Diff([]string{"a", "b", "top", "f.pr-1", "f.pr-2"}, ids(policies)); diff != "" {
		t.Error(diff)
	}
}

func TestUnique(t *testing.T) {
	kept, found := Unique([]Policy{
		{ID: "a.b", Name: "a", Family: "a", Member: "b", Namespace: "default"},
		{ID: "a.b", Name: "a.b", Namespace: "z", Pos: dtab.Pos{Source: "z"}},
		{ID: "a.b", Name: "a.b", Namespace: "y", Pos: dtab.Pos{Source: "y"}},
		{ID: "c", Name: "c"},
	})
	if len(kept) != 2 || kept[0].Namespace != "y" || kept[1].ID != "c" {
		t.Errorf("kept %v", kept)
	}
	if len(found) != 2 || found[0].Pos.Source != "z" {
		t.Errorf("found %v", found)
	}
}

func TestContext(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"pr-1.a,world-v2"}, "pr-1.a,world-v2"},
		{[]string{" a , b\t,", "c,a"}, "a,b,c"},
		{[]string{"A,a b,a%2Cb,é,a\x00,x_y,ok"}, "ok"},
	} {
		if got := ParseContext(test.lines).String(); got != test.want {
			t.Errorf("ParseContext(%q) = %q, want %q", test.lines, got, test.want)
		}
	}
	var many []string
	for i := range 1000 {
		many = append(many, string(rune('a'+i%26))+string(rune('a'+i/26)))
	}
	if got := ParseContext(many); len(got) != maxIDs {
		t.Errorf("%d ids are read", len(got))
	}
}

func TestContextLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := ParseContext(rapid.SliceOf(rapid.StringMatching(`[a-c.,_ -]{0,12}`)).Draw(t, "lines"))
		if diff := cmp.Diff(c, ParseContext([]string{c.String()})); diff != "" {
			t.Error("what is printed is not what is read:", diff)
		}
		for _, id := range c {
			if !isID(id) {
				t.Errorf("%q is not an id", id)
			}
		}
	})
}

func TestDecide(t *testing.T) {
	policies := []Policy{
		{ID: "a", Name: "a", When: condition(t, "{header: {name: x, exact: '1'}}")},
		{ID: "b", Name: "b", When: condition(t, "{header: {name: y, exact: '1'}}")},
		{ID: "f.n", Name: "f", Family: "f", Member: "n", When: condition(t, "{header: {name: x, exact: '1'}}")},
	}
	c := Decide(policies, Request{Header: http.Header{"X": {"1"}}}, nil)
	if c.String() != "f.n,a" {
		t.Errorf("got %q", c)
	}
	if diff := cmp.Diff([]string{"a", "f.n"}, ids(c.Active(policies))); diff != "" {
		t.Error(diff)
	}
}
