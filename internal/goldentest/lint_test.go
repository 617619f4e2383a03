package goldentest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
)

// TestLint lists what lint says of every golden input and of the examples: each
// line has been looked at, and is true of its input.
func TestLint(t *testing.T) {
	inputs, err := filepath.Glob("testdata/golden/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, in := range append(inputs, examples...) {
		inv, _, err := discovery.ReadDir(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range translate.NewModel(inv, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)).Lint() {
			b.WriteString(f.String() + "\n")
		}
	}
	golden.Check(t, "testdata/lint.golden", b.String())
}
