package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// codes gives the codes of findings that the project's packages have, and where.
func codes(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	isCode := regexp.MustCompile(`^"KB[0-9]{4}"$`)
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if !isCode.MatchString(n.Value) {
					return true
				}
				code := strings.Trim(n.Value, `"`)
				if first, taken := all[code]; taken {
					t.Errorf("%s: the code %s is taken in %s", path, code, first)
				}
				all[code] = path
			case *ast.CompositeLit:
				notWords(t, path, n)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// notWords fails if a Finding has a text for a code that is no constant.
func notWords(t *testing.T, path string, n *ast.CompositeLit) {
	name, ok := n.Type.(*ast.SelectorExpr)
	if !ok || name.Sel.Name != "Finding" {
		return
	}
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			key, isName := kv.Key.(*ast.Ident)
			if _, text := kv.Value.(*ast.BasicLit); isName && key.Name == "Code" && text {
				t.Errorf("%s: a finding's code is written where it is used, and not as a constant", path)
			}
		}
	}
}

// TestFindings: every code of a finding is there once, and has its section in
// the manual, with what to do about it; and no section is of none.
func TestFindings(t *testing.T) {
	all := codes(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "reference", "findings.md"))
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{}
	sections := regexp.MustCompile(`(?m)^### `).Split(string(page), -1)
	for _, section := range sections[1:] {
		code, rest, _ := strings.Cut(section, ":")
		described[code] = true
		if all[code] == "" {
			t.Errorf("docs/reference/findings.md describes %s, which nothing reports", code)
		}
		if !strings.Contains(rest, "What to do: ") {
			t.Errorf("docs/reference/findings.md does not say what to do about %s", code)
		}
	}
	for code, path := range all {
		if !described[code] {
			t.Errorf("docs/reference/findings.md has no section for %s of %s", code, path)
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d codes were found: are they constants?", len(all))
	}
}
