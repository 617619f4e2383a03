package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/admin"
	"kibble.dev/discovery"
	"kibble.dev/translate"
)

// A running server says what files would change there, and changes nothing.
func TestDiffLive(t *testing.T) {
	inv, found, err := discovery.ReadDir("../../examples/hello-world")
	if err != nil || len(found) > 0 {
		t.Fatal(err, found)
	}
	s := &serving{}
	model := translate.NewModel(inv, time.Now())
	s.model.Store(model)
	s.read.Store(&discovery.Update{Inventory: inv})
	server := httptest.NewServer(admin.Handler(admin.Options{Gatherer: prometheus.NewRegistry(), Diff: s.diff, Local: true}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ask := func(text string, args ...string) (string, int) {
		if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return command(t.Context(), append([]string{"diff", "--live", dir, "--admin-address", server.Listener.Addr().String()}, args...)...)
	}
	routers, err := os.ReadFile("../../examples/hello-world/routers.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, code := ask(string(routers)); code != 0 || !strings.Contains(out, "no request notices the change") {
		t.Errorf("the same: exit code %d: %s", code, out)
	}
	out, code := ask(strings.ReplaceAll(string(routers), "/srv/world-v1", "/srv/world-v2"))
	for _, want := range []string{"default/outgoing", "/#/io.l5d.k8s/default/http/world-v2", "+ /host/world => /srv/world-v2   [router default/outgoing " + dir} {
		if code != exitFindings || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in:\n%s", code, want, out)
		}
	}
	// What is not in the files stays; a new object comes beside it.
	const policy = `apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: more}
spec:
  when: {jwt: {issuer: https://a, jwksFile: /etc/passwd, claims: [{name: a, exact: b}]}}
  override: "/host/world => /srv/world-v2 ;"
`
	if out, code = ask(policy); code != exitFindings || !strings.Contains(out, "KB2003") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = ask(strings.Replace(policy, "{jwt: {issuer: https://a, jwksFile: /etc/passwd, claims: [{name: a, exact: b}]}}", "{sourceRanges: [10.0.0.0/8]}", 1), "-o", "markdown"); code != exitFindings ||
		!strings.Contains(out, "policy default/more is new") || !strings.Contains(out, "| `default/outgoing` | `world` | `more` |") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = ask("apiVersion: v2", "--router", "other"); code != exitUsage || !strings.Contains(out, `there is no router "other"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	if s.model.Load() != model || len(model.Findings()) > 0 {
		t.Error("the server has changed")
	}
	if out, code = command(t.Context(), "diff", "--live", dir, "-n", "default"); code != exitUsage || !strings.Contains(out, "give one or the other") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = command(t.Context(), "diff", "--live", dir, dir); code != exitUsage || !strings.Contains(out, "want one directory or file, NEW, not 2") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = command(t.Context(), "diff", "--live", dir, "--admin-address", "127.0.0.1:1"); code != exitUnreachable {
		t.Errorf("exit code %d: %s", code, out)
	}
	// A page of somebody else's may not ask, and what is no question is refused.
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, "": http.StatusBadRequest} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/api/diff", strings.NewReader("?"))
		if err != nil {
			t.Fatal(err)
		}
		if origin != "" {
			r.Header.Set("Origin", origin)
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("from %q: %d, want %d", origin, resp.StatusCode, want)
		}
	}
}
