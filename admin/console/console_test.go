package console

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// now is the clock of all tests.
func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// served gives the console of the demo's objects and those of further YAML.
func served(t *testing.T, more string) http.Handler {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"routers", "policies", "services"} {
		b, err := os.ReadFile("../../examples/hello-world/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(string(b) + "\n---\n")
	}
	return of(t, all.String()+more)
}

// of gives the console of some objects.
func of(t *testing.T, objects string) http.Handler {
	t.Helper()
	inv, found, err := discovery.ReadStream("all.yaml", strings.NewReader(objects))
	if err != nil {
		t.Fatal(err)
	}
	m := translate.NewModel(inv, now())
	found = append(found, m.Findings()...)
	return New(Options{
		Model: func() *translate.Model { return m }, Findings: func() []dtab.Finding { return found },
		Proxies: someProxies, Config: someConfig, Now: now,
	})
}

// someConfig are resources of hello-0.
func someConfig(q xds.ConfigQuery) []xds.ConfigEntry {
	all := []xds.ConfigEntry{
		{
			Class: "sidecar", Type: translate.ClusterType, Name: "/#/io.l5d.k8s/default/http/world-v1", State: publish.HoldAccepted,
			Accepted: "1a", Wanted: "1a", Source: "routers.yaml:32", Proxies: []string{"hello-0"},
			AcceptedBody: map[string]any{"name": "world-v1", "note": "<b>&amp;"},
		},
		{
			Class: "sidecar", Type: translate.RouteType, Name: "default/outgoing", State: publish.HoldRefused, Accepted: "2a", Wanted: "2b",
			Source: "routers.yaml:32", Words: "no such <b>cluster</b>", Proxies: []string{"hello-0"},
			AcceptedBody: map[string]any{"name": "default/outgoing"}, WantedBody: map[string]any{"name": "default/outgoing", "new": true},
		},
		{
			Class: "sidecar", Type: translate.RouteType, Name: "default/other", State: publish.HoldWaits, Wanted: "3a", Source: "routers.yaml:40",
			WaitsFor: []string{"web"}, Proxies: []string{"hello-0"},
		},
	}
	return slices.DeleteFunc(all, func(e xds.ConfigEntry) bool {
		return q.Node != "hello-0" || q.Name != "" && q.Name != e.Name || q.Type != "" && q.Type != e.Type && q.Type != translate.ShortType(e.Type)
	})
}

func someProxies() []xds.ProxyStatus {
	return []xds.ProxyStatus{
		{
			Node: "edge-0", Class: "edge", Protocol: "delta", Connected: now().Add(-time.Hour), InSync: true,
			Types: []publish.Status{{Type: translate.ClusterType, Acked: 3}},
		},
		{
			Node: "hello-0", Class: "sidecar", Protocol: "delta", Connected: now().Add(-time.Minute), BehindSince: now().Add(-5 * time.Second),
			Types: []publish.Status{{Type: translate.RouteType, Acked: 1, Behind: 1, Refused: []publish.Refusal{{
				Name: "default/outgoing", Words: "no such <b>cluster</b>", Source: "routers.yaml:32", Since: now().Add(-4 * time.Second),
			}}}},
		},
	}
}

// get asks for a page, and wants a status.
func get(t *testing.T, h http.Handler, path string, status int) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if w.Code != status {
		t.Fatalf("GET %s: %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// post sends a form, and wants 200.
func post(t *testing.T, h http.Handler, path string, form url.Values) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("POST %s: %d: %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// What each page says of the demo, as text: its words stand in testdata.
func TestPages(t *testing.T) {
	h := served(t, "")
	outgoing := url.Values{"router": {"outgoing"}, "host": {"world"}}
	edited := url.Values{
		"router": {"outgoing"}, "host": {"world"},
		"table": {"/srv => /#/io.l5d.k8s/default/http ;\r\n/host => /srv ;\r\n/host/world => /srv/world-v2 ;\r\n/svc => /host ;\r\n"},
	}
	broken := url.Values{"router": {"outgoing"}, "host": {"world"}, "table": {"/svc =>\r\n"}}
	with := func(v url.Values, name, value string) string {
		w := url.Values{name: {value}}
		maps.Copy(w, v)
		return "/playground?" + w.Encode()
	}
	for name, body := range map[string]string{
		"overview":            get(t, h, "/", 200),
		"routers":             get(t, h, "/routers", 200),
		"router":              get(t, h, "/routers?router=outgoing", 200),
		"environments":        get(t, h, "/environments", 200),
		"environment":         get(t, h, "/environments?id=world-v2", 200),
		"proxies":             get(t, h, "/proxies", 200),
		"proxy":               get(t, h, "/proxies?node=hello-0", 200),
		"proxy_filtered":      get(t, h, "/proxies?node=hello-0&class=sidecar&type=RouteConfiguration&state=refused&q=OUTGOING", 200),
		"resource":            get(t, h, "/proxies?node=hello-0&type="+url.QueryEscape(translate.RouteType)+"&name=default/outgoing", 200),
		"resource_missing":    get(t, h, "/proxies?node=hello-0&name=nothing", 404),
		"proxy_gone":          get(t, h, "/proxies?node=hello-9", 404),
		"findings":            get(t, h, "/findings", 200),
		"playground_edge":     get(t, h, "/playground?router=ingress&host=www.hello.world&cookie=special_employee_cookie%3Ddogfood&source=10.1.2.3", 200),
		"playground_plain":    get(t, h, "/playground?"+outgoing.Encode(), 200),
		"playground_override": get(t, h, with(outgoing, "override", "/host/world => /srv/world-v2"), 200),
		"playground_inside":   get(t, h, with(outgoing, "environment", "world-v2"), 200),
		"playground_name":     get(t, h, "/playground?router=outgoing&environment=world-v2&name=/svc/world", 200),
		"playground_edited":   post(t, h, "/playground", edited),
		"playground_broken":   post(t, h, "/playground", broken),
		"mistyped":            get(t, h, "/playground?router=outgoing&source=nowhere", 400),
		"missing":             get(t, h, "/nothing", 404),
	} {
		t.Run(name, func(t *testing.T) {
			wellFormed(t, body)
			got := words(t, body)
			golden.Check(t, filepath.Join("testdata", name+".txt"), got)
		})
	}
}

// Of a resource that is no page long only the beginning is shown, and said so.
func TestLongResource(t *testing.T) {
	h := New(Options{
		Proxies: someProxies, Now: now,
		Config: func(xds.ConfigQuery) []xds.ConfigEntry {
			return []xds.ConfigEntry{{Type: translate.RouteType, Name: "x", AcceptedBody: map[string]any{"name": strings.Repeat("ä", maxShown)}}}
		},
	})
	body := get(t, h, "/proxies?node=hello-0&name=x", 200)
	wellFormed(t, body)
	if len(body) > maxShown+10_000 || !strings.Contains(body, "only the beginning") {
		t.Errorf("%d bytes are shown", len(body))
	}
}

// Until the objects are read there is a page that says so; proxies are shown.
func TestNothingRead(t *testing.T) {
	h := New(Options{
		Model: func() *translate.Model { return nil }, Findings: func() []dtab.Finding { return nil }, Proxies: someProxies, Now: now,
	})
	wellFormed(t, get(t, h, "/", 503))
	get(t, h, "/playground?router=x", 503)
	if body := get(t, h, "/proxies", 200); !strings.Contains(body, "hello-0") {
		t.Error("the proxy is not shown:", body)
	}
}
