package dtab

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// From where the right side of an entry leads, the same entries are found as from the
// top, also when the table was edited.
func TestStartsLeadOnAsTheTop(t *testing.T) {
	segments := func(from ...string) *rapid.Generator[[]string] {
		return rapid.SliceOfN(rapid.SampledFrom(from), 0, 3)
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (table Dtab) {
			for range rapid.IntRange(1, 8).Draw(t, "rules") {
				prefix := segments("a", "b", "c", "*").Draw(t, "prefix")
				dst := segments("a", "b", "c").Draw(t, "dst")
				d, err := ParseDentry(Source{}, "/"+strings.Join(prefix, "/")+" => /"+strings.Join(dst, "/"))
				if err != nil {
					t.Fatal(err)
				}
				table = append(table, d)
			}
			return table
		}
		table := draw()
		in := &Interpreter{Base: NewIndex(table)}
		sameFromStarts(t, in, segments("a", "b", "c").Draw(t, "rest"))
		in.Base, _ = in.Base.With(append(draw(), table[rapid.IntRange(0, len(table)).Draw(t, "kept"):]...))
		sameFromStarts(t, in, segments("a", "b", "c").Draw(t, "rest after"))
	})
}

func sameFromStarts(t *rapid.T, in *Interpreter, rest Path) {
	for i, d := range in.Base.Dtab() {
		path := d.Dst.(Leaf).Path.Join(rest...)
		var want []match
		for j := len(in.Base.table) - 1; j >= 0; j-- {
			if e := &in.Base.table[j]; e.Prefix.Matches(path) {
				want = append(want, match{e, j})
			}
		}
		for _, from := range []*start{in.Base.start(i), in.top()} {
			var m matches
			var got []match
			for d := in.first(path, from, &m); d.Dentry != nil; d = in.next(path, &m) {
				got = append(got, d)
			}
			if !slices.Equal(want, got) {
				t.Fatalf("%s: %v, want %v, in\n%s", path, got, want, in.Base.Dtab().Indented("  "))
			}
		}
	}
}
