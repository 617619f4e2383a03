package livetest

import (
	"strings"
	"testing"

	"kibble.dev/translate"
)

// hello are two routers with one table, one for anybody and one for callers inside.
const hello = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec: {proxyClass: edge, port: {front}, bind: loopback, trust: untrusted, dtabRef: {name: world}}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside}
spec: {proxyClass: edge, port: {inside}, bind: loopback, trust: internal, dtabRef: {name: world}, adHocOverrides: {allow: [/host, /srv]}}
---
apiVersion: kibble.dev/v1alpha1
kind: Dtab
metadata: {name: world}
spec:
  dtab: |
    /srv        => /#/io.l5d.k8s/default/http ;
    /host       => /srv ;
    /host/world => /srv/world-v1 ;
    /svc        => /host ;
---
`

func policy(name, fallback, override string) string {
	return `
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: ` + name + `}
spec:
  when: {cookie: {name: env, exact: ` + name + `}}
  fallback: ` + fallback + `
  override: "` + override + `"
---
`
}

// Whoever is in an environment is told so, and when it is the baseline that has
// answered: whatever is wrong with the override's target, at once and with no
// request failed.
func TestFallbackIsTold(t *testing.T) {
	v1, v2 := app(t, "v1"), app(t, "v2")
	x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {v1}, "world-v2": {v2}, "other": {app(t, "other")}})
	const cookie, context = "cookie: env=world-v2", "l5d-ctx-dogfood: unknown,world-v2"

	for _, test := range []struct{ router, host, header, want string }{
		{"front", "world", "x: y", `200 v1 environment="" fallback=""`},
		{"front", "world", cookie, `200 v2 environment="world-v2" fallback=""`},
		{"front", "other", cookie, `200 other environment="world-v2" fallback=""`},
		{"front", "world", context, `200 v1 environment="" fallback=""`}, // forged
		{"inside", "world", "x: y", `200 v1 environment="" fallback=""`},
		{"inside", "world", context, `200 v2 environment="world-v2" fallback=""`},
		{"inside", "world", "l5d-ctx-dogfood: unknown", `200 v1 environment="" fallback=""`},
	} {
		if got := x.ask(t, test.router, test.host, test.header); got.String() != test.want {
			t.Errorf("%s at %s, %s:\nwant %s\ngot  %s", test.host, test.router, test.header, test.want, got)
		}
	}

	const fell = `200 v1 environment="world-v2" fallback="world-v2"`
	for _, test := range []struct {
		what string
		pods []pod
	}{
		{"scaled to zero", []pod{}},
		{"unready only", []pod{{address: v2.address, unready: true}}},
		{"missing", nil},
		{"refusing connections", []pod{refusing(t), refusing(t), refusing(t), refusing(t), refusing(t)}},
	} {
		x.set(t, "world-v2", test.pods)
		x.settles(t, fell, "front", "world", cookie)
		x.settles(t, fell, "inside", "world", context)
		for range 20 {
			if got := x.ask(t, "front", "world", cookie); got.String() != fell {
				t.Errorf("%s: %s", test.what, got)
			}
		}
		if got := x.ask(t, "front", "world", cookie); strings.Contains(got.body, "#") || got.header.Get("l5d-err") != "" {
			t.Errorf("%s: outside is told of routing: %v", test.what, got.header)
		}
		x.set(t, "world-v2", []pod{v2})
		x.settles(t, `200 v2 environment="world-v2" fallback=""`, "front", "world", cookie)
	}
}

// A share of the dogfooders gets the override: each share has its own stand-in.
func TestFallbackOfAShare(t *testing.T) {
	v1, v2 := app(t, "v1"), app(t, "v2")
	x := start(t, hello+policy("tenth", "baseline", "/host/world => 1 * /srv/world-v2 & 1 * /srv/world-v1"),
		map[string][]pod{"world-v1": {v1}, "world-v2": {v2}})
	seen := func() map[string]bool {
		all := map[string]bool{}
		for range 50 {
			all[x.ask(t, "front", "world", "cookie: env=tenth").String()] = true
		}
		return all
	}
	const overridden, own, fell = `200 v2 environment="tenth" fallback=""`, `200 v1 environment="tenth" fallback=""`,
		`200 v1 environment="tenth" fallback="tenth"`
	if all := seen(); len(all) != 2 || !all[overridden] || !all[own] {
		t.Errorf("with all alive: %v", all)
	}
	x.set(t, "world-v2", []pod{{address: v2.address, unready: true}})
	x.settles(t, fell, "front", "world", "cookie: env=tenth")
	until(t, "v2 is not asked any more", func() bool { return !seen()[overridden] })
	if all := seen(); len(all) != 2 || !all[fell] || !all[own] {
		t.Errorf("with nobody behind v2: %v", all)
	}
}

// Several policies hold: the header names those that fell back, no other.
func TestFallbackOfSeveral(t *testing.T) {
	cookie := "cookie: a=1; env=x" // both hold
	weak := strings.ReplaceAll(policy("a-weak", "baseline", "/host/world => /srv/weak"), "name: env, exact: a-weak", `name: a, exact: "1"`)
	strong := strings.ReplaceAll(policy("b-strong", "baseline", "/host/world => /srv/strong"), "exact: b-strong", "exact: x")
	weakPod, strongPod := app(t, "weak"), app(t, "strong")
	x := start(t, hello+weak+strong, map[string][]pod{"world-v1": {app(t, "v1")}, "weak": {weakPod}, "strong": {strongPod}})
	const both = ` environment="a-weak,b-strong" fallback=`
	x.settles(t, "200 strong"+both+`""`, "front", "world", cookie)
	x.set(t, "strong", nil)
	x.settles(t, "200 weak"+both+`"b-strong"`, "front", "world", cookie)
	x.set(t, "weak", []pod{})
	x.settles(t, "200 v1"+both+`"a-weak,b-strong"`, "front", "world", cookie)
	x.set(t, "weak", nil)
	x.settles(t, "200 v1"+both+`"a-weak,b-strong"`, "front", "world", cookie)
	x.explains(t, "a-weak,b-strong", cookie)
	x.set(t, "strong", []pod{strongPod})
	x.settles(t, "200 strong"+both+`""`, "front", "world", cookie)
	x.explains(t, "", cookie)
}

// explains checks what kibble explain says of a request for world at the edge.
func (x *live) explains(t *testing.T, fellBack, cookie string) {
	t.Helper()
	_, value, _ := strings.Cut(cookie, ": ")
	e, err := x.model.Explain(translate.Question{Router: "front", Request: translate.Request{
		Method: "GET", Host: "world", Path: "/", Header: map[string][]string{"cookie": {value}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(e.FellBack, ","); got != fellBack {
		t.Errorf("explain says that %q fell back, want %q", got, fellBack)
	}
}

// A preview holds only the services that changed. A rule for all of them does
// not make the others fall back.
func TestPrefixIsNoPromise(t *testing.T) {
	x := start(t, hello+policy("pr-1", "baseline", "/srv => /#/io.l5d.k8s/pr-1/http"), map[string][]pod{"world-v1": {app(t, "v1")}})
	x.settles(t, `200 v1 environment="pr-1" fallback=""`, "front", "world", "cookie: env=pr-1")
}

// A policy that forbids the baseline fails, and the answer names it. Where no
// policy is involved, what nobody serves is refused without such words.
func TestFallbackForbidden(t *testing.T) {
	v2 := app(t, "v2")
	x := start(t, hello+policy("strict", "fail", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {v2}, "empty": {}})
	const cookie, context = "cookie: env=strict", "l5d-ctx-dogfood: strict"
	const failed = `502 Unable to route request! environment="strict" fallback=""`
	for _, pods := range [][]pod{{}, {{address: v2.address, unready: true}}, nil, {refusing(t), refusing(t)}} {
		x.set(t, "world-v2", pods)
		x.settles(t, failed, "front", "world", cookie)
		x.settles(t, failed, "inside", "world", context)
		for range 5 { // also once its endpoints are ejected
			a := x.ask(t, "front", "world", cookie)
			if a.String() != failed || !strings.Contains(a.body, "environment: strict") || strings.Contains(a.body, "/#/") {
				t.Errorf("%v: %s, body %q", pods, a, a.body)
			}
			if a := x.ask(t, "inside", "world", context); a.String() != failed || !strings.Contains(a.body, "environment: strict") {
				t.Errorf("%v, inside: %s, body %q", pods, a, a.body)
			}
		}
		x.set(t, "world-v2", []pod{v2})
		x.settles(t, `200 v2 environment="strict" fallback=""`, "front", "world", cookie)
	}
	for _, host := range []string{"empty", "nowhere"} {
		for _, header := range []string{"x: y", cookie} {
			a := x.ask(t, "front", host, header)
			if a.status != 502 || a.fallback != "" || strings.Contains(a.body, "environment:") && header == "x: y" {
				t.Errorf("%s, %s: %s, body %q", host, header, a, a.body)
			}
		}
	}
}
