package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func get(t *testing.T, h http.Handler, method, target string, header http.Header) (int, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, http.NoBody)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// proxy is a server that is asked as an HTTP proxy, and the client that asks it.
func proxy(t *testing.T, h http.HandlerFunc) *http.Client {
	t.Helper()
	s := httptest.NewServer(h)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(u)}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
	})
	return &http.Client{Transport: transport}
}

func TestAnswers(t *testing.T) {
	world := proxy(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "http://world/" {
			t.Errorf("the proxy was asked for %q", r.URL)
		}
		_, _ = io.WriteString(w, "world (10.0.0.2)!")
	})
	for _, c := range []struct {
		name   string
		server *server
		want   string
	}{
		{"alone", &server{text: "world"}, "world!"},
		{"with an address", &server{text: "world", podIP: "10.0.0.2"}, "world (10.0.0.2)!"},
		{"with a target", &server{text: "Hello", podIP: "10.0.0.1", target: "world", client: world}, "Hello (10.0.0.1) world (10.0.0.2)!!"},
		{"JSON", &server{text: "api", target: "world", client: world, json: true}, `{"api_result":"api world (10.0.0.2)!"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if code, got := get(t, c.server, http.MethodGet, "/any/path?q", nil); code != http.StatusOK || got != c.want {
				t.Errorf("%d %q, want 200 %q", code, got, c.want)
			}
		})
	}
}

func TestForwardsContextOnly(t *testing.T) {
	var got http.Header
	s := &server{target: "world", client: proxy(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		got.Del("User-Agent")
		got.Del("Accept-Encoding")
	})}
	get(t, s, http.MethodGet, "/", http.Header{
		"L5d-Ctx-Dogfood": {"world-v2"}, "L5d-Ctx-Dtab": {"/a=>/b", "/c=>/d"}, "L5d-Ctx": {"x"},
		"L5d-Dtab": {"/a=>/b"}, "Cookie": {"special_employee_cookie=dogfood"}, "X-L5d-Ctx-Dtab": {"/a=>/b"},
	})
	want := http.Header{"L5d-Ctx-Dogfood": {"world-v2"}, "L5d-Ctx-Dtab": {"/a=>/b", "/c=>/d"}, "L5d-Ctx": {"x"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the target saw (-want +got):\n%s", diff)
	}
}

func TestTargetFails(t *testing.T) {
	s := &server{target: "world", client: proxy(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	})}
	code, got := get(t, s, http.MethodGet, "/", nil)
	if code != http.StatusServiceUnavailable || strings.TrimSpace(got) != "invalid response 502" {
		t.Errorf("%d %q, want 503 invalid response 502", code, got)
	}
}

func TestSettings(t *testing.T) {
	s := &server{text: "world"}
	for _, c := range []struct {
		method, target string
		code           int
		body           string
	}{
		{"GET", "/setLatency?latency=1ms", 405, "POST required"},
		{"POST", "/setLatency", 400, "missing required parameter: latency"},
		{"POST", "/setLatency?latency=1", 400, "latency is not a valid duration, such as 500ms"},
		{"POST", "/setLatency?latency=11s", 400, "latency must be between 0 and 10s"},
		{"POST", "/setLatency?latency=5ms", 200, "ok"},
		{"POST", "/setFailureRate?failureRate=x", 400, "failureRate is not a valid number, such as 0.5"},
		{"POST", "/setFailureRate?failureRate=1.5", 400, "failureRate must be between 0.0 and 1.0"},
		{"POST", "/setFailureRate?failureRate=NaN", 400, "failureRate must be between 0.0 and 1.0"},
		{"GET", "/", 200, "world!"},
		{"POST", "/setFailureRate?failureRate=1", 200, "ok"},
		{"GET", "/", 500, ""},
	} {
		if code, body := get(t, s, c.method, c.target, nil); code != c.code || strings.TrimSpace(body) != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.target, code, body, c.code, c.body)
		}
	}
	start := time.Now()
	get(t, s, http.MethodGet, "/", nil)
	if took := time.Since(start); took < 5*time.Millisecond {
		t.Errorf("answered after %s, want 5ms or more", took)
	}
}

// The chart's test asks until the answer is right.
func TestAsk(t *testing.T) {
	answers := []string{"not yet", "Hello world"}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "www.hello.world" || r.Header.Get("Cookie") != "a=b" {
			t.Errorf("asked %s with cookie %q", r.Host, r.Header.Get("Cookie"))
		}
		_, _ = io.WriteString(w, answers[min(asked, 1)])
		asked++
	}))
	defer server.Close()
	q := question{url: server.URL, host: "www.hello.world", cookie: "a=b", want: "world", patience: time.Minute}
	var out strings.Builder
	if err := q.ask(t.Context(), &out, io.Discard); err != nil || out.String() != "Hello world" {
		t.Errorf("%q, %v", out.String(), err)
	}
	q.want, q.patience = "earth", time.Millisecond
	if err := q.ask(t.Context(), &out, io.Discard); err == nil || !strings.Contains(err.Error(), `want "earth"`) {
		t.Error(err)
	}
}
