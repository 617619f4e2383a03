package dogfood

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the manual gives to other tools finds the requests of an environment in
// each carrier as it is written, and no others.
func TestOthersChooseByCarrier(t *testing.T) {
	page, err := os.ReadFile("../docs/concepts/trust.md")
	if err != nil {
		t.Fatal(err)
	}
	expressions := map[string]*regexp.Regexp{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| `(\\^.*\\$)` \\|$").FindAllStringSubmatch(string(page), -1) {
		expressions[m[1]] = regexp.MustCompile(m[2])
	}
	if len(expressions) != 2 {
		t.Fatalf("the page has %v", expressions)
	}
	for context, want := range map[string]bool{
		"world-v2": true, "office,world-v2": true, "world-v2,office": true, "a,world-v2,b": true,
		"office": false, "world-v20": false, "hello-world-v2": false, "world-v2.a": false,
	} {
		if got := expressions["l5d-ctx-dogfood"].MatchString(context); got != want {
			t.Errorf("%s as l5d-ctx-dogfood: %v", context, got)
		}
		for _, others := range []string{"", "user=world-v2", "a=b,dogfooding=world-v2;p=1", "mydogfood=world-v2"} {
			line := strings.Join(Baggage{others}.With(ParseContext([]string{context})), ",")
			for _, line := range []string{line, line + ", c=d"} {
				if got := expressions["baggage"].MatchString(line); got != want {
					t.Errorf("baggage %q: %v", line, got)
				}
			}
		}
	}
}
