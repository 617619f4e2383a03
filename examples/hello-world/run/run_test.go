package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
	"kibble.dev/internal/leaktest"
	"kibble.dev/internal/logtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// The whole demo: every answer is right, an edit moves the routes while it is
// up, and nothing is left when it has ended.
func TestDemo(t *testing.T) {
	o := demoOptions(t)
	o.logs = ""
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	top, err := helloworld.Read(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out logtest.Log
	code := make(chan int, 1)
	go func() { code <- run(ctx, o, &out) }()
	ended := false
	defer func() {
		cancel()
		if !ended {
			<-code
		}
		t.Logf("the demo said:\n%s", out.String())
	}()
	await := func(what string, condition func() error) {
		t.Helper()
		limit, stop := context.WithTimeoutCause(ctx, 2*time.Minute, errors.New("too long"))
		defer stop()
		if err := until(limit, condition); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	await("the demo is up", func() error {
		select {
		case c := <-code:
			ended = true
			cancel()
			return fmt.Errorf("it ended with exit code %d", c)
		default:
		}
		if !strings.Contains(out.String(), "own pages are") {
			return errors.New("not yet")
		}
		return nil
	})
	if strings.Contains(out.String(), "✗") {
		t.Error("an answer is wrong")
	}
	if !strings.Contains(out.String(), "http://"+o.admin+"/\n") {
		t.Error("it does not say where the console is")
	}

	await("requests with a decision are counted", func() error { return contextIsCounted(top) })

	firstEnvironment(t, o.dir, func(what, wanted string, header ...[2]string) {
		t.Helper()
		await(what, func() error {
			q := helloworld.Questions(top)[0]
			q.Header = header
			_, body, err := q.Ask(ctx, top.Edge())
			if err == nil && !strings.Contains(body, wanted) {
				err = errors.New(body)
			}
			return err
		})
	})

	edit(t, filepath.Join(o.dir, "routers.yaml"), "/host/world => /srv/world-v1 ;", "/host/world => /srv/world-v2 ;")
	await("the edit moves routes", func() error {
		_, body, err := helloworld.Questions(top)[0].Ask(ctx, top.Edge())
		if err == nil && !strings.Contains(body, "earth") {
			err = errors.New(body)
		}
		return err
	})

	cancel()
	if c := <-code; c != 0 {
		t.Errorf("after Ctrl-C: exit code %d", c)
	}
	ended = true
	if err := checkPorts(o, top); err != nil {
		t.Errorf("something is left: %v", err)
	}
	if logs, err := filepath.Glob(filepath.Join(temporary, "*")); err != nil || len(logs) > 0 {
		t.Errorf("logs of a demo that went well are left: %v, %v", logs, err)
	}
}

// firstEnvironment does what docs/how-to/first-environment.md tells its reader
// to do while the demo is up: the policy of that page makes an environment, a
// mistake in it changes nothing, and without the file all is as before.
func firstEnvironment(t *testing.T, dir string, await func(what, wanted string, header ...[2]string)) {
	t.Helper()
	page, err := os.ReadFile("../../../docs/how-to/first-environment.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	policy, _, found := strings.Cut(rest, "```")
	if !found || !strings.Contains(policy, "{name: mine}") {
		t.Fatalf("the page does not begin with the policy mine:\n%s", policy)
	}
	file := filepath.Join(dir, "mine.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cookie := [2]string{"Cookie", "mine=yes"}
	write(policy)
	await("whoever has the cookie gets world-v2", "earth", cookie)
	write(strings.Replace(policy, "override:", "overide:", 1))
	await("others get world", "world")
	await("a mistake changes nothing", "earth", cookie)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	await("without the policy everybody gets world", "world", cookie)
}

// contextIsCounted reads at hello's proxy how many requests came in and went out
// with a decision and without: hello passes on what it gets, so that none is lost.
// Envoy counts a request a moment after it was answered.
func contextIsCounted(top *helloworld.Topology) error {
	hello := top.Proxies[slices.IndexFunc(top.Proxies, func(p helloworld.Proxy) bool { return p.IP == top.Pod("hello").IP })]
	response, err := http.Get("http://" + hello.Admin() + "/stats/prometheus?filter=kibble.requests")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	for _, direction := range []string{"in", "out"} {
		if want := regexp.MustCompile(`kibble_direction="` + direction + `",kibble_context="yes"[^}]*} 2\n`); !want.Match(body) {
			return fmt.Errorf("of requests %s with a decision there should be 2:\n%s", direction, body)
		}
	}
	return nil
}

// The node topology answers the same: with routers that hand over what the
// sender chose, with the original's, which name each request again, and with
// what the original's own configuration of linkerd is imported as.
func TestNodes(t *testing.T) {
	for name, change := range map[string]func(o options){
		"handed over": func(options) {},
		"named again": func(o options) {
			edit(t, filepath.Join(o.dir, "routers.yaml"), incomingHandsOver, incomingNamesAgain)
		},
		"by network": func(o options) {
			edit(t, filepath.Join(o.dir, "routers.yaml"), ", hostNetwork: true", "")
		},
		"imported": func(o options) { importRouters(t, o) },
	} {
		t.Run(name, func(t *testing.T) {
			o := demoOptionsOf(t, "../../hello-world-nodes", "127.0.20.", "127.0.30.")
			change(o)
			o.smoke = true
			var out bytes.Buffer
			if code := run(t.Context(), o, &out); code != 0 {
				t.Errorf("exit code %d:\n%s", code, out.String())
			}
		})
	}
}

// importRouters puts what kibble makes of linkerd's configuration in place of
// the demo's routers. The nodes of the demo are addresses of one machine, and
// its edge answers for hosts that nobody knows: both are added.
func importRouters(t *testing.T, o options) {
	t.Helper()
	imported, err := exec.Command(o.kibble, "import", "linkerd", "../../../importer/testdata/linkerd/ingress/l5d.yml").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(o.dir, "routers.yaml")
	demo, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`port: \d+`).Find(demo) // the edge's, which no other test uses
	if err := os.WriteFile(file, bytes.Replace(imported, []byte("port: 4142"), port, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	edit(t, file, "  trust: internal\n", "  trust: internal\n  bind: pod\n")
	edit(t, file, "  trust: untrusted\n", "  trust: untrusted\n  responses: [{unrouted: true, body: \"the edge is here\\n\"}]\n")
}

const incomingHandsOver = `  identifier: {kind: io.l5d.header, header: l5d-dst-client}
  dstPrefix: /in
  dtab: |
    /in/%/io.l5d.k8s.daemonset/default/incoming/l5d/#/io.l5d.k8s => /#/io.l5d.k8s ;
`

// incomingNamesAgain is the original's table of the router incoming; it honours
// a rule that travels as every router does.
const incomingNamesAgain = `  adHocOverrides:
    allow: [/host, /srv]
  dtab: |
    /srv                    => /#/io.l5d.k8s/default/http ;
    /domain/world/hello/www => /srv/hello ;
    /domain/world/hello/api => /srv/api ;
    /host                   => /$/io.buoyant.http.domainToPathPfx/domain ;
    /host                   => /srv ;
    /host/world             => /srv/world-v1 ;
    /svc                    => /host ;
`

// A taken port is named before anything starts, with what to do.
func TestPortInUse(t *testing.T) {
	o := demoOptions(t)
	l, err := net.Listen("tcp", o.xds)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var out bytes.Buffer
	if code := run(t.Context(), o, &out); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	want := o.xds + " (kibble's xDS): it is in use; choose another with --xds-address"
	if !strings.Contains(out.String(), want) {
		t.Errorf("it said:\n%s\nwant in it: %s", out.String(), want)
	}
}

// A program that ends by itself ends the demo, with the end of its log.
func TestProgramDies(t *testing.T) {
	o := demoOptions(t)
	o.app = filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(o.app, []byte("#!/bin/sh\necho no world today\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run(t.Context(), o, &out); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if !regexp.MustCompile(`(?s)-0 ended \(exit status 3\).*no world today`).MatchString(out.String()) {
		t.Errorf("it said:\n%s", out.String())
	}
}

func TestTopologyErrors(t *testing.T) {
	_, err := helloworld.Read(t.TempDir())
	for _, want := range []string{`no Router "ingress"`, `no ready endpoint of Service "world-v2"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("of an empty directory: %v\nwant in it: %s", err, want)
		}
	}
}

// demoOptions builds the programs, and copies the manifests with addresses that
// no other test and no demo uses.
func demoOptions(t *testing.T) options {
	t.Helper()
	return demoOptionsOf(t, "..", "127.0.10.")
}

// demoOptionsOf does so for the manifests of a directory, whose addresses are in
// the given networks.
func demoOptionsOf(t *testing.T, manifests string, networks ...string) options {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	build := exec.Command("go", "build", "-o", bin+"/", "kibble.dev/cmd/kibble", "kibble.dev/examples/hello-world/app")
	if b, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	if err := os.CopyFS(dir, os.DirFS(manifests)); err != nil {
		t.Fatal(err)
	}
	for i, network := range networks {
		own := fmt.Sprintf("127.%d.%d.", 64+64*i+os.Getpid()/250%64, os.Getpid()%250)
		edit(t, filepath.Join(dir, "services.yaml"), network, own)
	}
	_, port, _ := strings.Cut(envoytest.FreeAddress(t), ":")
	edit(t, filepath.Join(dir, "routers.yaml"), "port: 4142", "port: "+port)
	return options{
		dir: dir, kibble: filepath.Join(bin, "kibble"), app: filepath.Join(bin, "app"), envoy: envoytest.Binary(t),
		xds: envoytest.FreeAddress(t), admin: envoytest.FreeAddress(t), edgeHTTP: envoytest.FreeAddress(t), patience: time.Minute, logs: t.TempDir(),
	}
}

func edit(t *testing.T, file, before, after string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), before) {
		t.Fatalf("%s does not hold %q", file, before)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(b), before, after)), 0o600); err != nil {
		t.Fatal(err)
	}
}
