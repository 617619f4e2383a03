package dtab_test

import (
	"errors"
	"flag"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/dtab"
)

var update = flag.Bool("update", false, "write the golden files anew")

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
	const file = "testdata/errors.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got), -update accepts it:\n%s", file, diff)
	}
}
