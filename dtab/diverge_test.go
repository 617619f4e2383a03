package dtab_test

import (
	"errors"
	"strings"
	"testing"

	"kibble.dev/dtab"
)

// Tables that the original never finishes with have an error, soon.
func TestDivergingTables(t *testing.T) {
	for _, text := range []string{
		"/a => /a & /a",
		"/a => /a/x & /a/y",
		"/a => /b & /c ; /b => /a & /c ; /c => /a & /b",
		"/a => (/a & /a) | (/a & /a)",
		"/* => /a & /b",
		"/ => /a & /b",
		"/a => /a/" + strings.Repeat("long/", 1000) + "end & /a",
		"/a => /a/" + strings.Repeat("long", 50_000) + " & /a",
		"/a => /$/io.buoyant.http.anyHostPfx/a/h & /$/io.buoyant.http.domainToPath/a",
		strings.Repeat("/z => /z ;", 20_000) + "/a => /a & /a",
		"/a => " + strings.Repeat("~ | ", 50_000) + "/a & /a",
	} {
		table, err := dtab.Parse(dtab.Source{}, text)
		if err != nil {
			t.Fatal(err)
		}
		in := dtab.Interpreter{Dtab: table}
		name := text[max(0, len(text)-60):]
		_, err = in.Bind(dtab.Path{"a"})
		if failed := (*dtab.BindError)(nil); !errors.As(err, &failed) {
			t.Errorf("... %s: %v", name, err)
		}
		in.Delegate(dtab.Path{"a"}) // it ends, or the test never does
	}
}
