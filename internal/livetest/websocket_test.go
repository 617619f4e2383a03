package livetest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"kibble.dev/internal/envoytest"
)

// echo is an application that says each message again with its name before it, and
// with what it was sent of our headers.
func echo(t testing.TB, name string) pod {
	t.Helper()
	return pod{address: envoytest.Upstream(t, websocket.Handler(func(ws *websocket.Conn) {
		for {
			var message []byte
			if websocket.Message.Receive(ws, &message) != nil {
				return
			}
			said := fmt.Sprintf("%s%v: %s", name, ours(ws.Request().Header), message)
			if websocket.Message.Send(ws, said) != nil {
				return
			}
		}
	}))}
}

// ours are the lines of a request by which context travels.
func ours(header http.Header) []string {
	var all []string
	for name, values := range header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "l5d-ctx-") || strings.HasPrefix(lower, "x-kibble-") {
			all = append(all, lower+"="+strings.Join(values, ";"))
		}
	}
	slices.Sort(all)
	return all
}

// relay is an application that has a WebSocket of its own to another host for each of
// its clients', with the context of its client's.
func relay(t testing.TB, address func() string, host string) pod {
	t.Helper()
	return pod{address: envoytest.Upstream(t, websocket.Handler(func(ws *websocket.Conn) {
		var context []string
		for _, line := range ours(ws.Request().Header) {
			context = append(context, strings.Replace(line, "=", ": ", 1))
		}
		other, err := dialSocket(address(), host, context...)
		if err != nil {
			_ = websocket.Message.Send(ws, "the relay: "+err.Error())
			return
		}
		var copying sync.WaitGroup
		pass := func(from, to *websocket.Conn) {
			defer to.Close()
			for {
				var message []byte
				if websocket.Message.Receive(from, &message) != nil || websocket.Message.Send(to, message) != nil {
					return
				}
			}
		}
		copying.Go(func() { pass(other, ws) })
		pass(ws, other)
		copying.Wait()
	}))}
}

// dialSocket opens a WebSocket to a host by way of an address.
func dialSocket(address, host string, headers ...string) (*websocket.Conn, error) {
	config, err := websocket.NewConfig("ws://"+host+"/", "http://"+host+"/")
	if err != nil {
		return nil, err
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		config.Header.Add(name, value)
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(limit))
	ws, err := websocket.NewClient(config, c)
	if err != nil {
		c.Close()
		return nil, err
	}
	ws.MaxPayloadBytes = 16 << 20
	return ws, nil
}

// socket opens a WebSocket, and has it closed when the test ends.
func (x *live) socket(t testing.TB, router, host string, headers ...string) *websocket.Conn {
	t.Helper()
	ws, err := dialSocket(x.address(router), host, headers...)
	if err != nil {
		t.Fatalf("%s at %s, %q: %v", host, router, headers, err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// says sends a message and compares what comes back.
func says(t testing.TB, ws *websocket.Conn, message, want string) {
	t.Helper()
	_ = ws.SetDeadline(time.Now().Add(limit))
	if err := websocket.Message.Send(ws, message); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := websocket.Message.Receive(ws, &got); err != nil || got != want {
		t.Errorf("it says %.200q, %v; want %.200q", got, err, want)
	}
}

// WebSockets pass edge and sidecars, to where other requests of their clients go: into
// environments by policies and by context. Nobody outside gets anywhere by headers. A message may be larger than anything that proxies keep.
func TestWebSocketsPass(t *testing.T) {
	v1, v2 := echo(t, "v1"), echo(t, "v2")
	var sender *live
	hops := relay(t, func() string { return sender.address("inside") }, "world")
	receiver := start(t, behind, map[string][]pod{"hello": {hops}, "world-v1": {v1}, "world-v2": {v2}})
	proxy := []pod{{address: receiver.address("inside")}}
	sender = start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"hello": proxy, "world-v1": proxy, "world-v2": proxy})
	large := string(bytes.Repeat([]byte("large "), 500_000))
	const cookie, context, rule = "Cookie: env=world-v2", "l5d-ctx-dogfood: world-v2", "l5d-dtab: /host/world => /srv/world-v2"
	for _, test := range []struct {
		router, host string
		headers      []string
		want         string
	}{
		{"front", "world", nil, "v1[]"},
		{"front", "world", []string{cookie}, "v2[l5d-ctx-dogfood=world-v2]"},
		{"front", "world", []string{context, rule, "x-kibble-cluster: /#/io.l5d.k8s/default/http/world-v2"}, "v1[]"},
		{"front", "hello", nil, "v1[]"},
		{"front", "hello", []string{cookie}, "v2[l5d-ctx-dogfood=world-v2]"},
		{"front", "hello", []string{context}, "v1[]"},
		{"inside", "world", []string{context}, "v2[l5d-ctx-dogfood=world-v2]"},
	} {
		ws := sender.socket(t, test.router, test.host, test.headers...)
		for _, message := range []string{"one", large, "three"} {
			says(t, ws, message, test.want+": "+message)
		}
	}
}
