package livetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
)

// server is an application that says yes to no WebSocket and reads on: what follows on
// the connection is the next request to it, as HTTP/1.1 has it.
type server struct {
	pod

	mu   sync.Mutex
	seen []string // the path of each request, and what it carries of ours
	// ended has an element for each connection on which somebody asked for a WebSocket
	// and that has ended since.
	ended chan struct{}
}

// newServer answers all requests with a text.
func newServer(t testing.TB, answer string) *server {
	t.Helper()
	l := envoytest.Listen(t)
	s := &server{pod: pod{address: l.Addr().String()}, ended: make(chan struct{}, 100)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { s.serve(c, answer) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return s
}

func (s *server) serve(c net.Conn, answer string) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	asked := false
	for r := bufio.NewReader(c); ; {
		request, err := http.ReadRequest(r)
		if err != nil {
			break
		}
		asked = asked || request.Header.Get("Upgrade") != ""
		s.mu.Lock()
		s.seen = append(s.seen, fmt.Sprint(request.URL.Path, ours(request.Header)))
		s.mu.Unlock()
		if _, err := io.WriteString(c, answer); err != nil {
			break
		}
	}
	if asked {
		s.ended <- struct{}{}
	}
}

// saw tells whether a request was read, by its path and what it carried.
func (s *server) saw(request string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.seen, request)
}

// Who asks for a WebSocket and is refused cannot speak to the service past the edge:
// what follows is not read by the service, which would take it for the next request,
// with a context that nobody has taken away. What was sent before the answer is not, nor
// after it, whatever the answer is, and also where the service speaks HTTP/1.0 and keeps
// connections. Both connections end.
func TestRefusedWebSocketLetsNothingThrough(t *testing.T) {
	const (
		asks    = "Host: world\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		upgrade = "GET /socket HTTP/1.1\r\n" + asks + "\r\n"
		hidden  = "GET /hidden HTTP/1.1\r\nHost: world\r\nl5d-ctx-dogfood: world-v2\r\nx-kibble-cluster: a\r\n\r\n"
		length  = "Content-Length: 2\r\n\r\nok"
		kept    = "Connection: keep-alive\r\n" + length
	)
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\n" + length,
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 400 Bad Request\r\n" + length,
		"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + length,
		"HTTP/1.1 503 Service Unavailable\r\n" + length,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n" + length,
		"HTTP/1.0 200 OK\r\n" + kept,
		"HTTP/1.0 400 Bad Request\r\n" + kept,
	} {
		direct, beyond := newServer(t, answer), newServer(t, answer)
		receiver := start(t, behind, map[string][]pod{"world-v1": {beyond.pod}})
		near := start(t, hello, map[string][]pod{"world-v1": {direct.pod}})
		far := start(t, hello, map[string][]pod{"world-v1": {{address: receiver.address("inside")}}})
		for _, test := range []struct {
			what string
			x    *live
			s    *server
		}{{"an edge", near, direct}, {"an edge and a sidecar", far, beyond}} {
			// It has connections that are kept, on which the answer was HTTP/1.0 perhaps.
			// And it would see what follows a request, if it were one of the edge's.
			test.x.raws(t, "GET /before HTTP/1.1\r\nHost: world\r\n\r\n"+hidden, "HTTP/1.1 ", 2, "")
			if !test.s.saw("/before[]") || !test.s.saw("/hidden[]") {
				t.Fatalf("%q behind %s: ordinary requests do not get there: %q", answer, test.what, test.s.seen)
			}
			for _, request := range []string{
				upgrade,
				"GET /socket HTTP/1.0\r\n" + asks + "\r\n",
				"GET /socket HTTP/1.1\r\n" + asks + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			} {
				test.x.raws(t, request+hidden, "\r\n\r\n", 1, hidden)
				select {
				case <-test.s.ended:
				case <-time.After(limit):
					t.Errorf("%q behind %s: a connection with a refused WebSocket goes on", answer, test.what)
				}
			}
			if !test.s.saw("/socket[]") {
				t.Errorf("%q behind %s: nobody has asked for a WebSocket: that proves little", answer, test.what)
			}
			if i := slices.IndexFunc(test.s.seen, func(s string) bool { return strings.Contains(s, "=") }); i >= 0 {
				t.Errorf("%q behind %s: the service has read %s", answer, test.what, test.s.seen[i])
			}
		}
		for _, x := range []*live{near, far, receiver} {
			x.Stop()
		}
	}
}

// raws sends a text to the edge, reads until it has seen a mark so many times, sends the
// rest, says that this is all, and waits until the connection has ended.
func (x *live) raws(t testing.TB, text, mark string, times int, rest string) {
	t.Helper()
	c, err := net.Dial("tcp", x.address("front"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for buffer := make([]byte, 4096); strings.Count(string(got), mark) < times; {
		n, err := c.Read(buffer)
		got = append(got, buffer[:n]...)
		if err != nil {
			t.Fatalf("%q is answered %q, %v", text, got, err)
		}
	}
	_, _ = io.WriteString(c, rest)
	_ = c.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, c)
}

// A connection goes over to no protocol but WebSocket, and to that only if its service
// speaks HTTP/1.1: also an environment's, and whoever stands behind it.
func TestRefusedUpgrades(t *testing.T) {
	const grpc = `
apiVersion: v1
kind: Service
metadata: {name: grpc}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: grpc-0, labels: {kubernetes.io/service-name: grpc}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [127.0.0.1]}]
---
`
	table := strings.Replace(hello, "/host/world =>", "/host/grpc => /#/io.l5d.k8s/default/grpc/grpc ; /host/world =>", 1)
	x := start(t, table+grpc+policy("world-grpc", "baseline", "/host/world => /host/grpc"), map[string][]pod{"world-v1": {echo(t, "v1")}})
	says(t, x.socket(t, "front", "world"), "one", "v1[]: one")
	const context = "\r\nl5d-ctx-dogfood: world-grpc"
	for _, test := range []struct{ router, host, protocol string }{
		{"front", "world", "other"}, {"front", "world", "websocket, other"}, {"front", "world", "other\r\nUpgrade: websocket"},
		{"front", "grpc", "websocket"}, {"inside", "grpc", "websocket"}, {"inside", "world", "websocket" + context},
	} {
		text := fmt.Sprintf("GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", test.host, test.protocol)
		if got := x.raw(t, test.router, text); got != http.StatusForbidden {
			t.Errorf("%q to %s, at %s: %d", test.protocol, test.host, test.router, got)
		}
	}
}

// A service that refuses and says which protocol it would go over to does not go over:
// the client is told that the connection ends, and whoever reads no further ends it.
func TestRefusedWebSocketEndsConnection(t *testing.T) {
	s := newServer(t, "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok")
	x := start(t, hello, map[string][]pod{"world-v1": {s.pod}})
	req, err := http.NewRequest(http.MethodGet, "http://"+x.address("front")+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Header = "world", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	resp, err := x.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusUpgradeRequired || string(body) != "ok" || !resp.Close {
		t.Errorf("%s %q, %v, that is all: %t", resp.Status, body, err, resp.Close)
	}
	<-s.ended
}
