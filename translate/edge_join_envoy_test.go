package translate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// Links lead in and out, for those for whom the rest of a condition holds, and
// explain says so.
func TestEnvoyFollowsLinks(t *testing.T) {
	_, address1 := newApp(t, "v1")
	_, address2 := newApp(t, "v2")
	w := newWorld(t, "edge", map[string]string{
		"edge": "proxyClass: edge\nport: 1\nxffNumTrustedHops: 1\ndtab: '/svc/world => /#/io.l5d.k8s/default/http/v1'\nresponses: [{pathPrefix: /-, body: mine}]\n",
	}, map[string]string{
		"open":   "{when: {cookie: {name: env, exact: v2}}, join: {}, override: '/svc/world => /#/io.l5d.k8s/default/http/v2'}",
		"corp":   "{when: {cookie: {name: special, regex: dog}, sourceRanges: [10.0.0.0/8]}, join: {value: dogfood}, override: '/svc/world => /#/io.l5d.k8s/default/http/v2'}",
		"header": "{when: {all: [{cookie: {name: env, prefix: a}}, {any: [{header: {name: x-corp, exact: 'yes'}}, {cookie: {name: vip, exact: '1'}}]}]}, join: {path: /join}, override: '/svc/world => /#/io.l5d.k8s/default/http/v2', expiresAt: '2026-02-01T00:00:00Z'}",
	}, map[string]string{"v1": address1, "v2": address2})
	client := newRawClient(t, w.address(t, "edge"))
	seen := map[string]int{}
	checkUntil(t, func() bool { return len(seen) >= 6 }, func(rt *rapid.T) {
		path := rapid.SampledFrom([]string{
			"/", "/-/dogfood/open", "/-/dogfood/open?to=x", "/-/dogfood/corp", "/-/dogfood/corp", "/-/dogfood/leave", "/-/dogfood/other", "/-/dogfood/",
			"/-/dogfood", "/join/header", "/join/header", "/join/leave", "/join/open", "/-/dogfood/header", "/-/dogfood/openly",
		}).Draw(rt, "path")
		source := rapid.SampledFrom([]string{"10.1.2.3", "192.0.2.1"}).Draw(rt, "source")
		cookie := rapid.SampledFrom([]string{"", "vip=1", "env=v2", "env=v2; vip=1"}).Draw(rt, "cookie")
		corp := rapid.SampledFrom([]string{"yes", "no"}).Draw(rt, "corp")
		x, err := w.model.Explain(Question{Router: "edge", Source: netip.MustParseAddr(source), Request: Request{
			Method: "GET", Host: "world", Path: path, Header: map[string][]string{"cookie": {cookie}, "x-corp": {corp}},
		}})
		if err != nil {
			rt.Fatal(err)
		}
		resp, body := client.send(rt, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: world\r\nX-Forwarded-For: %s\r\nCookie: %s\r\nx-corp: %s\r\n\r\n", path, source, cookie, corp))
		if resp.StatusCode != x.Status {
			rt.Fatalf("explained %d (%s), Envoy says %s: %s", x.Status, x.Reason, resp.Status, body)
		}
		seen[x.Reason]++
		for name := range resp.Header {
			if dogfood.Carries(strings.ToLower(name)) {
				rt.Fatalf("the outside is told %s", name)
			}
		}
		if x.Status == 303 && (resp.Header.Get("Location") != "/" || resp.Header.Get("Cache-Control") != "no-store") {
			rt.Fatalf("it leads to %v", resp.Header)
		}
	})

	// Somebody follows the link, is in, and leaves.
	ask := func(path string, header string) (cookies []string, app string) {
		resp, _ := client.send(t, "GET "+path+" HTTP/1.1\r\nHost: world\r\nX-Forwarded-For: 10.1.1.1\r\n"+header+"\r\n")
		return resp.Header.Values("Set-Cookie"), resp.Header.Get("X-App")
	}
	if _, app := ask("/", ""); app != "v1" {
		t.Errorf("without a cookie it is %s", app)
	}
	cookies, _ := ask("/-/dogfood/corp", "X-Forwarded-Proto: https\r\n")
	want := []string{"special=dogfood; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure"}
	if !slices.Equal(cookies, want) {
		t.Errorf("the link sets %q, want %q", cookies, want)
	}
	name, _, _ := strings.Cut(cookies[0], ";")
	if _, app := ask("/", "Cookie: "+name+"\r\n"); app != "v2" {
		t.Errorf("with the cookie it is %s", app)
	}
	cookies, _ = ask("/-/dogfood/leave", "")
	want = []string{"env=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax", "special=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"}
	if slices.Sort(cookies); !slices.Equal(cookies, want) {
		t.Errorf("the link out sets %q, want %q", cookies, want)
	}
	cookies, _ = ask("/join/header", "x-corp: yes\r\n")
	want = []string{"env=a; Expires=Sun, 01 Feb 2026 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax"}
	if !slices.Equal(cookies, want) {
		t.Errorf("the link of a policy that ends sets %q, want %q", cookies, want)
	}
}

// A family has a link for each member.
func TestEnvoyFollowsLinksOfFamily(t *testing.T) {
	policies := compilePolicies(t, map[string]map[string]string{"pr-1": {"preview": "yes"}, "pr-2": {"preview": "yes"}},
		[2]string{"previews", "{forEach: {namespaceSelector: {matchLabels: {preview: 'yes'}}}, when: {cookie: {name: preview, exact: '{namespace}'}, header: {name: x-corp, exact: 'yes'}}, join: {}}"})
	_, upstream := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true}, policies, upstream)
	client := newRawClient(t, l.address)
	for path, want := range map[string]string{
		"/-/dogfood/previews.pr-1": "preview=pr-1; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax",
		"/-/dogfood/previews.pr-2": "preview=pr-2; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax",
		"/-/dogfood/leave":         "preview=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
		"/-/dogfood/previews.pr-3": "",
	} {
		resp, _ := client.send(t, "GET "+path+" HTTP/1.1\r\nHost: world\r\nx-corp: yes\r\n\r\n")
		if got := resp.Header.Get("Set-Cookie"); got != want {
			t.Errorf("%s sets %q, want %q (%s)", path, got, want, resp.Status)
		}
		if resp, _ := client.send(t, "GET "+path+" HTTP/1.1\r\nHost: world\r\n\r\n"); resp.StatusCode != 404 {
			t.Errorf("%s is there for others: %s", path, resp.Status)
		}
	}
}
