package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// texts gives every text of the code of some packages, tests left out.
func texts(t *testing.T, dirs ...string) []string {
	t.Helper()
	var all []string
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no code (%v)", dir, err)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					if s, err := strconv.Unquote(l.Value); err == nil {
						all = append(all, s)
					}
				}
				return true
			})
		}
	}
	return all
}

func page(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "docs", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Every header that the code names, and whatever proxies say of themselves, is
// described; nothing is described that the code does not name.
func TestHeadersPage(t *testing.T) {
	text := page(t, "reference/headers.md")
	header := regexp.MustCompile(`^(l5d-[a-z-]*[a-z]|x-kibble-[a-z]+|x-dogfood-[a-z]+)$`)
	inCode := map[string]bool{}
	for _, s := range texts(t, "dogfood", "translate", "xds") {
		if header.MatchString(s) {
			inCode[s] = true
		}
	}
	inCode["l5d-ctx-"] = true
	for name := range inCode {
		if !strings.Contains(text, "`"+name) {
			t.Errorf("docs/reference/headers.md does not describe %s", name)
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:l5d|x)-[a-z-]+)`").FindAllStringSubmatch(text, -1) {
		if !inCode[m[1]] {
			t.Errorf("docs/reference/headers.md describes %s, which no code names", m[1])
		}
	}
	meta := regexp.MustCompile(`(?m)^\s+meta[A-Za-z]+\s+= "([A-Z_]+)"`)
	files, err := filepath.Glob(filepath.Join(root, "xds", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range meta.FindAllStringSubmatch(string(b), -1) {
			if !strings.Contains(text, "metadata `"+m[1]+"`") {
				t.Errorf("docs/reference/headers.md does not describe the metadata %s", m[1])
			}
		}
	}
}

// The texts of proxies' own answers that the manual explains are those that
// Kibble tells proxies to give.
func TestAnswersOfProxies(t *testing.T) {
	said := strings.Join(texts(t, "translate", "xds"), "\n")
	rows := regexp.MustCompile("(?m)^\\| [45][0-9]{2} \\| `([^`]+)`").FindAllStringSubmatch(page(t, "operations/troubleshooting.md"), -1)
	if len(rows) < 6 {
		t.Fatalf("only %d answers are explained", len(rows))
	}
	explained := ""
	for _, m := range rows {
		explained += m[1] + "\n"
		if !strings.Contains(said, m[1]) {
			t.Errorf("no proxy is told to answer %q", m[1])
		}
	}
	b, err := os.ReadFile(filepath.Join(root, "translate", "listener_replies.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`text: "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
		if !strings.Contains(explained, m[1]) {
			t.Errorf("docs/operations/troubleshooting.md does not explain %q", m[1])
		}
	}
}
