package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/admin"
	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// adminOf runs an admin server that tells of some proxies.
func adminOf(t *testing.T, all func() []xds.ProxyStatus) string {
	t.Helper()
	return replicaOf(t, "", all)
}

// replicaOf runs one that has a name, beside others.
func replicaOf(t *testing.T, name string, all func() []xds.ProxyStatus) string {
	t.Helper()
	server := httptest.NewServer(admin.Handler(admin.Options{
		Gatherer: prometheus.NewRegistry(), Ready: func() error { return nil },
		Findings: func() []dtab.Finding { return nil }, Proxies: func() any { return all() }, Local: true, Replica: name,
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// command runs kibble with arguments.
func command(ctx context.Context, args ...string) (string, int) {
	var out bytes.Buffer
	cmd := newRootCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case errors.As(err, &exit):
		return out.String() + exit.Error(), exit.code
	case err != nil:
		return err.Error(), exitUsage
	}
	return out.String(), 0
}

// Of several replicas each knows its own proxies only: whoever asks is told.
func TestProxiesOfReplica(t *testing.T) {
	none := func() []xds.ProxyStatus { return []xds.ProxyStatus{} }
	const note = "these are the proxies that are connected to kibble-1; other replicas"
	for name, want := range map[string]bool{"kibble-1": true, "": false} {
		out, code := command(t.Context(), "proxies", "--admin-address", replicaOf(t, name, none))
		if code != 0 || strings.Contains(out, note) != want {
			t.Errorf("replica %q: %d %s", name, code, out)
		}
	}
}

func TestProxies(t *testing.T) {
	began := time.Now()
	edge := xds.ProxyStatus{Node: "edge-0", Class: "edge", Connected: began, InSync: true, Types: []publish.Status{{Type: translate.ClusterType, Acked: 3}}}
	hello := xds.ProxyStatus{
		Node: "hello-0\x1b[2J", Class: "sidecar", Connected: began, BehindSince: began,
		Types: []publish.Status{{Type: translate.RouteType, Acked: 1, Behind: 1, Refused: []publish.Refusal{{
			Name: "default/outgoing", Words: "no such \x1b[31mcluster", Source: "routers.yaml:32",
		}}}},
	}
	address := adminOf(t, func() []xds.ProxyStatus { return []xds.ProxyStatus{edge, hello} })
	out, code := command(t.Context(), "proxies", "--admin-address", address)
	if code != exitFindings {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"edge     edge-0", "in sync", `"hello-0\x1b[2J"`, "refuses", `refused RouteConfiguration default/outgoing [routers.yaml:32]: "no such \x1b[31mcluster"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("a terminal would obey:", out)
	}
	out, code = command(t.Context(), "proxies", "--admin-address", address, "--proxy-class", "edge", "-o", "json")
	var all []xds.ProxyStatus
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 || len(all) != 1 || all[0].Node != "edge-0" {
		t.Errorf("%v, exit code %d:\n%s", err, code, out)
	}
	if out, code = command(t.Context(), "proxies", "--admin-address", "127.0.0.1:1"); code != exitUnreachable || !strings.Contains(out, "127.0.0.1:1") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = command(t.Context(), "proxies", "--admin-address", "a b"); code != exitUsage {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// A watch prints again when something has changed, and ends when it is told to.
func TestProxiesWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asked atomic.Int32
	address := adminOf(t, func() []xds.ProxyStatus {
		switch n := asked.Add(1); {
		case n <= 2:
			return []xds.ProxyStatus{{Node: "a", Class: "edge"}}
		case n == 4:
			cancel()
		}
		return []xds.ProxyStatus{{Node: "a", Class: "edge"}, {Node: "b", Class: "edge"}}
	})
	out, code := command(ctx, "proxies", "--watch", "--admin-address", address)
	if code != 0 || strings.Count(out, "CLASS") != 2 || strings.Count(out, "edge   b") != 1 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// The manual shows what the command prints.
func TestManualShowsProxies(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/console.md")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	address := adminOf(t, func() []xds.ProxyStatus {
		return []xds.ProxyStatus{
			{Node: "edge-0", Class: "edge", Connected: began.Add(-time.Hour), InSync: true, Types: []publish.Status{{Type: translate.ClusterType, Acked: 3}}},
			{Node: "hello-0", Class: "sidecar", Connected: began.Add(-time.Minute), BehindSince: began.Add(-5 * time.Second), Types: []publish.Status{{
				Type: translate.RouteType, Acked: 1, Behind: 1,
				Refused: []publish.Refusal{{Name: "default/outgoing", Words: "no such cluster", Source: "routers.yaml:32"}},
			}}},
		}
	})
	out, _ := command(t.Context(), "proxies", "--admin-address", address)
	// How long ago something was depends on the machine.
	ages := regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+s\b`)
	form := func(s string) string { return strings.Join(strings.Fields(ages.ReplaceAllString(s, "T")), " ") }
	if !strings.Contains(form(string(page)), form(out)) {
		t.Errorf("docs/how-to/console.md does not show what the command prints:\n%s", out)
	}
}
