package livetest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// What an edge answers to requests beyond its limits, as the page of symptoms
// says, and that what is just within them is served. Inside there are others.
func TestEdgeLimits(t *testing.T) {
	x := start(t, hello, map[string][]pod{"world-v1": {app(t, "v1")}})
	for _, test := range []struct {
		what, header string
		edge, inside int
	}{
		{"headers of less than 60 KiB", "x-a: " + strings.Repeat("a", 59<<10) + "\r\n", 200, 200},
		{"headers of more than 60 KiB", "x-a: " + strings.Repeat("a", 61<<10) + "\r\n", 431, 431},
		{"nearly 100 headers", strings.Repeat("x-a: a\r\n", 97), 200, 200},
		{"more than 100 headers", strings.Repeat("x-a: a\r\n", 101), 431, 431},
		{"a header with _", "x_a: a\r\n", 400, 200},
	} {
		for router, want := range map[string]int{"front": test.edge, "inside": test.inside} {
			if got := x.raw(t, router, "GET / HTTP/1.1\r\nHost: world\r\nConnection: close\r\n"+test.header+"\r\n"); got != want {
				t.Errorf("%s, at %s: %d, want %d", test.what, router, got, want)
			}
		}
	}
}

// Who does not end a request is answered when the time is over: five minutes at
// an edge, and ten seconds for the headers, which are shortened here.
func TestEdgeWaitsNotForever(t *testing.T) {
	x := startEdited(t, hello, map[string][]pod{"world-v1": {app(t, "v1")}}, bootstrap.Options{},
		func(b string) string { return b }, func(s *translate.Snapshot) *translate.Snapshot { return hurried(t, s) })
	for what, request := range map[string]string{
		"a body that does not end": "POST / HTTP/1.1\r\nHost: world\r\nContent-Length: 10\r\n\r\nbegun",
		"headers that do not end":  "GET / HTTP/1.1\r\nHost: world\r\n",
	} {
		if got := x.raw(t, "front", request); got != http.StatusRequestTimeout {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// hurried makes an edge wait for a second only.
func hurried(t *testing.T, s *translate.Snapshot) *translate.Snapshot {
	t.Helper()
	r := s.Classes["edge"].Resources[translate.ListenerType]["default/front"]
	l, ok := proto.Clone(unpacked(t, r.Body)).(*listenerv3.Listener)
	if !ok {
		t.Fatalf("%s is no listener", r.Name)
	}
	config := l.FilterChains[0].Filters[0].GetTypedConfig()
	var hcm hcmv3.HttpConnectionManager
	if err := config.UnmarshalTo(&hcm); err != nil {
		t.Fatal(err)
	}
	if hcm.RequestTimeout.AsDuration() != 5*time.Minute || hcm.RequestHeadersTimeout.AsDuration() != 10*time.Second {
		t.Fatalf("the limits are %s and %s", hcm.RequestTimeout.AsDuration(), hcm.RequestHeadersTimeout.AsDuration())
	}
	hcm.RequestTimeout, hcm.RequestHeadersTimeout = durationpb.New(time.Second), durationpb.New(time.Second)
	if err := config.MarshalFrom(&hcm); err != nil {
		t.Fatal(err)
	}
	changed, err := translate.NewResource(r.Name, l, r.Clusters, r.Source)
	if err != nil {
		t.Fatal(err)
	}
	s.Classes["edge"].Resources[translate.ListenerType][r.Name] = changed
	return s
}

func unpacked(t *testing.T, body *anypb.Any) proto.Message {
	t.Helper()
	m, err := body.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// An Envoy whose memory is nearly used up answers requests of connections that
// are open with 503, before it refuses connections.
func TestMemoryRunsShort(t *testing.T) {
	heap := envoytest.NewHeap(t, "0.5")
	x := startEdited(t, hello, map[string][]pod{"world-v1": {app(t, "v1")}}, bootstrap.Options{MaxHeapBytes: 1 << 30}, heap.Of,
		func(s *translate.Snapshot) *translate.Snapshot { return s })
	for _, state := range []struct {
		used string
		want int
	}{{"0.5", http.StatusOK}, {"0.985", http.StatusServiceUnavailable}, {"0.5", http.StatusOK}} {
		heap.Use(state.used)
		until(t, "requests are answered as they are at "+state.used, func() bool {
			a, err := x.try("front", "world")
			return err == nil && a.status == state.want
		})
	}
}

// raw sends a text to a router and gives the status of the answer.
func (x *live) raw(t testing.TB, router, text string) int {
	t.Helper()
	c, err := net.Dial("tcp", x.address(router))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
