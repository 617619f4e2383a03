package translate

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"kibble.dev/internal/envoytest"
)

// eachEdge runs an attack against an edge that takes no rules from anybody, and
// one that takes them from people who are granted it, of whom there are none.
func eachEdge(t *testing.T, attack func(*testing.T, listenerSpec)) {
	for _, adHoc := range []bool{false, true} {
		t.Run(fmt.Sprint("adHoc=", adHoc), func(t *testing.T) {
			attack(t, listenerSpec{Untrusted: true, Policies: true, AdHoc: adHoc})
		})
	}
}

// What a client might try to get context past the edge. None of it may reach
// an application, in headers or in trailers, nor choose a route.

func TestStrangeSpellingsBringNoContext(t *testing.T) { eachEdge(t, strangeSpellings) }

func strangeSpellings(t *testing.T, edge listenerSpec) {
	app := &collector{}
	l := newLab(t, edge, nil, envoytest.Upstream(t, app))
	const id = "world-v2"
	for i, request := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nl5d-ctx-dogfood : " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nl5d-ctx-dogfood\t: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n l5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\n l5d-ctx-dogfood: " + id + "\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nx-a: b\r\n\tl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\nl5d-ctx-dogfood: " + id + "\n\n",
		"GET / HTTP/1.1\r\nHost: a\r\nx-a: b\rl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nx-a: b\x00\r\nl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nl5d-ctx-dogfood\x00: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\xefl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nl5d_ctx_dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nL5D-ctx_dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nl5d.ctx.dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\nL5D-CTX-DOGFOOD: " + id + "\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nHost: b\r\nL5d-Ctx-Dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Kibble-Dtab: /a => /b\r\nl5d-dtab: /a => /b\r\nx-kibble-cluster: up\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: x-kibble-dtab\r\nl5d-dtab: /a => /b\r\n\r\n",
		"GET http://a:80/ HTTP/1.1\r\nHost: b\r\nl5d-dtab: /a => /b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, l5d-ctx-dogfood\r\nl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: l5d-ctx-dogfood\r\n\r\n1\r\na\r\n0\r\nl5d-ctx-dogfood: " + id + "\r\nL5D-Dtab: /a => /b\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nl5d-ctx-dogfood: " + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nl5d-ctx-dogfood: " + strings.Repeat("a,", 4000) + id + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("l5d-ctx-dogfood: "+id+"\r\n", 90) + "\r\n",
	} {
		path := fmt.Sprintf("/%d", i)
		request = strings.Replace(request, "/ HTTP", path+" HTTP", 1)
		name := request[:min(len(request), 100)]
		resp, _ := newRawClient(t, l.address).send(t, request)
		if resp.StatusCode == http.StatusBadRequest || resp.StatusCode == http.StatusForbidden {
			continue // refused
		}
		if app.checkClean(t, path, name) == nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%q: %s, and the application has not seen it", name, resp.Status)
		}
	}
}

// collector keeps the requests that reached an application, with their
// trailers, by path.
type collector struct{ sync.Map }

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // trailers come after it
	c.Store(r.URL.Path, r)
	w.WriteHeader(http.StatusOK)
}

// checkClean holds what reached the application at a path against what may be
// in it. It gives nil if nothing did.
func (c *collector) checkClean(t *testing.T, path, name string) *http.Request {
	t.Helper()
	found, ok := c.Load(path)
	if !ok {
		return nil
	}
	r := found.(*http.Request)
	if route := r.Header.Get("X-Route"); route != "baseline" {
		t.Errorf("%q chose the route %s", name, route)
	}
	for where, h := range map[string]http.Header{"header": r.Header, "trailer": r.Trailer} {
		for key, values := range h {
			folded := strings.ReplaceAll(strings.ToLower(key), "_", "-")
			if len(values) > 0 && (strings.Contains(folded, "l5d-") || strings.HasPrefix(folded, "dtab-local") || strings.HasPrefix(folded, "x-kibble-")) {
				t.Errorf("%q: the application got the %s %q", name, where, key)
			}
		}
	}
	return r
}

func TestFramesBringNoContext(t *testing.T) { eachEdge(t, frames) }

func frames(t *testing.T, edge listenerSpec) {
	app := &collector{}
	http2 := func(c *clusterv3.Cluster) {
		c.TypedExtensionProtocolOptions = upstreamHTTP(true, idleMost, retryPolicy())
	}
	l := newLab(t, edge, nil, envoytest.Upstream(t, app), http2)
	// Go's server shows trailers that were announced.
	announce := []string{"trailer", "l5d-ctx-dogfood, l5d-dtab, l5d_dtab, dtab-local, x-kibble-cluster, x-kibble-dtab, x-other"}
	for i, test := range []struct{ fields, trailers []string }{
		{fields: []string{"l5d-ctx-dogfood", "a", "l5d-ctx-dogfood", "b"}},
		{fields: []string{"L5d-Ctx-Dogfood", "a"}},
		{fields: []string{"l5d_ctx_dogfood", "a"}},
		{fields: []string{"l5d-ctx-dogfood ", "a"}},
		{fields: []string{"l5d-ctx-dogfood:", "a"}},
		{fields: []string{":l5d-ctx-dogfood", "a"}},
		{fields: []string{"x-a", "b\r\nl5d-ctx-dogfood: a"}},
		{fields: []string{"x-a", "b\nl5d-ctx-dogfood: a"}},
		{fields: []string{"x-a\r\nl5d-ctx-dogfood", "a"}},
		{fields: []string{"connection", "l5d-ctx-dogfood", "l5d-ctx-dogfood", "a"}},
		{fields: []string{"dtab-local", "/a => /b", "dtab-local-01-a", "x", "x-kibble-cluster", "other"}},
		{announce, []string{"l5d-ctx-dogfood", "a", "l5d-dtab", "/a => /b", "dtab-local", "x", "x-kibble-cluster", "x", "x-other", "1"}},
		{announce, []string{"L5d-Dtab", "/a => /b"}},
		{announce, []string{"l5d_dtab", "/a => /b"}},
	} {
		t.Run(strings.Join(slices.Concat(test.fields, test.trailers), " "), func(t *testing.T) {
			t.Parallel() // Envoy takes a second to close a connection on which it was cheated
			path := fmt.Sprintf("/%d", i)
			status := sendFrames(l.address, path, test.fields, test.trailers)
			r := app.checkClean(t, path, t.Name())
			switch {
			case status == "200" && r == nil, status != "200" && status != "400" && status != "reset":
				t.Error(status)
			case slices.Contains(test.trailers, "x-other") && (r == nil || r.Trailer.Get("X-Other") != "1"):
				t.Error("trailers that are not ours are gone")
			}
		})
	}
}

// sendFrames sends a request over HTTP/2 that no proper client would, and
// gives its status, or "reset" if it was not answered.
func sendFrames(address, path string, fields, trailers []string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return err.Error()
	}
	f := http2.NewFramer(conn, conn)
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	encode := func(pairs ...string) []byte {
		block.Reset()
		for i := 0; i < len(pairs); i += 2 {
			_ = enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}) // a buffer takes all
		}
		return bytes.Clone(block.Bytes())
	}
	head := append([]string{":method", "POST", ":scheme", "http", ":authority", "world", ":path", path}, fields...)
	err = f.WriteSettings()
	if err == nil {
		err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(head...), EndHeaders: true})
	}
	if err == nil {
		err = f.WriteData(1, len(trailers) == 0, []byte("body"))
	}
	if err == nil && len(trailers) > 0 {
		err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: encode(trailers...), EndHeaders: true, EndStream: true})
	}
	if err != nil {
		return "reset"
	}
	return readStatus(f)
}

func readStatus(f *http2.Framer) string {
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return "reset"
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			return frame.PseudoValue("status")
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return "reset"
		}
	}
}

// What an edge refuses, or brings to one form, whoever sends it.
func TestEdgeIsStrict(t *testing.T) {
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true}, nil, address)
	for _, test := range []struct {
		request, status, path string
	}{
		{"GET /a/../b//c HTTP/1.1\r\nHost: a\r\n\r\n", "200", "/b/c"},
		{"GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", "307", ""},
		{"GET /a%2f..%2fb HTTP/1.1\r\nHost: a\r\n\r\n", "307", ""},
		{"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "502", ""},
		{"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("x-a: b\r\n", 200) + "\r\n", "431", ""},
		{"GET / HTTP/1.1\r\nHost: a\r\nx-a: " + strings.Repeat("b", 70<<10) + "\r\n\r\n", "431", ""},
		{"GET / HTTP/1.1\r\n\r\n", "400", ""},
	} {
		resp, _ := newRawClient(t, l.address).send(t, test.request)
		if !strings.HasPrefix(resp.Status, test.status) {
			t.Errorf("%.60q: %s, want %s", test.request, resp.Status, test.status)
			continue
		}
		if test.path != "" {
			if got := up.last(t).URL.Path; got != test.path {
				t.Errorf("%.60q: the upstream got %q, want %q", test.request, got, test.path)
			}
		}
	}
}

// The client's address is what the trusted proxies in front say, and nobody else.
func TestAddressIsNotForged(t *testing.T) {
	policies := compilePolicies(t, nil, [2]string{"office", "{when: {sourceRanges: [10.0.0.0/8]}}"})
	for _, test := range []struct {
		hops uint32
		xff  string
		in   bool
	}{
		{0, "10.1.1.1", false},
		{1, "10.1.1.1", true},
		{1, "8.8.8.8", false},
		{1, "10.1.1.1, 8.8.8.8", false},
		{1, "8.8.8.8, 10.1.1.1", true},
		{2, "10.1.1.1, 8.8.8.8", true},
		{2, "10.1.1.1", false},
		{1, "", false},
	} {
		up, address := newEcho(t)
		l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: test.hops}, policies, address)
		for _, extra := range []string{"", "X-Real-IP: 10.1.1.1\r\nForwarded: for=10.1.1.1\r\nX-Envoy-External-Address: 10.1.1.1\r\nX-Envoy-Internal: true\r\n"} {
			newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: "+test.xff+"\r\n"+extra+"\r\n")
			if got := up.last(t).Header.Get("X-Route") == "override"; got != test.in {
				t.Errorf("%d hops, %q: in the office: %v", test.hops, test.xff, got)
			}
		}
	}
}
