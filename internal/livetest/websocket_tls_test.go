package livetest

import (
	"bytes"
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/net/websocket"
)

// secureSocket opens a WebSocket by TLS, as a browser does, which offers HTTP/1.1 only.
func (c *certified) secureSocket(t *testing.T, router, host string, header ...string) *websocket.Conn {
	t.Helper()
	config, err := websocket.NewConfig("wss://"+host+"/", "https://"+host+"/")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		config.Header.Add(header[i], header[i+1])
	}
	conn, err := tls.Dial("tcp", c.address(router), c.trust(host, "http/1.1"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(limit))
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// WebSockets by TLS are those of plain HTTP.
func TestSecureWebSocketsPass(t *testing.T) {
	override := policy("world-v2", "baseline", "/svc/default/http/world-v1 => /#/io.l5d.k8s/default/http/world-v2")
	c := startTLS(t, override, map[string][]pod{"world-v1": {echo(t, "v1")}, "world-v2": {echo(t, "v2")}})
	for _, test := range []struct {
		header []string
		want   string
	}{
		{nil, "v1[]: one"},
		{[]string{"Cookie", "env=world-v2"}, "v2[l5d-ctx-dogfood=world-v2]: one"},
		{[]string{"l5d-ctx-dogfood", "world-v2"}, "v1[]: one"},
	} {
		says(t, c.secureSocket(t, "front", "www.hello.world", test.header...), "one", test.want)
	}
}

// A client of HTTP/2 is offered no WebSocket (RFC 8441), and gets nowhere by asking for
// one: with a context or without.
func TestNoWebSocketByHTTP2(t *testing.T) {
	seen := newServer(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	c := startTLS(t, "", map[string][]pod{"world-v1": {seen.pod}})
	conn, err := tls.Dial("tcp", c.address("front"), c.trust("www.hello.world", "h2"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	ask := func(stream uint32, fields ...string) {
		t.Helper()
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for i := 0; i < len(fields); i += 2 {
			_ = encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
			t.Fatal(err)
		}
	}
	ask(1, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/", ":authority", "www.hello.world",
		"sec-websocket-version", "13", "l5d-ctx-dogfood", "world-v2")
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			break // the connection ends
		}
		switch frame := frame.(type) {
		case *http2.SettingsFrame:
			if on, _ := frame.Value(http2.SettingEnableConnectProtocol); on != 0 {
				t.Error("it offers the extended CONNECT")
			}
		case *http2.MetaHeadersFrame:
			if status := frame.PseudoValue("status"); status < "400" {
				t.Errorf("it answers %s", status)
			}
		}
		if h := frame.Header(); h.StreamID == 1 && (h.Type == http2.FrameRSTStream || h.Flags.Has(http2.FlagHeadersEndStream)) {
			break
		}
	}
	got, err := fetch(c.browser(t, "front", ""), "https://www.hello.world/other")
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if err != nil || !slices.Equal(seen.seen, []string{"/other[]"}) {
		t.Errorf("another request gets %s, %v; the service got %q", got, err, seen.seen)
	}
}
