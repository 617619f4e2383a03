package dtab_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

// Rules that match none of the names on the way change nothing.
func TestOverrideOfOtherNamesIsNeutral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		path := anyPath().Draw(t, "path")
		override := anyTable().Draw(t, "override")
		touched := false
		in.Visit = func(name dtab.Path) {
			for _, dentry := range override {
				touched = touched || dentry.Prefix.Matches(name)
			}
		}
		want := outcome(in.Bind(path))
		if touched {
			return
		}
		in.Visit = nil
		in.Dtab = append(slices.Clip(in.Dtab), override...)
		if got := outcome(in.Bind(path)); got != want {
			t.Fatalf("%s under %s: %s", path, in.Dtab, got)
		}
	})
}

// A binding's effort has the bound that it is given.
func TestWorkLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := anyInterpreter(t)
		path := anyPath().Draw(t, "path")
		visits := 0
		in.Visit = func(dtab.Path) { visits++ }
		in.MaxWork = rapid.IntRange(1, 50).Draw(t, "limit")
		if got := outcome(in.Bind(path)); visits > in.MaxWork || !strings.Contains(got, "too many look-ups") && got !=
			outcome((&dtab.Interpreter{Dtab: in.Dtab, Namers: in.Namers}).Bind(path)) {
			t.Fatalf("%s: %d look-ups of %d, %s", path, visits, in.MaxWork, got)
		}
	})
}

func outcome(tree dtab.Tree, err error) string {
	if err != nil {
		return err.Error()
	}
	return tree.String()
}

func TestBindAll(t *testing.T) {
	exists := world{"default/http/a": true, "default/http/b": true, "default/http/c": true}
	const s = "/s => /#/io.l5d.k8s/default/http ; "
	for _, c := range []struct{ table, want string }{
		{"/n => /s/a | /s/b | /s/c", "a | b | c"},
		{"/n => /s/nope | /s/b | /s/nope | /s/c", "b | c"},
		{"/n => (/s/a | /s/b) | /s/c", "a | b | c"},
		{"/n => /s/a | $ | /s/c", "a"},
		{"/n => /s/a | /$/nope | /s/c", "a"},
		{"/n => $ | /s/c", "$"},
		{"/n => ~ | !", "!"},
		{"/n => /s/c ; /n => /s/a", "a | c"},
		// What would fail if it were gone has nothing behind it, also seen from afar.
		{"/n => /s/c ; /n => /s/a | !", "a"},
		{"/n => /m | /s/c ; /m => /s/a | !", "a"},
		{"/n => /m | /s/c ; /m => /s/a | $", "a"},
		// In a weighted choice a fail is dropped, and what is empty is not.
		{"/n => (/s/a | !) & /s/b | /s/c", "a & b | c"},
		{"/n => (/s/a | $) & /s/b | /s/c", "a & b"},
		{"/n => $ & /s/b | /s/c", "$ & b"},
		{"/n => (/s/a | /s/b) & /s/c", "(a | b) & c"},
		// Alternatives that loop do not matter.
		{"/n => /s/a | /m ; /m => /m & /m", "a"},
	} {
		in := interpreter(s+c.table, exists)
		got := strings.ReplaceAll(outcome(in.BindAll(dtab.Path{"n"})), "/#/io.l5d.k8s/default/http/", "")
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.table, got, c.want)
		}
	}
}
