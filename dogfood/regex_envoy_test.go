package dogfood

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"strings"
	"testing"

	"kibble.dev/internal/envoytest"
)

// programSize is never below what Envoy finds, and not far above.
func TestProgramSizeBoundsEnvoys(t *testing.T) {
	texts := []string{
		"", "a", "(?i)dogfood", "^dogfood$", ".*", ".+", "[a-z0-9-]{1,63}", "[a-z0-9-]+", "[^;]*", `\w+@\w+\.\w{2,}`, `\pL+`, `\p{Greek}`,
		"(?i)[a-z]{20}", "a|b|c", "abc|abd|xyz", "(a|b)*c", "(ab+)?", "((a)(b))", `\bdog\b`, "(?m:^a$)", "a{30}", "(a{5}){6}", "(?s:.){9}", ".{9}",
		`[\x80-\xff]`, `(?i)\xe9`, "[[:upper:]]|[[:digit:]]", "x*?y+?z??", `[^\x00-\x{10FFFF}]`, `\d{4}-\d{2}-\d{2}`,
		"(pr|preview)-[0-9]+", "(?i:a|b|c|d|e|f)", "a?b?c?d?e?", "(a*)*", "(a+b*)+",
	}
	sizes := envoySizes(t, texts)
	for _, text := range texts {
		re, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		bound := programSize(overBytes(re).Simplify())
		pattern, _, err := compileRegex(text, false)
		if err != nil {
			t.Fatal(err)
		}
		size, ok := sizes[pattern]
		if never := strings.Contains(pattern, `[^\x00-\xff]`); never {
			continue // Envoy warns of sizes above 1, and what never matches has none
		}
		if !ok {
			t.Errorf("%q: Envoy says nothing of %q", text, pattern)
		} else if size > bound || bound > 2*size+10 {
			t.Errorf("%q: size %d, bound %d", text, size, bound)
		}
	}
}

// envoySizes gives the size of the program of each pattern, as Envoy warns of it.
func envoySizes(t *testing.T, texts []string) map[string]int {
	t.Helper()
	var routes []any
	for _, text := range texts {
		pattern, _, err := compileRegex(text, false)
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, map[string]any{
			"match":           map[string]any{"safe_regex": map[string]any{"regex": pattern}},
			"direct_response": map[string]any{"status": 200},
		})
	}
	const packed = "type.googleapis.com/envoy.extensions.filters."
	hcm := map[string]any{
		"@type": packed + "network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "x",
		"route_config": map[string]any{"virtual_hosts": []any{map[string]any{"name": "x", "domains": []any{"*"}, "routes": routes}}},
		"http_filters": []any{map[string]any{"name": "router", "typed_config": map[string]any{"@type": packed + "http.router.v3.Router"}}},
	}
	boot, err := json.Marshal(map[string]any{
		"layered_runtime": map[string]any{"layers": []any{map[string]any{"name": "x", "static_layer": map[string]any{
			"re2.max_program_size.error_level": MaxRegexProgram, "re2.max_program_size.warn_level": 1,
		}}}},
		"static_resources": map[string]any{"listeners": []any{map[string]any{
			"name": "x", "address": map[string]any{"socket_address": map[string]any{"address": "127.0.0.1", "port_value": 0}},
			"filter_chains": []any{map[string]any{"filters": []any{map[string]any{"name": "x", "typed_config": hcm}}}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bootstrap.json")
	if err := os.WriteFile(path, boot, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(envoytest.Binary(t), "--mode", "validate", "--log-level", "warning", "-c", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sizes := map[string]int{}
	for line := range strings.SplitSeq(string(out), "\n") {
		m := regexp.MustCompile(`regex '(.*)' RE2 program size of (\d+)`).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var size int
		if _, err := fmt.Sscan(m[2], &size); err != nil {
			t.Fatal(err)
		}
		sizes[m[1]] = size
	}
	if len(sizes) == 0 {
		t.Fatalf("Envoy says nothing about sizes:\n%s", out)
	}
	return sizes
}
