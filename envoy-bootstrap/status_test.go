package bootstrap_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// The status listener answers whether Envoy is ready, and metrics; who stops
// Envoy or reads its configuration by the admin pages finds nothing there.
func TestStatusListener(t *testing.T) {
	server := serve(t)
	close(server.answer)
	status := envoytest.FreeAddress(t)
	b, err := bootstrap.Render(bootstrap.Options{
		Class: "sidecar", NodeID: "n", Server: server.address, AdminAddress: envoytest.FreeAddress(t), StatusAddress: status,
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	// Not by envoytest, which gives every Envoy another admin address.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	cmd := exec.CommandContext(ctx, envoytest.Binary(t), "-c", file, "--disable-hot-restart", "--concurrency", "1", "--log-level", "error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it is killed
	})
	for answered(ctx, http.MethodGet, "http://"+status+"/ready") != http.StatusOK {
		if ctx.Err() != nil {
			t.Fatal("it never got ready")
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{http.MethodGet, "/stats/prometheus", 200},
		{http.MethodGet, "/config_dump", 404},
		{http.MethodPost, "/quitquitquit", 404},
		{http.MethodGet, "/ready/../quitquitquit", 404},
		{http.MethodPost, "/ready", 404},
		{http.MethodGet, "/", 404},
	} {
		if code := answered(ctx, c.method, "http://"+status+c.path); code != c.code {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, code, c.code)
		}
	}
}

func answered(ctx context.Context, method, url string) int {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return 0
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
