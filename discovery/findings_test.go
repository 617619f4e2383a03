package discovery

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/dtab"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestFindings reads every file of testdata/findings and compares what there is
// to say about it with the golden file beside it.
func TestFindings(t *testing.T) {
	t.Chdir("testdata/findings")
	files, err := filepath.Glob("*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !isManifest(file) {
			continue
		}
		t.Run(file, func(t *testing.T) {
			_, found, err := ReadDir(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, file+".golden", lines(found))
		})
	}
}

func lines(found []dtab.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update accepts it:\n%s", file, diff)
	}
}
