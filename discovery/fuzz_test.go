package discovery

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: whatever a file holds, reading it ends, and every remark on it has
// a place in it.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/findings/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		// One seed that takes long keeps the fuzzer from trying others.
		if !isManifest(file) || filepath.Base(file) == "aliases.yaml" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, found := newDirectory(".").parse("fuzz", data)
		for _, finding := range found {
			if finding.Pos.Line < 1 || finding.Message == "" {
				t.Errorf("a remark without place or words: %s", finding)
			}
		}
	})
}
