package discovery

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"kibble.dev/api/v1alpha1"
)

// When an object is gone, was it deleted, or did it go with its kind?
func TestGuard(t *testing.T) {
	installed := func(uid string) definition { return definition{there: true, uid: types.UID(uid)} }
	deleting := func(uid string) definition { return definition{uid: types.UID(uid)} }
	for _, test := range []struct {
		name   string
		before definition
		seen   []definition // meanwhile
		now    definition
		kept   bool
	}{
		{"deleted", installed("a"), nil, installed("a"), false},
		{"the kind is being deleted", installed("a"), nil, deleting("a"), true},
		{"the kind is not there", installed("a"), nil, definition{}, true},
		{"the kind was installed again", installed("a"), nil, installed("b"), true},
		{"the API server did not know the kind for a moment", installed("a"), []definition{{}}, installed("a"), false},
		{"nobody may look, deleted", installed(""), nil, installed(""), false},
		{"nobody may look, the kind was away", installed(""), []definition{{}}, installed(""), true},
		{"nobody may look any more", installed("a"), nil, installed(""), false},
	} {
		answers := test.before
		g := newGuard(v1alpha1.KindRouter, func(context.Context, string) (definition, error) { return answers, nil })
		list := func(missing bool) bool {
			t.Helper()
			if err := g.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			kept, err := g.end(t.Context(), missing)
			if err != nil {
				t.Fatal(err)
			}
			return kept
		}
		list(false)
		i := id{v1alpha1.KindRouter, "default", "in"}
		g.doubt(i)
		for _, answers = range test.seen {
			if _, err := g.now(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		answers = test.now
		now, err := g.now(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		g.settle(map[id]doubt{i: g.doubted[i]}, now, func(gone, kept map[id]bool) {
			if kept[i] != test.kept || gone[i] == test.kept {
				t.Errorf("%s: gone %v, kept %v", test.name, gone, kept)
			}
		})
		if kept := list(true); kept != test.kept {
			t.Errorf("%s, and seen in a list: kept %v", test.name, kept)
		}
	}
}

// An answer that is older than a deletion says nothing of it.
func TestGuardOfWhatCameBack(t *testing.T) {
	g := newGuard(v1alpha1.KindRouter, nil)
	i := id{v1alpha1.KindRouter, "default", "in"}
	g.doubt(i)
	asked := map[id]doubt{i: g.doubted[i]}
	g.back(i, func() {})
	g.doubt(i)
	g.settle(asked, edition{definition: definition{there: true}}, func(gone, kept map[id]bool) {
		if len(gone)+len(kept) > 0 {
			t.Errorf("gone %v, kept %v", gone, kept)
		}
	})
	if len(g.doubted) != 1 {
		t.Error("it is not asked about again")
	}
}
