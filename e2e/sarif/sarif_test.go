// Package sarif holds what kibble lint prints for code hosts against the schema
// of SARIF 2.1.0.
package sarif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// official compiles the schema that OASIS publishes. The module that has it
// keeps it to itself, and its own check fails on what it writes itself, so it is
// read from its source.
func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	_ = sarif.Report{} // the module is here for the schema's sake
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(out)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && len(lit.Value) > len(text) {
			text = lit.Value
		}
		return true
	})
	if text, err = strconv.Unquote(text); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const at = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	if doc.(map[string]any)["id"] != at {
		t.Fatal("this is another schema: ", doc.(map[string]any)["id"])
	}
	if err := c.AddResource(at, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(map[string]any{"version": "2.1.0", "runs": []any{map[string]any{"toll": "kibble"}}}) == nil {
		t.Fatal("the schema accepts anything")
	}
	return schema
}

// TestSchema lints every example of the page of findings, each in a file whose
// name is no URI. What that gives is valid, and refers to the files.
func TestSchema(t *testing.T) {
	schema := official(t)
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	kibble := filepath.Join(t.TempDir(), "kibble")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", kibble, "./cmd/kibble")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rules := map[string]bool{}
	for i, example := range regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```").FindAllSubmatch(page, -1) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d ä#%%:.yaml", i)), example[1], 0o600); err != nil {
			t.Fatal(err)
		}
		lint := exec.CommandContext(t.Context(), kibble, "lint", "-f", ".", "-o", "sarif")
		lint.Dir = dir
		out, _ := lint.Output() // it finds mistakes, so it fails
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		for _, rule := range refers(t, dir, out) {
			rules[rule] = true
		}
	}
	if t.Logf("%d rules", len(rules)); len(rules) < 20 {
		t.Error("that proves little")
	}
}

// refers checks that every place is in a file of a directory, and gives the rules.
func refers(t *testing.T, dir string, out []byte) []string {
	t.Helper()
	var log struct {
		Runs []struct {
			Results []struct {
				RuleID    string `json:"ruleId"`
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct {
							URI string `json:"uri"`
						} `json:"artifactLocation"`
					} `json:"physicalLocation"`
				} `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(out, &log); err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, r := range log.Runs[0].Results {
		rules = append(rules, r.RuleID)
		for _, l := range r.Locations {
			uri := l.PhysicalLocation.ArtifactLocation.URI
			at, err := url.Parse(uri)
			if err != nil || at.Path == "" || at.Fragment != "" || at.String() != uri {
				t.Errorf("%s is no reference to a file: %v", uri, err)
				continue
			}
			if _, err := os.Stat(filepath.Join(dir, at.Path)); err != nil {
				t.Error(err)
			}
		}
	}
	return rules
}
