package dtab_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

// An index says what its table says, however it was made, and names that no
// edited prefix matches mean the same.
func TestIndexIsItsTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		in.MaxWork = 200
		table := in.Dtab
		index := dtab.NewIndex(table)
		for range rapid.IntRange(0, 5).Draw(t, "edits") {
			before := over(in, nil, table)
			table = edited(t, table)
			next, prefixes := index.With(table)
			index = next
			path := anyPath().Draw(t, "path")
			if read := visited(before, path); !slices.ContainsFunc(read, func(p dtab.Path) bool {
				return slices.ContainsFunc(prefixes, func(x dtab.Prefix) bool { return x.Matches(p) })
			}) {
				sameBinding(t, before, over(in, nil, table), path)
			}
		}
		top := anyTable().Draw(t, "top")
		path := anyPath().Draw(t, "path")
		flat := over(in, nil, slices.Concat(table, top))
		based := over(in, index, top)
		sameBinding(t, flat, based, path)
		if want, got := visited(flat, path), visited(based, path); !slices.EqualFunc(want, got, dtab.Path.Equal) {
			t.Fatalf("looked up %v, by the index %v", want, got)
		}
		if diff := diffTrace(based, path); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(labels(dtab.NewIndex(table).Root()), labels(index.Root())); diff != "" {
			t.Fatalf("labels (-anew +edited):\n%s", diff)
		}
	})
}

// edited takes entries out of a table, puts others in, or changes them.
func edited(t *rapid.T, table dtab.Dtab) dtab.Dtab {
	table = slices.Clone(table)
	for range rapid.IntRange(1, 3).Draw(t, "at once") {
		more := anyTable().Draw(t, "more")
		at := rapid.IntRange(0, len(table)).Draw(t, "at")
		switch {
		case len(more) > 0 && rapid.Bool().Draw(t, "add"):
			table = slices.Insert(table, at, more[0])
		case at < len(table) && len(more) > 0:
			table[at].Dst = more[0].Dst
		case at < len(table):
			table = slices.Delete(table, at, at+1)
		}
	}
	return table
}

func over(in dtab.Interpreter, base *dtab.Index, table dtab.Dtab) dtab.Interpreter {
	in.Base, in.Dtab = base, table
	return in
}

func visited(in dtab.Interpreter, path dtab.Path) (all []dtab.Path) {
	in.Visit = func(p dtab.Path) { all = append(all, p.Join()) }
	_, _ = in.Bind(path) // an error is an answer too
	return all
}

func sameBinding(t *rapid.T, a, b dtab.Interpreter, path dtab.Path) {
	t.Helper()
	want, wantErr := a.BindAll(path)
	got, gotErr := b.BindAll(path)
	if !reflect.DeepEqual(want, got) || (wantErr == nil) != (gotErr == nil) || wantErr != nil && wantErr.Error() != gotErr.Error() {
		t.Fatalf("%s: %v, %v, but %v, %v", path, want, wantErr, got, gotErr)
	}
}

func labels(n *dtab.Node) (all []string) {
	if n.Ends() {
		all = append(all, "end")
	}
	for _, l := range n.Labels() {
		all = append(all, l, "(")
		all = append(append(all, labels(n.Child(l))...), ")")
	}
	if n.Any() != nil {
		all = append(append(append(all, "*", "("), labels(n.Any())...), ")")
	}
	return all
}

// A place whose many children all go, and to which few come in the same edit, lists
// those.
func TestIndexOfFewAgain(t *testing.T) {
	rules := func(text string, n int) (table dtab.Dtab) {
		for i := range n {
			d, err := dtab.ParseDentry(dtab.Source{}, fmt.Sprintf("/a/%s%d => /b", text, i))
			if err != nil {
				t.Fatal(err)
			}
			table = append(table, d)
		}
		return table
	}
	for _, c := range []struct{ was, is dtab.Dtab }{
		{rules("x", 20), rules("y", 3)},
		{rules("x", 20), rules("x", 3)},
		{rules("x", 3), rules("y", 20)},
		{rules("x", 8), rules("x", 9)},
	} {
		got, _ := dtab.NewIndex(c.was).With(c.is)
		if diff := cmp.Diff(labels(dtab.NewIndex(c.is).Root()), labels(got.Root())); diff != "" {
			t.Errorf("%v to %v (-anew +edited):\n%s", c.was, c.is, diff)
		}
	}
}
