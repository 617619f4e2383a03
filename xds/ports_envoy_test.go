package xds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// at gives a listener with another address.
func at(t *testing.T, l *translate.Resource, host string, port int) *translate.Resource {
	t.Helper()
	var m listenerv3.Listener
	if err := l.Body.UnmarshalTo(&m); err != nil {
		t.Fatal(err)
	}
	m.Address = socket(host, uint32(port))
	return resource(t, l.Name, &m)
}

// onPorts is a configuration with listeners at some of these ports, each of which
// leads to a cluster of its name.
func onPorts(t *testing.T, up string, ports []int, of map[string]int) *translate.Snapshot {
	t.Helper()
	v := version(t, 1, up)
	to := v.Classes["edge"].Resources
	for n, i := range of {
		for _, r := range []*translate.Resource{cluster(t, n, time.Second), endpoints(t, n, up), routes(t, "table-"+n, n), at(t, listener(t, n, "table-"+n), "127.0.0.1", ports[i])} {
			to[r.Body.GetTypeUrl()][r.Name] = r
		}
	}
	return v
}

// Two and three swap their ports while the Envoy goes to another control plane,
// which does not know where they are.
func TestEnvoyPortsMoveUnknown(t *testing.T) {
	up := upstream(t)
	ports := envoytest.FreePorts(t, 3)
	for _, c := range []struct{ before, after map[string]int }{
		{map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1, "b": 0}},
		{map[string]int{"a": 0, "b": 1, "c": 2}, map[string]int{"a": 1, "b": 2, "c": 0}},
	} {
		t.Run(fmt.Sprint(len(c.before)), func(t *testing.T) {
			l := envoytest.Listen(t)
			first := xds.New(xds.Options{Registerer: prometheus.NewRegistry()})
			stop := serveOn(t, first, l)
			first.Publish(onPorts(t, up, ports, c.before))
			envoy := run(t, l.Addr().String(), "edge-0", "edge", "delta")
			envoy.WaitReady(t)
			until(t, "Envoy is in sync", func() bool { return inSync(first, "edge-0") })
			stop()

			second := xds.New(xds.Options{Registerer: prometheus.NewRegistry()})
			second.Publish(onPorts(t, up, ports, c.after))
			t.Cleanup(serveOn(t, second, listenAgain(t, l.Addr().String())))
			for n, i := range c.after {
				until(t, fmt.Sprintf("%s answers at its new port", n), func() bool { return ask(fmt.Sprintf("http://127.0.0.1:%d", ports[i])) == n })
			}
			until(t, "Envoy is in sync", func() bool { return inSync(second, "edge-0") })
		})
	}
}

// Listeners that change ports among each other, in one change.
func TestEnvoyPortsMove(t *testing.T) {
	up := upstream(t)
	ports := envoytest.FreePorts(t, 4)
	for name, c := range map[string]struct{ before, after map[string]int }{
		"one takes what another gives up":     {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1, "b": 2}},
		"and the other way":                   {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 2, "b": 0}},
		"two swap":                            {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1, "b": 0}},
		"three in a circle":                   {map[string]int{"a": 0, "b": 1, "c": 2}, map[string]int{"a": 1, "b": 2, "c": 0}},
		"a new one takes the place":           {map[string]int{"b": 1}, map[string]int{"a": 1, "b": 2}},
		"one takes the place of what is gone": {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, protocol string) {
				s, address := serve(t, xds.Options{})
				s.Publish(onPorts(t, up, ports, c.before))
				envoy := run(t, address, "edge-0", "edge", protocol)
				envoy.WaitReady(t)
				until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
				s.Publish(onPorts(t, up, ports, c.after))
				for n, i := range c.after {
					until(t, fmt.Sprintf("%s answers at its new port; refused: %v", n, statusOf(s, lds).Refused), func() bool { return ask(fmt.Sprintf("http://127.0.0.1:%d", ports[i])) == n })
				}
				until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
			})
		})
	}
}

// A listener takes the place of another one, and its table is not there yet. Until it
// is, the other one answers; and it goes on where it is wanted again meanwhile.
func TestEnvoyListenerIsSucceeded(t *testing.T) {
	up := upstream(t)
	both(t, func(t *testing.T, protocol string) {
		ports := envoytest.FreePorts(t, 1)
		url := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
		a, b := onPorts(t, up, ports, map[string]int{"a": 0}), onPorts(t, up, ports, map[string]int{"b": 0})
		early := onPorts(t, up, ports, map[string]int{"b": 0})
		delete(early.Classes["edge"].Resources[rds], "table-b")
		s, address := serve(t, xds.Options{})
		s.Publish(a)
		envoy := run(t, address, "edge-0", "edge", protocol)
		envoy.WaitReady(t)
		until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
		waits := func() bool {
			return strings.Contains(envoy.Get(t, "/stats?filter=^listener_manager.total_listeners_warming$"), ": 1")
		}
		for range 3 {
			s.Publish(early)
			until(t, "Envoy waits for the table", waits)
			if got := ask(url); got != "a" {
				t.Errorf("%s answers before b has its table", got)
			}
			until(t, "it is told what a waits for", func() bool {
				return slices.ContainsFunc(statusOf(s, lds).Waiting, func(w publish.Waiting) bool {
					return w.Name == "a" && w.Source == "test.yaml:b" && slices.Equal(w.Clusters, []string{"RouteConfiguration table-b"})
				})
			})
			s.Publish(a)
			until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
			if got := ask(url); got != "a" {
				t.Errorf("%s answers, and a is wanted", got)
			}
		}
		s.Publish(early)
		until(t, "Envoy waits for the table", waits)
		s.Publish(b)
		until(t, "b answers", func() bool { return ask(url) == "b" })
		until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	})
}
