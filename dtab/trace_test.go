package dtab_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
)

// TestTrace shows what the trace of a binding says: two rules for one name, a
// rewrite, and a weighted choice with a branch that does not exist.
func TestTrace(t *testing.T) {
	table, err := dtab.Parse(dtab.Source{Name: "demo", Line: 10, Col: 4},
		demo+"/srv/hello => 1 * /$/inet/127.0.0.1/80 & 2 * /gone & 3 * $ | /srv/world-v1 ;")
	if err != nil {
		t.Fatal(err)
	}
	in := interpreter("", world{"default/http/world-v1": true}, table...)
	var trace bytes.Buffer
	encoder := json.NewEncoder(&trace)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(in.Delegate(dtab.Path{"svc", "www.hello.world"})); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/trace.golden.json", trace.String())
}
