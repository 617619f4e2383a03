package xds_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

func connection(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// Only the aggregated streams are served: what is fetched one by one would pass
// by whatever guards the streams.
func TestNoFetch(t *testing.T) {
	_, address := serve(t, xds.Options{})
	conn := connection(t, address)
	_, err := clusterv3.NewClusterDiscoveryServiceClient(conn).FetchClusters(t.Context(), &discoveryv3.DiscoveryRequest{})
	if grpcstatus.Code(err) != codes.Unimplemented {
		t.Errorf("clusters were fetched: %v", err)
	}
}

// More streams than allowed are refused, and there is room again when one ends.
func TestMaxStreams(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{MaxStreams: 1})
		s.Publish(edge(cluster(t, "a", time.Second)))
		first := dial(t, address, protocol, node("n", "edge"))
		first.ask(cds)
		first.expect(cds, "a")
		second := dial(t, address, protocol, node("m", "edge"))
		second.ask(cds)
		if _, ok := <-second.in; ok || grpcstatus.Code(second.err) != codes.ResourceExhausted {
			t.Errorf("one more was let in: %v", second.err)
		}
		first.close()
		until(t, "the first has left", func() bool { return len(s.Proxies()) == 0 })
		third := dial(t, address, protocol, node("m", "edge"))
		third.ask(cds)
		third.expect(cds, "a")
	})
}

// A client cannot make the server remember any number of names: those that it lets go
// of count only if it had them, and what it says to have is bounded, too.
func TestMaxNames(t *testing.T) {
	some := func(kind string, round int) []string {
		names := make([]string, 50_000)
		for i := range names {
			names[i] = fmt.Sprint(kind, round, "-", i)
		}
		return names
	}
	ends := func(t *testing.T, requests int, request func(round int) *discoveryv3.DeltaDiscoveryRequest) bool {
		_, address := serve(t, xds.Options{})
		p := dial(t, address, "delta", node("n", "edge"))
		p.ask(cds)
		for round := range requests {
			r := request(round)
			r.TypeUrl = eds
			p.send(r)
		}
		select {
		case m, ok := <-p.in:
			if !ok && grpcstatus.Code(p.err) != codes.ResourceExhausted {
				t.Errorf("the stream ended with %v", p.err)
			}
			return !ok && m.typ == ""
		case <-time.After(limit):
			return false
		}
	}
	t.Run("invented names go", func(t *testing.T) {
		if !ends(t, 6, func(round int) *discoveryv3.DeltaDiscoveryRequest {
			return &discoveryv3.DeltaDiscoveryRequest{ResourceNamesSubscribe: some("asked", round), ResourceNamesUnsubscribe: some("invented", round)}
		}) {
			t.Error("any number of names was taken")
		}
	})
	t.Run("known", func(t *testing.T) {
		known := map[string]string{}
		for round := range 5 {
			for _, name := range some("known", round) {
				known[name] = "1"
			}
		}
		if !ends(t, 1, func(int) *discoveryv3.DeltaDiscoveryRequest {
			return &discoveryv3.DeltaDiscoveryRequest{InitialResourceVersions: known}
		}) {
			t.Error("any number of versions was taken")
		}
	})
	t.Run("names come and go", func(t *testing.T) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second)))
		p := dial(t, address, "delta", node("n", "edge"))
		p.ask(cds)
		p.accept(cds, "a")
		for round := range 6 {
			p.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: some("asked", round)})
			p.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesUnsubscribe: some("asked", round)})
		}
		s.Publish(edge(cluster(t, "a", 2*time.Second)))
		for m := p.next(); m.typ != cds; m = p.next() {
			p.ack(m)
		}
	})
}

// A client cannot make the server remember any number of types.
func TestMaxTypes(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		_, address := serve(t, xds.Options{})
		p := dial(t, address, protocol, node("n", "edge"))
		for i := range 100 {
			p.ask(fmt.Sprintf("type.googleapis.com/no.such.Type%d", i), "x")
		}
		if _, ok := <-p.in; ok {
			t.Error("it was answered")
		}
		if grpcstatus.Code(p.err) != codes.ResourceExhausted {
			t.Errorf("the stream ended with %v", p.err)
		}
	})
}

// A proxy that does not read delays nobody else.
func TestDeafProxy(t *testing.T) {
	s, address := serve(t, xds.Options{})
	big := strings.Repeat("x", 100<<10)
	of := func(i int) *translate.Snapshot {
		return edge(cluster(t, "a", time.Second), endpoints(t, "a", fmt.Sprintf("127.0.0.1:%d", i)), cluster(t, big, time.Duration(i)*time.Second))
	}
	s.Publish(of(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	deaf, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection(t, address)).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := deaf.Send(&discoveryv3.DeltaDiscoveryRequest{Node: node("deaf", "edge"), TypeUrl: cds}); err != nil {
		t.Fatal(err)
	}
	if err := deaf.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	asked(t, s, eds, 1)

	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(cds)
	p.accept(cds, "a", big)
	p.ask(eds, "a")
	p.accept(eds, "a")
	for i := 2; i < 100; i++ {
		s.Publish(of(i))
		p.ack(p.next()) // the endpoints, and the cluster,
		p.ack(p.next()) // which may wait for the last answer
	}
}

// What was added goes when nobody has asked for it for a while.
func TestEnsureEnds(t *testing.T) {
	start := time.Now()
	var hurries atomic.Bool // each look at the clock, and there is one at each tick, is a second later
	var ahead atomic.Int64
	s, address := serve(t, xds.Options{KeepExtra: 3 * time.Second, Drain: time.Millisecond, Now: func() time.Time {
		if hurries.Load() {
			ahead.Add(int64(time.Second))
		}
		return start.Add(time.Duration(ahead.Load()))
	}})
	s.Publish(edge(cluster(t, "a", time.Second)))
	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(cds)
	p.accept(cds, "a")
	done := make(chan error, 1)
	go func() {
		done <- s.Ensure(t.Context(), wish("", translate.Needs{Resources: []*translate.Resource{cluster(t, "x", time.Second)}}))
	}()
	p.accept(cds, "x")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	hurries.Store(true)
	if m := p.next(); len(m.removed) != 1 || m.removed[0] != "x" {
		t.Errorf("got %v and removed %v, want x to be removed", m.names(), m.removed)
	}
}
