package xds_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// exchange is a request as its service saw it, and the answer as the client did.
type exchange struct {
	Service, Method, Host, Path string
	Header                      http.Header
	Bytes                       int

	Status int         `json:"-"`
	Answer http.Header `json:"-"`
}

// ways are how clients send a request.
var ways = map[string]struct {
	method string
	h2     bool
	body   func() io.Reader
}{
	"get":     {method: http.MethodGet},
	"h2 get":  {method: http.MethodGet, h2: true},
	"post":    {method: http.MethodPost, body: func() io.Reader { return bytes.NewReader(make([]byte, 100_000)) }},
	"h2 post": {method: http.MethodPost, h2: true, body: func() io.Reader { return bytes.NewReader(make([]byte, 100_000)) }},
	"chunked": {method: http.MethodPut, body: func() io.Reader {
		return io.MultiReader(strings.NewReader("first"), strings.NewReader("second"))
	}},
	"h2 chunked": {method: http.MethodPut, h2: true, body: func() io.Reader {
		return io.MultiReader(strings.NewReader("first"), strings.NewReader("second"))
	}},
}

// echo adds a service that tells what it got.
func (l *demandLab) echo(name string) {
	l.services[translate.Key{Namespace: "default", Name: name}] = service(l.t, name,
		envoytest.Upstream(l.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			r.Header.Del("X-Request-Id")
			seen := exchange{Service: name, Method: r.Method, Host: r.Host, Path: r.URL.Path, Header: r.Header, Bytes: len(body)}
			if err != nil {
				seen.Service = err.Error()
			}
			_ = json.NewEncoder(w).Encode(seen)
		})))
}

// exchange sends a request, and gives what both ends saw of it.
func (l *demandLab) exchange(way, host string, headers ...string) exchange {
	l.t.Helper()
	w := ways[way]
	var body io.Reader
	if w.body != nil {
		body = w.body()
	}
	req, err := http.NewRequest(w.method, fmt.Sprintf("http://127.0.0.1:%d/some/path", l.port), body)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Host = host
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	transport := envoytest.Transport(w.h2)
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		l.t.Fatalf("%s %s: %v", way, host, err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatalf("%s %s: %v", way, host, err)
	}
	x := exchange{Status: resp.StatusCode, Answer: resp.Header}
	if resp.StatusCode != http.StatusOK || json.Unmarshal(all, &x) != nil {
		x.Service = string(all)
	}
	x.Answer.Del("Date")
	x.Answer.Del("X-Envoy-Upstream-Service-Time")
	return x
}

// told gives the hosts that an Envoy has virtual hosts for.
func (l *demandLab) told(e *envoytest.Envoy) []string {
	l.t.Helper()
	var dump struct {
		Configs []struct {
			Route struct {
				Hosts []struct{ Name string } `json:"virtual_hosts"`
			} `json:"route_config"`
		}
	}
	if err := json.Unmarshal([]byte(e.Get(l.t, "/config_dump?resource=dynamic_route_configs")), &dump); err != nil {
		l.t.Fatal(err)
	}
	var all []string
	for _, c := range dump.Configs {
		for _, h := range c.Route.Hosts {
			all = append(all, h.Name[strings.LastIndexByte(h.Name, '/')+1:])
		}
	}
	slices.Sort(all)
	return all
}

func (l *demandLab) knows(e *envoytest.Envoy, want ...string) {
	l.t.Helper()
	slices.Sort(want)
	until(l.t, "the proxies are in sync", func() bool {
		return !slices.ContainsFunc(l.server.Proxies(), func(p xds.ProxyStatus) bool { return !p.InSync })
	})
	if got := l.told(e); !slices.Equal(got, want) {
		l.t.Errorf("Envoy knows %q, want %q", got, want)
	}
}
