package livetest

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// Clients that open connections and do nothing cannot take more than the limit;
// one that leaves makes room.
func TestConnectionsAreLimited(t *testing.T) {
	const most = 4
	status := envoytest.FreeAddress(t)
	x := startWith(t, hello, map[string][]pod{"world-v1": {app(t, "v1")}}, bootstrap.Options{MaxConnections: most, StatusAddress: status})
	var idle []net.Conn
	for range most {
		c, err := net.Dial("tcp", x.address("front"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if answered(c) != nil { // it is open, and idle from now on
			t.Fatal("a connection within the limit is not served")
		}
		idle = append(idle, c)
	}
	c, err := net.Dial("tcp", x.address("front"))
	if err == nil {
		defer c.Close()
		err = answered(c)
	}
	if err == nil {
		t.Error("one connection more than the limit is served")
	}
	x.tellsItsState(t, status)
	idle[0].Close()
	until(t, "there is room again", func() bool {
		a, err := x.try("front", "world")
		return err == nil && a.status == http.StatusOK
	})
}

// An Envoy without memory left refuses connections and goes on; whoever asks for
// its state is answered all the same.
func TestMemoryIsLimited(t *testing.T) {
	status := envoytest.FreeAddress(t)
	x := startWith(t, hello, map[string][]pod{"world-v1": {app(t, "v1")}}, bootstrap.Options{MaxHeapBytes: 1 << 20, StatusAddress: status})
	until(t, "requests are refused", func() bool {
		a, err := x.try("front", "world")
		return err != nil || a.status == http.StatusServiceUnavailable
	})
	for _, action := range []string{"overload_actions.shrink_heap", "overload_actions.disable_http_keepalive", "overload_actions.stop_accepting_requests", "load_shed_points.tcp_listener_accept"} {
		until(t, action+" is active", func() bool {
			return strings.Contains(x.Get(t, "/stats?filter=overload"), "overload.envoy."+action+".scale_percent: 100\n")
		})
	}
	until(t, "connections are refused", func() bool {
		_, _ = x.try("front", "world")
		refused := x.Get(t, "/stats?filter=default/front.downstream_cx_overload_reject")
		return strings.Contains(refused, "reject: ") && !strings.Contains(refused, "reject: 0\n")
	})
	x.tellsItsState(t, status)
}

// answered sends a request on a connection that stays open, and gives an error
// if there is no answer.
func answered(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(limit))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: world\r\n\r\n"); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// tellsItsState checks that Envoy is ready and that who watches it gets through.
// Here its admin page is elsewhere than the bootstrap says, so that the listener
// for watchers cannot ask it: any answer shows that the limits are not theirs.
func (x *live) tellsItsState(t testing.TB, status string) {
	t.Helper()
	if ready := x.Get(t, "/ready"); !strings.HasPrefix(ready, "LIVE") {
		t.Errorf("/ready says %q", ready)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
	until(t, "who watches is answered", func() bool {
		resp, err := client.Get("http://" + status + "/ready")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}
