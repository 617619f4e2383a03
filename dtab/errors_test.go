package dtab_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
)

// TestErrorTexts shows what people are told about each mistake, beside what the
// original says.
func TestErrorTexts(t *testing.T) {
	inputs, err := os.ReadFile("testdata/errors.in")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for line := range strings.Lines(string(inputs)) {
		text, err := strconv.Unquote(`"` + strings.TrimSuffix(line, "\n") + `"`)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		_, err = dtab.Parse(dtab.Source{Name: "t"}, text)
		var syntax *dtab.SyntaxError
		if !errors.As(err, &syntax) {
			t.Fatalf("%s: %v", line, err)
		}
		got.WriteString(line + "  " + syntax.Error() + "\n  upstream: " + strconv.Quote(syntax.Upstream()) + "\n")
	}
	golden.Check(t, "testdata/errors.golden", got.String())
}
