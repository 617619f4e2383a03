package discovery

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
)

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
			golden.Check(t, file+".golden", lines(found))
		})
	}
}

// What a cluster has stored, before a bound was made, is in use there.
func TestStoredBeyondBounds(t *testing.T) {
	policy := map[string]any{"apiVersion": "kibble.dev/v1alpha1", "kind": "DogfoodPolicy", "metadata": map[string]any{"name": "many"}}
	policy["spec"] = map[string]any{"routers": slices.Repeat([]any{"edge"}, 65), "override": "/a => /b"}
	r, err := reduce(&unstructured.Unstructured{Object: policy})
	must(t, err)
	if r.object == nil || len(r.found) > 0 {
		t.Error("it is left out:", lines(r.found))
	}
	text, err := json.Marshal(policy)
	must(t, err)
	if _, found, err := ReadStream("many.json", bytes.NewReader(text)); err != nil || len(found) != 1 {
		t.Error("it is beyond no bound:", lines(found), err)
	}
}

func lines(found []dtab.Finding) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}
