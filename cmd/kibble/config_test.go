package main

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"

	"kibble.dev/admin"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/internal/waittest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// serveEnvoy runs what serves a directory, and an Envoy of class edge; it gives
// the address of the admin server.
func serveEnvoy(t *testing.T, dir string) string {
	t.Helper()
	inv, found, err := discovery.ReadDir(dir)
	if err != nil || len(found) > 0 {
		t.Fatal(err, found)
	}
	s := &serving{server: xds.New(xds.Options{})}
	model := translate.NewModel(inv, time.Now())
	snapshot, found := model.Snapshot()
	if found = append(found, model.Findings()...); len(found) > 0 {
		t.Fatal(found)
	}
	s.model.Store(model)
	s.server.Publish(snapshot)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.server.Serve(ctx, l) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	envoytest.Run(t, b)
	a := httptest.NewServer(admin.Handler(admin.Options{
		Gatherer: prometheus.NewRegistry(), Ready: func() error { return nil },
		Findings: func() []dtab.Finding { return nil }, Proxies: func() any { return s.server.Proxies() }, Config: s.config, Local: true,
	}))
	t.Cleanup(a.Close)
	return a.Listener.Addr().String()
}

// What a real Envoy has is shown with the line that it was made of, what it
// refuses with its words, and no private key is.
func TestConfigOfEnvoy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	authority, err := pki.NewAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Server([]string{"www.hello.world"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ports := envoytest.FreePorts(t, 2)
	dir := t.TempDir()
	objects := fmt.Sprintf(`apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: good}
spec:
  proxyClass: edge
  port: %d
  bind: loopback
  tls: {port: %d, secretName: www}
  dtab: "/svc => /#/io.l5d.k8s/default/http ;"
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: taken}
spec:
  proxyClass: edge
  port: %d
  bind: loopback
  dtab: "/svc => /#/io.l5d.k8s/default/http ;"
---
{apiVersion: v1, kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{name: http, port: 80}]}]}
---
{apiVersion: v1, kind: Secret, metadata: {name: www}, type: kubernetes.io/tls, stringData: {tls.crt: %q, tls.key: %q}}
`, ports[0], ports[1], taken.Addr().(*net.TCPAddr).Port, pair.Certificate, pair.Key)
	if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(objects), 0o600); err != nil {
		t.Fatal(err)
	}
	address := serveEnvoy(t, dir)
	ask := func(args ...string) (string, int) {
		return command(t.Context(), append([]string{"config", "--admin-address", address}, args...)...)
	}
	var out string
	var code int
	wanted := []string{
		"edge clusters /#/io.l5d.k8s/default/http/web accepted", "edge listeners default/good accepted",
		"edge listeners default/good/tls accepted", "router default/good (" + filepath.Join(dir, "all.yaml") + ":", "default/taken ", "Address already in use", "secrets ",
	}
	waittest.Done(t, "the proxies have what they can have", func() error {
		out, code = ask()
		flat := strings.Join(strings.Fields(out), " ")
		for _, text := range wanted {
			if !strings.Contains(flat, text) {
				return fmt.Errorf("no %q in:\n%s", text, out)
			}
		}
		if code != exitFindings {
			return fmt.Errorf("exit code %d", code)
		}
		return nil
	})
	if out, code = ask("secrets", "-o", "yaml"); code != 0 || !strings.Contains(out, "(not shown)") || !strings.Contains(out, "certificateChain") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	key := strings.Split(string(pair.Key), "\n")[1]
	all, _ := ask("-o", "json")
	if strings.Contains(all, key) {
		t.Error("a private key is shown")
	}
	var shown struct{ Resources []xds.ConfigEntry }
	if err := yaml.Unmarshal([]byte(all), &shown); err != nil || len(shown.Resources) < 5 {
		t.Errorf("%v: %s", err, all)
	}
	if out, code = ask("listener", "default/good", "--node", "edge-0", "--proxy-class", "edge", "-o", "yaml"); code != 0 ||
		!strings.Contains(out, "acceptedBody:") || !strings.Contains(out, fmt.Sprint("portValue: ", ports[0])) {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if out, code = ask("routes", "--node", "nobody"); code != 0 || !strings.Contains(out, "no connected proxy has such a resource") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if out, code = ask("things"); code != exitUsage || !strings.Contains(out, "use one of clusters, endpoints, listeners, routes, hosts, extensions, secrets") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
