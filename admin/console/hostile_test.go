package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// evil gets out of text, attributes, comments and addresses that are not escaped.
const evil = `"'><script>alert(1)</script><img src=x onerror=alert(2)>--></textarea>javascript:`

// harmless checks that nothing of evil has become markup.
func harmless(t *testing.T, body string) {
	t.Helper()
	wellFormed(t, body) // there is no script and no on… attribute
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "img" {
			t.Error("an <img> got in")
		}
		if n.Type == html.CommentNode {
			t.Error("a comment:", n.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(strings.TrimSpace(a.Val), "javascript:") {
				t.Errorf("an address that is script: %q", a.Val)
			}
		}
	}
	if !strings.Contains(body, "script&gt;") && !strings.Contains(body, "%3Cscript") {
		t.Error("what was given is not shown at all")
	}
}

// Whatever users, objects and proxies say is text.
func TestHostile(t *testing.T) {
	h := of(t, fmt.Sprintf(`apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: edge}
spec:
  proxyClass: edge
  port: 1
  dtab: /svc/x => /$/inet/127.0.0.1/1 ;
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: p}
spec:
  when: {cookie: {name: a, exact: %q}}
  override: "/svc/x => /$/inet/127.0.0.1/2 ;"
`, evil))
	e := url.QueryEscape(evil)
	for _, path := range []string{"/routers?q=" + e, "/routers?router=edge&q=" + e, "/environments", "/environments?id=p", "/proxies?class=" + e, "/findings?q=" + e} {
		harmless(t, get(t, h, path, 200))
	}
	all := "router=edge"
	for _, field := range []string{"host", "path", "method", "cookie", "headers", "environment", "override", "table"} {
		value := evil
		if field == "cookie" {
			value = "a=" + evil
		}
		if field == "headers" {
			value = "x: " + evil
		}
		all += "&" + field + "=" + url.QueryEscape(value)
	}
	harmless(t, get(t, h, "/playground?"+all, 200))
	form, err := url.ParseQuery(all)
	if err != nil {
		t.Fatal(err)
	}
	harmless(t, post(t, h, "/playground", form))
	harmless(t, get(t, h, "/playground?source="+e+"&router=edge", 400))
	harmless(t, get(t, h, "/playground?router="+e, 400))

	h = New(Options{
		Model: func() *translate.Model { return nil }, Now: now,
		Findings: func() []dtab.Finding {
			return []dtab.Finding{{Code: evil, Severity: evil, Pos: dtab.Pos{Source: evil}, Message: evil, Hint: evil}}
		},
		Proxies: func() []xds.ProxyStatus {
			return []xds.ProxyStatus{{Node: evil, Class: evil, Protocol: evil, Types: []publish.Status{{
				Type: evil, Refused: []publish.Refusal{{Name: evil, Words: evil, Source: evil}},
				Waiting: []publish.Waiting{{Name: evil, Clusters: []string{evil}}},
			}}}}
		},
	})
	harmless(t, get(t, h, "/proxies", 200))
	harmless(t, get(t, h, "/findings", 200))
}

// Every answer forbids script, frames and caching; a form of another site is refused.
func TestHeaders(t *testing.T) {
	h := served(t, "")
	for _, path := range []string{"/", "/playground", "/style.css", "/nothing"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("%s: %q", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
	}
	for name, check := range map[string]func(*http.Request){
		"of another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"too long": func(r *http.Request) {
			r.Body = http.NoBody
			*r = *httptest.NewRequest(http.MethodPost, "/playground", strings.NewReader("table="+strings.Repeat("x", maxBody)))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		},
	} {
		r := httptest.NewRequest(http.MethodPost, "/playground", http.NoBody)
		check(r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("a form that is %s: %d", name, w.Code)
		}
	}
}

// Of keys nothing is shown on any page, whether they are inline or elsewhere.
func TestNoKeys(t *testing.T) {
	secret := "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"
	h := served(t, fmt.Sprintf(`
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: staff}
spec:
  when: {jwt: {issuer: acme, jwksSecretRef: {name: keys, key: jwks}}}
  override: "/host/world => /srv/world-v2 ;"
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {jwks: '{"keys":[{"kty":"oct","alg":"HS256","k":%q}]}'}
`, secret))
	for _, path := range []string{"/", "/environments", "/environments?id=staff", "/findings", "/playground?router=ingress&host=x&headers=authorization:+Bearer+a.b.c"} {
		body := get(t, h, path, 200)
		if strings.Contains(body, secret) || strings.Contains(body, "kty") {
			t.Errorf("%s shows a key", path)
		}
		if path == "/environments?id=staff" && !strings.Contains(body, "acme") {
			t.Error("the condition is not shown")
		}
	}
	form := url.Values{"router": {"ingress"}, "host": {"x"}, "table": {"/svc => /host ;"}}
	if body := post(t, h, "/playground", form); strings.Contains(body, secret) {
		t.Error("an edit shows a key")
	}
}

// Long lists come in pages, and a search looks at all of it.
func TestPaging(t *testing.T) {
	var table strings.Builder
	for i := range 3200 { // an API server takes no more in one table
		fmt.Fprintf(&table, "/svc/h%d => /$/inet/127.0.0.1/%d ; ", i, i+1)
	}
	h := of(t, fmt.Sprintf(`{"apiVersion":"kibble.dev/v1alpha1","kind":"Router","metadata":{"name":"edge"},"spec":{"proxyClass":"edge","port":1,"dtab":%q}}`, table.String()))
	for path, want := range map[string]string{
		"/routers?router=edge":            "1 to 100 of 3201",
		"/routers?router=edge&page=33":    "3201 to 3201 of 3201",
		"/routers?router=edge&page=99":    "3201 to 3201 of 3201",
		"/routers?router=edge&page=-1":    "1 to 100 of 3201",
		"/routers?router=edge&q=H3199":    "1 to 1 of 1",
		"/routers?router=edge&q=nowhere+": "Nothing",
	} {
		body := get(t, h, path, 200)
		wellFormed(t, body)
		if !strings.Contains(body, want) {
			t.Errorf("%s: no %q", path, want)
		}
		if len(body) > 100_000 {
			t.Errorf("%s: %d bytes", path, len(body))
		}
	}
	body := get(t, h, "/routers?router=edge&page=2&q=h", 200)
	for _, want := range []string{`href="routers?page=1&amp;q=h&amp;router=default%2Fedge"`, `href="routers?page=3&amp;q=h&amp;router=default%2Fedge"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
}

// Of many hosts that move only some are shown, and the others counted.
func TestManyMoves(t *testing.T) {
	var table strings.Builder
	for i := range 300 {
		fmt.Fprintf(&table, "/svc/h%d => /$/inet/127.0.0.1/%d ; ", i, i+1)
	}
	h := of(t, fmt.Sprintf(`{"apiVersion":"kibble.dev/v1alpha1","kind":"Router","metadata":{"name":"edge"},"spec":{"proxyClass":"edge","port":1,"dtab":%q}}`, table.String()))
	edited := strings.ReplaceAll(table.String(), "127.0.0.1", "127.0.0.2")
	body := post(t, h, "/playground", url.Values{"router": {"edge"}, "host": {"h7"}, "table": {edited}})
	if !strings.Contains(body, "100 more moves are not shown") {
		t.Error("the moves are not bounded")
	}
}
