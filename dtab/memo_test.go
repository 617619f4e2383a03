package dtab

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Answers that are remembered are those that would be found again.
func TestMemory(t *testing.T) {
	names := []string{"/a", "/b", "/c", "/d/x", "/$/inet/1/1", "/$/nil", "/$/fail", "/$/nope", "/nope", "~",
		"/$/io.buoyant.http.domainToPath/a..b", "/$/io.buoyant.http.domainToPath/b.a"}
	rapid.Check(t, func(t *rapid.T) {
		var text string
		for i := range rapid.IntRange(1, 7).Draw(t, "rules") {
			prefix := rapid.SampledFrom([]string{"/a", "/b", "/c", "/d", "/d/*"}).Draw(t, "prefix")
			dst := rapid.SampledFrom(names).Draw(t, "first")
			for range rapid.IntRange(0, 2).Draw(t, "more") {
				dst += rapid.SampledFrom([]string{" | ", " & ", " & 0.5 * "}).Draw(t, "operator")
				dst += rapid.SampledFrom(names).Draw(t, "next")
			}
			if i > 0 {
				text += ";"
			}
			text += prefix + " => " + dst
		}
		table, err := Parse(Source{}, text)
		if err != nil {
			t.Fatal(err)
		}
		in := &Interpreter{Dtab: table}
		all := rapid.Bool().Draw(t, "all")
		bind := func(lookups int) (string, bool) {
			b := binder{Interpreter: in, all: all, memo: memo{lookups: lookups}, budget: budget{real: 20_000, original: 20_000}}
			found, err := b.path(Path{"a"}, b.top(), 0)
			if b.exhausted() {
				return "", false
			}
			return fmt.Sprint(found.tree, found.end, err), true
		}
		remembered, _ := bind(memoAfter)
		if forgot, ok := bind(-1 << 40); ok && forgot != remembered {
			t.Fatalf("%s: %s with memory, %s without", text, remembered, forgot)
		}
	})
}
