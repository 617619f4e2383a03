package xds_test

import (
	"slices"
	"testing"
	"time"

	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// What proxies have, wait for and refused is shown as it is, and those that have
// a resource alike are one entry.
func TestConfig(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		s, address := serve(t, xds.Options{})
		first := cluster(t, "a", time.Second)
		s.Publish(edge(first, endpoints(t, "a", "127.0.0.1:1"), routes(t, "good", "a"), routes(t, "bad", "a")))
		for _, name := range []string{"n1", "n2"} {
			p := dial(t, address, protocol, node(name, "edge"))
			p.begin("a")
			p.ask(rds, "bad", "good")
			for good := false; !good; { // the second is not given what the first refused
				m := p.next()
				if slices.Contains(m.names(), "bad") {
					p.nack(m, "no bad ones")
					continue
				}
				good = slices.Contains(m.names(), "good")
				p.ack(m)
			}
		}
		until(t, "both have answered", func() bool {
			all := s.Config(xds.ConfigQuery{Type: "RouteConfiguration"})
			return len(all) == 3 && len(all[2].Proxies) == 2 && all[2].State == publish.HoldAccepted
		})
		all := s.Config(xds.ConfigQuery{Class: "edge"})
		var names []string
		for _, e := range all {
			names = append(names, e.Name+" "+e.State)
		}
		if want := []string{"a accepted", "a accepted", "bad refused", "bad withheld", "good accepted"}; !slices.Equal(names, want) {
			t.Fatalf("%q, want %q", names, want)
		}
		bad := all[2]
		if bad.Words == "" || bad.Source != "test.yaml:bad" || bad.Wanted == "" || bad.Accepted != "" || !slices.Equal(bad.Proxies, []string{"n1"}) {
			t.Errorf("%+v", bad)
		}
		if err := bad.Show(); err != nil || bad.WantedBody == nil || bad.AcceptedBody != nil {
			t.Errorf("%v: %+v", err, bad)
		}
		if one := s.Config(xds.ConfigQuery{Node: "n2", Type: translate.ClusterType, Name: "a"}); len(one) != 1 || one[0].Accepted != first.Version ||
			!slices.Equal(one[0].Proxies, []string{"n2"}) {
			t.Errorf("%+v", one)
		}
		if none := s.Config(xds.ConfigQuery{Class: "other"}); len(none) != 0 {
			t.Errorf("%+v", none)
		}
		// A table of a cluster that nobody has yet waits; what is sent and not
		// answered says so.
		s.Publish(edge(first, cluster(t, "b", time.Second), endpoints(t, "a", "127.0.0.1:1"), endpoints(t, "b", "127.0.0.1:1"),
			routes(t, "good", "b"), routes(t, "bad", "a")))
		until(t, "b was sent, and the table waits", func() bool {
			b := s.Config(xds.ConfigQuery{Type: "Cluster", Name: "b"})
			good := s.Config(xds.ConfigQuery{Type: "RouteConfiguration", Name: "good"})
			return len(b) == 1 && b[0].State == publish.HoldSent && len(good) > 0 && good[0].State == publish.HoldWaits &&
				slices.Equal(good[0].WaitsFor, []string{"b"}) && good[0].Accepted != good[0].Wanted
		})
	})
}
