package translate

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"kibble.dev/internal/envoytest"
)

// Who somebody is cannot be forged either; and who has a right to an
// environment gets it, by both carriers, whatever else the request brings.

// send gives the application that answered and the context that it was told.
func (s stage) send(t *testing.T, router, path, lines string) (app, header, baggage string) {
	t.Helper()
	resp, _ := newRawClient(t, s.address(t, router)).send(t, "GET "+path+" HTTP/1.1\r\nHost: world\r\n"+lines+"\r\n")
	for _, r := range []*recorder{s.v1, s.v2} {
		if r != nil && r.name == resp.Header.Get("X-App") {
			h := r.requests("")[len(r.requests(""))-1].Header
			return r.name, strings.Join(h.Values(headerDogfood), " | "), strings.Join(h.Values("Baggage"), " | ")
		}
	}
	return resp.Status, "", ""
}

func TestContextWorksForThoseWhoHaveIt(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct{ router, lines, app, header, baggage string }{
		{"front", "", "v1", "", ""},
		{"front", "Cookie: dogfooder=yes\r\n", "v2", "world-v2", "dogfood=world-v2"},
		{"front", "Cookie: dogfooder=yes\r\nl5d-ctx-dogfood: x\r\nbaggage: dogfood=x, a=1\r\nbaggage: b=2\r\n", "v2", "world-v2", "a=1 | b=2,dogfood=world-v2"},
		{"front", "Cookie: dogfooder=yes\r\nConnection: baggage, l5d-ctx-dogfood, x-kibble-any\r\n", "v2", "world-v2", "dogfood=world-v2"},
		{"hops1", "Cookie: dogfooder=yes\r\nX-Forwarded-For: 10.0.0.1\r\n", "v2", "office,world-v2", "dogfood=office_world-v2"},
		{"inside", "", "v1", "", ""},
		{"inside", "l5d-ctx-dogfood: world-v2\r\n", "v2", "world-v2", ""},
		{"inside", "L5D-CTX-DOGFOOD: nobody, world-v2\r\n", "v2", "nobody, world-v2", ""},
		{"inside", "Baggage: a=1,dogfood=world%2Dv2\r\n", "v2", "world-v2", "a=1,dogfood=world%2Dv2"},
		{"inside", "l5d-ctx-dogfood: world-v2\r\nBaggage: dogfood=nobody\r\n", "v2", "world-v2", "dogfood=world-v2"},
		{"inside", "l5d-ctx-dogfood: nobody\r\nBaggage: dogfood=world-v2\r\n", "v1", "nobody", "dogfood=nobody"},
		{"inside", "x-kibble-cluster: /#/io.l5d.k8s/default/http/v2\r\n", "v1", "", ""},
	} {
		app, header, baggage := s.send(t, test.router, "/", test.lines)
		if app != test.app || header != test.header || baggage != test.baggage {
			t.Errorf("%s, %q: %s got %q and %q, want %s, %q and %q", test.router, test.lines, app, header, baggage, test.app, test.header, test.baggage)
		}
	}
}

// The client's address is what the trusted proxies in front say, and nobody else.
func TestNoAddressIsForged(t *testing.T) {
	s := newStage(t)
	const more = "X-Real-IP: 10.1.1.1\r\nForwarded: for=10.1.1.1\r\nX-Envoy-External-Address: 10.1.1.1\r\nX-Envoy-Internal: true\r\nTrue-Client-IP: 10.1.1.1\r\nX-Client-IP: 10.1.1.1\r\n"
	for _, test := range []struct {
		hops int
		xff  string
		in   bool
	}{
		{0, "10.1.1.1", false}, {0, "10.1.1.1, 10.1.1.1", false}, {0, "2001:db8::1", false}, {0, "::ffff:10.1.1.1", false},
		{1, "10.1.1.1", true}, {1, "8.8.8.8", false}, {1, "10.1.1.1, 8.8.8.8", false}, {1, "8.8.8.8, 10.1.1.1", true},
		{1, "10.1.1.1,10.1.1.1,8.8.8.8", false}, {1, "2001:db8::1", true}, {1, "2001:db9::1", false}, {1, "2001:db8::1, 2001:db9::1", false},
		{1, "[2001:db8::1]", false}, {1, "::ffff:10.1.1.1", false}, {1, "10.1.1.1:80", false}, {1, "10.1", false}, {1, "10.1.1.256", false},
		{1, "0xa.1.1.1", false}, {1, "10.1.1.1,", false}, {1, ",", false}, {1, "", false}, {1, "unknown", false}, {1, "localhost", false},
		{2, "10.1.1.1, 8.8.8.8", true}, {2, "10.1.1.1", false}, {2, "8.8.8.8, 10.1.1.1", false}, {2, "10.1.1.1, 8.8.8.8, 9.9.9.9", false},
		{2, "8.8.8.8, 10.1.1.1, 9.9.9.9", true}, {2, "2001:db8::1, 8.8.8.8", true}, {2, "", false},
	} {
		router := []string{"front", "hops1", "hops2"}[test.hops]
		for _, lines := range []string{
			"X-Forwarded-For: " + test.xff + "\r\n", "X-Forwarded-For: " + test.xff + "\r\n" + more,
			strings.ReplaceAll("X-Forwarded-For: "+test.xff, ", ", "\r\nx-forwarded-for: ") + "\r\n",
		} {
			if app, _, _ := s.send(t, router, "/", lines); (app == "v2") != test.in {
				t.Errorf("%d hops, %q: %s, in the office: %v", test.hops, lines, app, test.in)
			}
		}
	}
}

// To whom it takes for internal, Envoy leaves headers that say how often a request is
// sent, how long it may take, and what the log says of it. Nobody is, whatever the
// address.
func TestNobodyIsInternal(t *testing.T) {
	tries := make(chan http.Header, 100)
	failing := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries <- r.Header
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	s := stage{world: newWorld(t, "edge", stageRouters(), stagePolicies(), map[string]string{"v1": failing, "v2": failing})}
	const more = "X-Envoy-Retry-On: 5xx\r\nX-Envoy-Max-Retries: 3\r\nX-Envoy-Internal: true\r\nX-Envoy-Original-Path: /forged\r\nX-Request-Id: forged\r\n"
	for _, router := range []string{"front", "hops1", "hops2", "inside"} {
		for _, xff := range []string{"", "X-Forwarded-For: 10.1.1.1\r\n", "X-Forwarded-For: 127.0.0.1\r\n", "X-Forwarded-For: 8.8.8.8\r\n"} {
			status, _, _ := s.send(t, router, "/", xff+more)
			h := <-tries
			if !strings.HasPrefix(status, "503") || len(tries) > 0 || h.Get("X-Envoy-Internal") != "" {
				t.Errorf("%s, %q: %s after %d more tries, of whom Envoy says %v", router, xff, status, len(tries), h)
			}
			if outside := router != "inside"; outside && (h.Get("X-Envoy-Original-Path") != "" || h.Get("X-Request-Id") == "forged") {
				t.Errorf("%s, %q: the log says what the client says: %v", router, xff, h)
			}
			for len(tries) > 0 {
				<-tries
			}
		}
	}
}

// A cookie is what explain says it is: the first of its name, letter for letter.
func TestNoCookieIsForged(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct {
		lines []string
		in    bool
	}{
		{[]string{"dogfooder=yes"}, true}, {[]string{"a=b; dogfooder=yes; c"}, true}, {[]string{`dogfooder="yes"`}, true}, {[]string{"a=b", "dogfooder=yes"}, true},
		{[]string{"dogfooder=yes; dogfooder=no"}, true}, {[]string{"dogfooder=no; dogfooder=yes"}, false}, {[]string{"dogfooder=no", "dogfooder=yes"}, false},
		{[]string{"dogfooder=; dogfooder=yes"}, false}, {[]string{"Dogfooder=yes"}, false}, {[]string{"DOGFOODER=yes"}, false}, {[]string{"dogfooder=YES"}, false},
		{[]string{"dogfooder=yes1"}, false}, {[]string{"xdogfooder=yes"}, false}, {[]string{"a=dogfooder=yes"}, false}, {[]string{`a="; dogfooder=yes; b="`}, true},
		{[]string{"a=1, dogfooder=yes"}, false}, {[]string{"dogfooder =yes"}, false}, {[]string{"dogfooder= yes"}, false}, {[]string{"dogfooder=yes ; a=b"}, false},
		{[]string{"dogfooder=ye%73"}, false}, {[]string{"dogfood%65r=yes"}, false}, {[]string{"dogfooder"}, false}, {[]string{"$Version=1; dogfooder=yes"}, true},
		{[]string{"a=" + strings.Repeat("b", 40<<10) + "; dogfooder=yes"}, true}, {[]string{"dogfooder=" + strings.Repeat("yes", 10<<10)}, false},
		{[]string{strings.Repeat("a=b;", 5000) + " dogfooder=yes"}, true}, {slices.Repeat([]string{"a=b"}, 80), false},
	} {
		lines := ""
		for _, line := range test.lines {
			lines += "Cookie: " + line + "\r\n"
		}
		x, err := s.model.Explain(Question{Router: "front", Source: netip.MustParseAddr("127.0.0.1"), Request: Request{
			Method: "GET", Host: "world", Path: "/", Header: map[string][]string{"cookie": test.lines},
		}})
		if err != nil {
			t.Fatal(err)
		}
		app, _, _ := s.send(t, "front", "/", lines)
		if (app == "v2") != test.in || (len(x.Context) > 0) != test.in {
			t.Errorf("%.100q: Envoy says %s, explain %q, want %v", lines, app, x.Context, test.in)
		}
	}
}

// Tricks with the target of a request change no route, and what an application
// reads as a path is what the edge has read.
func TestNoTargetBringsContext(t *testing.T) {
	s := newStage(t)
	for i, target := range []string{
		"//l5d-ctx-dogfood", "/a//b", "/a/../b", "/a/..;/b", "/..;/b", "/%2e%2e/b", "/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a;l5d-ctx-dogfood=world-v2",
		"/?l5d-ctx-dogfood=world-v2", "/?baggage=dogfood=world-v2", "/#l5d-ctx-dogfood", "/%00", "/%0d%0al5d-ctx-dogfood:%20world-v2", "/a%0a", "/\xff", "/%ff",
		"http://world/a/../b", "http://world//b", "http://WORLD/", "http://world:80/", "http://world./", "http://v2@world/", "http://world/?http://v2/",
		"/" + strings.Repeat("a/", 5000), "/..", "/../..", "*", "world:80", "world", "?", "",
	} {
		newRawClient(t, s.address(t, "front")).send(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: world\r\nx-n: %d\r\nl5d-ctx-dogfood: world-v2\r\n\r\n", target, i))
	}
	s.checkUntouched(t)
	for _, req := range s.v1.requests("") {
		for _, bad := range []string{"//", "/../", `\`, "%2f", "%2F", "%5c", "%00", "#"} {
			if path, _, _ := strings.Cut(req.RequestURI, "?"); strings.Contains(path, bad) {
				t.Errorf("the application got the path %q", path)
			}
		}
	}
	if len(s.v1.requests("")) < 10 {
		t.Error("hardly a request reached the application: that proves little")
	}
}
