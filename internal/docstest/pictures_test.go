package docstest

import (
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/internal/golden"
	"kibble.dev/internal/picture"
	"kibble.dev/translate"
)

// TestPictures: the pictures of the manual show what the evaluator does with the
// demo's tables. -update draws them anew.
func TestPictures(t *testing.T) {
	inventory, _, err := discovery.ReadDir(filepath.Join(root, "examples", "hello-world"))
	if err != nil {
		t.Fatal(err)
	}
	m := translate.NewModel(inventory, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	ask := func(host, header, value string) translate.Question {
		h := map[string][]string{}
		if header != "" {
			h[header] = []string{value}
		}
		return translate.Question{Router: "outgoing", Request: translate.Request{Method: http.MethodGet, Host: host, Path: "/", Header: h}}
	}
	for _, p := range []struct {
		file, title string
		question    translate.Question
	}{
		{"names.svg", "The name /svc/hello becomes the endpoints of hello, rule by rule", ask("hello", "", "")},
		{"later-rules-win.svg", "Of two rules for /host/world the later one is tried first", ask("world", "", "")},
		{"environment.svg", "In the environment world-v2 the policy's rule is tried before all others", ask("world", "l5d-ctx-dogfood", "world-v2")},
		{"falls-through.svg", "A rule that leads nowhere is passed over", ask("world", "l5d-dtab", "/host/world => /srv/world-v9")},
		{"shares.svg", "A weighted choice splits the requests", ask("world", "l5d-dtab", "/host/world => 1 * /srv/world-v2 & 9 * /srv/world-v1")},
	} {
		x, err := m.Explain(p.question)
		if err != nil || x.Trace == nil {
			t.Fatalf("%s: %v", p.file, err)
		}
		golden.Check(t, filepath.Join(root, "docs", "concepts", "pictures", p.file), picture.Draw(p.title, x.Trace))
	}
}
