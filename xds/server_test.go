package xds_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

const (
	cds = translate.ClusterType
	eds = translate.EndpointType
	lds = translate.ListenerType
	rds = translate.RouteType
)

// both runs a test in both forms of the protocol.
func both(t *testing.T, test func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"delta", "sotw"} {
		t.Run(protocol, func(t *testing.T) { test(t, protocol) })
	}
}

// statusOf gives the state of a type of the only proxy.
func statusOf(s *xds.Server, typ string) publish.Status {
	for _, p := range s.Proxies() {
		for _, st := range p.Types {
			if st.Type == typ {
				return st
			}
		}
	}
	return publish.Status{}
}

// statusOfNode gives the state of a type of one proxy.
func statusOfNode(s *xds.Server, node, typ string) publish.Status {
	for _, p := range s.Proxies() {
		for _, st := range p.Types {
			if p.Node == node && st.Type == typ {
				return st
			}
		}
	}
	return publish.Status{}
}

// asked waits until a number of proxies has asked for a type.
func asked(t *testing.T, s *xds.Server, typ string, n int) {
	t.Helper()
	until(t, "proxies have asked for "+typ, func() bool {
		count := 0
		for _, p := range s.Proxies() {
			if slices.ContainsFunc(p.Types, func(st publish.Status) bool { return st.Type == typ }) {
				count++
			}
		}
		return count == n
	})
}

// Nothing is sent before the first Publish, then what a route names before the
// route, and the route only once that is acknowledged.
func TestOrder(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		p := dial(t, address, protocol, node("n", "edge"))
		p.ask(rds, "r")
		p.ask(lds)
		p.ask(eds, "a")
		p.ask(cds)
		asked(t, s, cds, 1)
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1"), routes(t, "r", "a"), listener(t, "l", "r")))

		c := p.expect(cds, "a")
		e := p.expect(eds, "a")
		p.accept(lds, "l")
		until(t, "the listener is acknowledged", func() bool { return statusOf(s, lds).Acked == 1 })
		st := statusOf(s, rds)
		if st.Sent != 0 || len(st.Waiting) != 1 || st.Waiting[0].Name != "r" || !slices.Equal(st.Waiting[0].Clusters, []string{"a"}) {
			t.Errorf("before the cluster is acknowledged: %+v, want r to wait for a", st)
		}
		p.ack(e)
		p.ack(c)
		p.accept(rds, "r")
		until(t, "the route is acknowledged", func() bool { return statusOf(s, rds).Acked == 1 && statusOf(s, rds).Behind == 0 })
		if all := s.Proxies(); all[0].Node != "n" || all[0].Class != "edge" || all[0].Protocol != protocol {
			t.Errorf("the proxy is shown as %+v", all[0])
		}
	})
}

// What equals what the proxy has is not sent, and of what changed only that.
func TestOnlyChanges(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		registry := prometheus.NewRegistry()
		s, address := serve(t, xds.Options{Registerer: registry})
		publish := func(of string, timeout time.Duration) {
			s.Publish(edge(cluster(t, "a", time.Second), cluster(t, "b", timeout),
				endpoints(t, "a", "127.0.0.1:1"), endpoints(t, "b", of), routes(t, "r", "a"), routes(t, "q", "b")))
		}
		publish("127.0.0.1:2", time.Second)
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a", "b")
		p.ask(rds, "r", "q")
		p.accept(rds, "q", "r")
		publish("127.0.0.1:2", time.Second) // the same: nothing
		publish("127.0.0.1:3", time.Second)
		p.accept(eds, "b")
		publish("127.0.0.1:3", 2*time.Second)
		if protocol == "delta" {
			p.accept(cds, "b")
		} else {
			p.accept(cds, "a", "b") // clusters are always all clusters
		}
		if changed, unchanged := labelled(t, registry, "kibble_xds_published_total", "changed"), labelled(t, registry, "kibble_xds_published_total", "unchanged"); changed != 3 || unchanged != 1 {
			t.Errorf("%v configurations differed and %v did not, want 3 and 1", changed, unchanged)
		}
		small := labelled(t, registry, "kibble_xds_resource_bytes", "ClusterLoadAssignment")
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		if now := labelled(t, registry, "kibble_xds_resource_bytes", "ClusterLoadAssignment"); now <= 0 || now >= small {
			t.Errorf("one load assignment of two has %v of %v bytes", now, small)
		}
		if n := labelled(t, registry, "kibble_xds_resources", "RouteConfiguration"); n != 0 {
			t.Errorf("%v route configurations are counted that are gone", n)
		}
	})
}

// Who gives up a name forgets what it had: it is given it again when it asks
// again, though nothing has changed, and also where all names were given up.
func TestAskedForAgain(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), cluster(t, "b", time.Second), endpoints(t, "a", "127.0.0.1:1"), endpoints(t, "b", "127.0.0.1:2"), routes(t, "r", "a")))
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a", "b")
		p.ask(rds, "r")
		p.accept(rds, "r")
		for range 2 {
			p.leave(eds, "b")
			p.ask(eds, "b")
			for m := p.next(); ; m = p.next() {
				p.ack(m)
				if m.typ == eds && slices.Contains(m.names(), "b") {
					break
				}
			}
			p.leave(rds, "r")
			p.ask(rds, "r")
			p.accept(rds, "r")
		}
		p.leave(eds, "a", "b")
		p.ask(eds, "a", "b")
		p.accept(eds, "a", "b")
	})
}

// A proxy that comes back says what it has, and is not sent it again.
func TestReconnect(t *testing.T) {
	s, address := serve(t, xds.Options{})
	of := func(to string) *translate.Snapshot {
		return edge(cluster(t, "a", time.Second), endpoints(t, "a", to), routes(t, "r", "a"))
	}
	s.Publish(of("127.0.0.1:1"))
	first := dial(t, address, "delta", node("n", "edge"))
	known := map[string]map[string]string{}
	for _, ask := range []struct {
		typ, name string
		names     []string
	}{{cds, "a", nil}, {eds, "a", []string{"a"}}, {rds, "r", []string{"r"}}} {
		first.ask(ask.typ, ask.names...)
		known[ask.typ] = first.accept(ask.typ, ask.name).resources
	}
	first.close()
	until(t, "the proxy is gone", func() bool { return len(s.Proxies()) == 0 })

	again := dial(t, address, "delta", node("n", "edge"))
	again.known = known
	again.ask(cds)
	again.ask(eds, "a")
	again.ask(rds, "r")
	asked(t, s, rds, 1)
	s.Publish(of("127.0.0.1:2"))
	for m := again.next(); ; m = again.next() {
		if m.typ == eds && len(m.resources) == 1 {
			break
		}
		if len(m.resources)+len(m.removed) > 0 {
			t.Fatalf("it was sent again: %s %v, removed %v", m.typ, m.names(), m.removed)
		}
		again.ack(m) // an empty answer is one
	}
}

// A refusal is shown with its words and source; the other resources go on.
func TestNack(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1"), routes(t, "bad", "a"), routes(t, "good", "a")))
		p := dial(t, address, protocol, node("n", "edge"))
		p.begin("a")
		p.ask(rds, "bad", "good")
		for good := false; !good; {
			m := p.next()
			if slices.Contains(m.names(), "bad") {
				p.nack(m, "no such thing as bad")
				continue
			}
			good = slices.Contains(m.names(), "good")
			p.ack(m)
		}
		until(t, "the good one is there", func() bool { return statusOf(s, rds).Acked >= 1 })
		refused := statusOf(s, rds).Refused
		if len(refused) != 1 || refused[0].Name != "bad" || refused[0].Source != "test.yaml:bad" ||
			!strings.Contains(refused[0].Words, "no such thing as bad") {
			t.Errorf("refused: %+v", refused)
		}
		// Once it is corrected it is accepted, and no longer shown.
		s.Publish(edge(cluster(t, "a", time.Second), cluster(t, "b", time.Second), endpoints(t, "a", "127.0.0.1:1"),
			endpoints(t, "b", "127.0.0.1:1"), routes(t, "bad", "b"), routes(t, "good", "a")))
		p.ask(eds, "b")
		until(t, "the corrected one is accepted", func() bool {
			for {
				select {
				case m := <-p.in:
					p.ack(m)
					continue
				default:
				}
				return len(statusOf(s, rds).Refused) == 0 && statusOf(s, rds).Behind == 0
			}
		})
	})
}

// Endpoints may differ by where the proxy is.
func TestScope(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		at := map[string]*translate.Resource{}
		for ip, to := range map[string]string{"10.0.0.1": "127.0.0.1:1", "10.0.0.2": "127.0.0.1:2", "": "127.0.0.1:3"} {
			at[ip] = endpoints(t, "a", to)
		}
		snapshot := edge(cluster(t, "a", time.Second), at[""])
		snapshot.Classes["edge"].Local["a"] = map[translate.Scope]*translate.Resource{
			translate.PodScope("10.0.0.1"): at["10.0.0.1"], translate.NodeScope("n2"): at["10.0.0.2"],
		}
		s.Publish(snapshot)
		for want, metadata := range map[string][]string{
			"10.0.0.1": {"POD_IP", "10.0.0.1", "NODE_NAME", "n2"}, "10.0.0.2": {"POD_IP", "10.0.0.9", "NODE_NAME", "n2"}, "": nil,
		} {
			p := dial(t, address, protocol, node("n", "edge", metadata...))
			m := p.begin("a")
			if protocol == "delta" && m.resources["a"] != at[want].Version {
				t.Errorf("a proxy with %v got version %s, want %s", metadata, m.resources["a"], at[want].Version)
			}
		}
	})
}

// A class that no router is of waits until one is.
func TestUnknownClass(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1")))
		p := dial(t, address, protocol, node("n", "mine"))
		p.ask(cds)
		asked(t, s, cds, 1)
		s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{
			"mine": classOf(cluster(t, "b", time.Second), endpoints(t, "b", "127.0.0.1:1")),
		}})
		p.accept(cds, "b")
	})
}

// A proxy that does not say who it is is told what to do.
func TestNoNode(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		_, address := serve(t, xds.Options{})
		for _, n := range []string{"", "edge"} {
			p := dial(t, address, protocol, node("", n))
			p.ask(cds)
			if _, ok := <-p.in; ok {
				t.Fatal("it was answered")
			}
			if grpcstatus.Code(p.err) != codes.InvalidArgument || !strings.Contains(p.err.Error(), "--service-node") {
				t.Errorf("refused with %v", p.err)
			}
		}
	})
}

// Of a type other than clusters and listeners nothing is asked for without a name.
func TestNoWildcardRoutes(t *testing.T) {
	s, address := serve(t, xds.Options{})
	s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", "127.0.0.1:1"), listener(t, "l", "r")))
	p := dial(t, address, "delta", node("n", "edge"))
	p.ask(eds)
	p.ask(lds)
	p.accept(lds, "l")
}
