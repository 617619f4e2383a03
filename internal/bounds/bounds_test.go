package bounds

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every word that is taken from the definitions is one that is checked. The
// checks themselves are held against a real API server by e2e.
func TestWords(t *testing.T) {
	d := json.NewDecoder(bytes.NewReader(made))
	d.DisallowUnknownFields()
	kinds := map[string]*schema{}
	if err := d.Decode(&kinds); err != nil || len(kinds) != 3 {
		t.Error(len(kinds), err)
	}
}

// Findings are in the order of fields, whatever that of the object.
func TestOrder(t *testing.T) {
	const want = "spec.proxyClass spec.namers[0].kind spec.port"
	got := ""
	for _, e := range new(Bounds).Check("Router", map[string]any{"port": 0.0, "namers": []any{map[string]any{}}}) {
		got += " " + e.Path
	}
	if diff := cmp.Diff(" "+want, got); diff != "" {
		t.Error(diff)
	}
}
