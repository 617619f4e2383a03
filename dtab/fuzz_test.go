package dtab_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"kibble.dev/dtab"
)

func seeds(f *testing.F, more ...string) {
	for _, text := range []string{
		"", "# only a comment", demo, egress,
		"/a => 0.5 * /b & 5. * (/c | ~) # c\n ; # d\n/*/\\x2a => $ | !",
		"/a => /a & /a", "/a => /b | /a/a; /b => /$/inet/1/1", "/ => /$/io.buoyant.http.domainToPathPfx/a",
		"/a # c\n => # d\n( # e\n/b # f\n)", ";", "/a/", "/a => 1.2.3 * /b", "/a => \xff",
	} {
		if len(more) == 0 {
			f.Add(text)
		}
		for _, m := range more {
			f.Add(text, m)
		}
	}
}

// What is accepted is what its canonical text says.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := dtab.Parse(dtab.Source{Name: "f"}, text)
		if err != nil {
			var syntax *dtab.SyntaxError
			if !errors.As(err, &syntax) || syntax.Pos.Line < 1 || syntax.Pos.Col < 1 || syntax.Upstream() == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		canonical := table.String()
		again, err := dtab.Parse(dtab.Source{}, canonical)
		// An infinite weight has no text that could be read again.
		if infinite := strings.Contains(canonical, "Infinity*"); infinite && err != nil {
			return
		}
		if err != nil || again.String() != canonical {
			t.Fatalf("%q, then %q, %v", canonical, again, err)
		}
	})
}

func FuzzFormat(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		want, err := dtab.Parse(dtab.Source{}, text)
		formatted, formatErr := dtab.Format(text)
		if (err == nil) != (formatErr == nil) {
			t.Fatalf("Parse: %v, Format: %v", err, formatErr)
		}
		if err != nil {
			return
		}
		got, err := dtab.Parse(dtab.Source{}, formatted)
		if err != nil {
			t.Fatalf("%q: %v", formatted, err)
		}
		if diff := diffTables(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", formatted, diff)
		}
		if again, err := dtab.Format(formatted); err != nil || again != formatted {
			t.Fatalf("%q, then %q, %v", formatted, again, err)
		}
	})
}

// Every name has an answer, soon, and its trace says the same.
func FuzzBind(f *testing.F) {
	seeds(f, "/a", "/svc/www.hello.world", "/$/nil", "/#/io.l5d.k8s/default/http/A/b")
	exists := world{"default/http/hello": true, "default/http/world-v1": true, "default/http/a": true}
	f.Fuzz(func(t *testing.T, text, name string) {
		table, err := dtab.Parse(dtab.Source{}, text)
		path, pathErr := dtab.ParsePath(name)
		if err != nil || pathErr != nil {
			return
		}
		in := interpreter("", exists, table...)
		start := time.Now()
		if diff := diffTrace(in, path); diff != "" {
			t.Fatal(diff)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Fatalf("took %v", took)
		}
	})
}
