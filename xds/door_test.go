package xds_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/xds"
)

// later is a clock that a test can have hurry: then each look at it is a while later,
// less than what counts as a leap.
type later struct {
	begun   time.Time
	by      atomic.Int64
	hurries atomic.Bool
}

func newLater() *later { return &later{begun: time.Now()} }

func (c *later) now() time.Time {
	if c.hurries.Load() {
		c.by.Add(int64(300 * time.Millisecond))
	}
	return c.begun.Add(time.Duration(c.by.Load()))
}

// Thousands connect and say nothing, or begin to and never end. They are bounded,
// and proxies are served; after a while all of them are gone.
func TestSilentConnections(t *testing.T) {
	const most, more = 4096, 200
	clock, registry := newLater(), prometheus.NewRegistry()
	s, address := serve(t, xds.Options{Now: clock.now, Registerer: registry})
	s.Publish(edge(cluster(t, "a", time.Second)))
	there := dial(t, address, "delta", node("there", "edge"))
	there.ask(cds)
	there.accept(cds, "a")
	until(t, "the proxy is known", func() bool { return counted(t, registry, "kibble_xds_strangers") == 0 })

	silent := make([]net.Conn, most+more)
	for i := range silent {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if i%2 == 0 {
			if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n"); err != nil && i >= more {
				t.Fatal(err)
			}
		}
		silent[i] = c
	}
	until(t, "there are no more than allowed", func() bool { return counted(t, registry, "kibble_xds_strangers_closed_total") == more })
	if n := counted(t, registry, "kibble_xds_strangers"); n != most {
		t.Errorf("%v strangers, want %d", n, most)
	}
	ended(t, silent[0])

	p := dial(t, address, "delta", node("comes", "edge"))
	p.ask(cds)
	p.accept(cds, "a")
	s.Publish(edge(cluster(t, "b", time.Second)))
	there.expect(cds, "b")
	clock.hurries.Store(true)
	until(t, "they are gone", func() bool { return counted(t, registry, "kibble_xds_strangers") == 0 })
	ended(t, silent[most+more-1])
	if n := len(s.Proxies()); n != 2 {
		t.Errorf("%d proxies are there, want 2", n)
	}
}

// ended fails the test if a connection does not end.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection lives on")
	}
}

// Streams on which nothing is said are bounded, also of those who are known, do not
// count as proxies, and end after a while.
func TestSilentStreams(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		clock, registry := newLater(), prometheus.NewRegistry()
		s, address := serve(t, xds.Options{Now: clock.now, Registerer: registry, MaxStreams: 3})
		s.Publish(edge(cluster(t, "a", time.Second)))
		var streams []grpc.ClientStream
		for _, name := range []string{"n0", "n1"} {
			conn := connection(t, address)
			speaks := open(t, conn, protocol)
			if err := speaks.SendMsg(map[string]any{
				"delta": &discoveryv3.DeltaDiscoveryRequest{Node: node(name, "edge"), TypeUrl: cds},
				"sotw":  &discoveryv3.DiscoveryRequest{Node: node(name, "edge"), TypeUrl: cds},
			}[protocol]); err != nil {
				t.Fatal(err)
			}
			until(t, "its connection is known", func() bool { return counted(t, registry, "kibble_xds_strangers") == 0 })
			for range 600 {
				streams = append(streams, open(t, conn, protocol))
			}
		}
		until(t, "the first end", func() bool { return counted(t, registry, "kibble_xds_denied_total") == 200 })
		until(t, "those who spoke are proxies", func() bool { return len(s.Proxies()) == 2 })
		p := dial(t, address, protocol, node("n2", "edge"))
		p.ask(cds)
		p.accept(cds, "a")
		clock.hurries.Store(true)
		until(t, "all end", func() bool { return counted(t, registry, "kibble_xds_denied_total") >= 1200 })
		count := map[codes.Code]int{}
		for _, st := range streams {
			count[grpcstatus.Code(st.RecvMsg(&discoveryv3.DeltaDiscoveryResponse{}))]++
		}
		if count[codes.ResourceExhausted] != 201 || count[codes.DeadlineExceeded] != 999 { // one had to go for p
			t.Errorf("they ended so: %v", count)
		}
		if n := counted(t, registry, "kibble_xds_streams"); n != 3 {
			t.Errorf("%v proxies are counted, want 3", n)
		}
	})
}

// open begins a stream, and says nothing.
func open(t *testing.T, conn *grpc.ClientConn, protocol string) grpc.ClientStream {
	t.Helper()
	method := map[string]string{
		"delta": discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResources_FullMethodName,
		"sotw":  discoveryv3.AggregatedDiscoveryService_StreamAggregatedResources_FullMethodName,
	}[protocol]
	st, err := conn.NewStream(t.Context(), &grpc.StreamDesc{StreamName: "silent", ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
