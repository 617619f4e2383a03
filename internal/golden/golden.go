// Package golden compares what a test makes with a file that somebody has read.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//nolint:gochecknoglobals // go test knows flags that are there before it begins
var update = flag.Bool("update", false, "write the golden files anew")

// Update tells that golden files are to be written anew: for whoever does so himself.
func Update() bool { return *update }

// Check compares a text with what a file holds. With -update it writes the file.
func Check(t testing.TB, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: go test -update writes it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it anew, read the difference then:\n%s", file, diff)
	}
}
