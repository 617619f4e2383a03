package xds_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// vhds is the type of hosts that travel one by one.
const vhds = translate.VirtualHostType

// table is a route table whose hosts travel one by one.
func table(t testing.TB, name string) *translate.Resource {
	t.Helper()
	r, err := translate.NewRouteConfiguration(&routev3.RouteConfiguration{Name: name}, "test.yaml:"+name)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// host sends the requests for a domain to a cluster, and tells the cluster so in
// a header. change may be nil.
func host(t testing.TB, table, domain, to string, change func(*routev3.RouteMatch)) *translate.Resource {
	t.Helper()
	match := &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
	if change != nil {
		change(match)
	}
	r, err := translate.NewVirtualHost(table, &routev3.VirtualHost{
		Name: domain, Domains: []string{domain},
		RequestHeadersToAdd: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "x-to", Value: to}}},
		Routes: []*routev3.Route{{
			Match:  match,
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to}}},
		}},
	}, []string{to}, "test.yaml:"+domain)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// bad is a match that Envoy refuses.
func bad(m *routev3.RouteMatch) {
	m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: "(("}}
}

// parts is a listener with a table whose hosts lead to clusters: domain, cluster, ...
func parts(t testing.TB, name, up string, hosts ...string) []*translate.Resource {
	t.Helper()
	all := []*translate.Resource{listener(t, name, "default/"+name), table(t, "default/"+name)}
	for i := 0; i < len(hosts); i += 2 {
		all = append(all, host(t, "default/"+name, hosts[i], hosts[i+1], nil),
			cluster(t, hosts[i+1], time.Second), endpoints(t, hosts[i+1], up))
	}
	return all
}

// asks asks an address for a host.
func asks(address, host string) string {
	req, err := http.NewRequest(http.MethodGet, "http://"+address, nil)
	if err != nil {
		return err.Error()
	}
	req.Host = host
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return err.Error()
	}
	if resp.StatusCode != http.StatusOK {
		return resp.Status
	}
	return string(body)
}

// A real Envoy follows hundreds of changes of one host and its cluster, which
// travel alone, and a restart of the server, and not one request fails.
func TestEnvoySwapsHosts(t *testing.T) {
	up := upstream(t)
	registry := prometheus.NewRegistry()
	options := xds.Options{Drain: 100 * time.Millisecond, Registerer: registry}
	s, address, replace := serveReplaceable(t, options)
	swapped := func(i int) *translate.Snapshot {
		return edge(parts(t, "front", up, "*", "rest", "127.0.0.1:*", fmt.Sprintf("c%d", i), "other", "other", "*.other", "other")...)
	}
	s.Publish(swapped(0))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	front := envoy.Listener(t, "front")
	load := start("http://" + front)
	defer load.end()
	const swaps = 500
	for i := 1; i <= swaps; i++ {
		s.Publish(swapped(i))
		until(t, fmt.Sprintf("swap %d is done", i), func() bool { return load.last() == fmt.Sprintf("c%d", i) })
	}
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	if n := sentOf(t, registry, "VirtualHost"); n != 4+swaps {
		t.Errorf("%v hosts were sent, of which %d changed", n, 4+swaps)
	}
	if n := sentOf(t, registry, "RouteConfiguration"); n != 1 {
		t.Errorf("%v route configurations were sent", n)
	}
	for i := range 50 { // faster than an Envoy can follow
		s.Publish(swapped(swaps + i))
	}
	until(t, "old clusters are gone", func() bool { return inSync(s, "edge-0") && statusOf(s, cds).Acked == 3 })

	registry = prometheus.NewRegistry()
	options.Registerer = registry
	s = replace(options)
	until(t, "Envoy has come back", func() bool { return len(s.Proxies()) == 1 })
	s.Publish(swapped(swaps + 49))
	until(t, "Envoy has said what it has", func() bool { return inSync(s, "edge-0") && statusOf(s, vhds).Acked == 4 })
	if n := counted(t, registry, "kibble_xds_resources_sent_total"); n != 0 {
		t.Errorf("after a restart %v resources were sent again", n)
	}
	s.Publish(swapped(1000))
	until(t, "the new server's change is there", func() bool { return load.last() == "c1000" })
	if n := sentOf(t, registry, "VirtualHost"); n != 1 {
		t.Errorf("%v hosts were sent, and one changed", n)
	}
	load.end()
	t.Logf("%d requests", load.count.Load())
	if err := load.failed(); err != nil || load.count.Load() < swaps {
		t.Errorf("%d requests, the first failure: %v", load.count.Load(), err)
	}
	if got := asks(front, "a.other"); got != "other" {
		t.Errorf("another host leads to %s", got)
	}
}

// sentOf gives how many resources of a type were sent.
func sentOf(t *testing.T, g prometheus.Gatherer, typ string) float64 {
	t.Helper()
	return labelled(t, g, "kibble_xds_resources_sent_total", typ)
}

// labelled gives a metric, of its first label's value.
func labelled(t *testing.T, g prometheus.Gatherer, name, value string) (sum float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == value {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// A second table that comes later, goes, and comes back has all of its hosts
// each time, though Envoy asks for hosts only once; and the first one never fails.
func TestEnvoySecondTable(t *testing.T) {
	up := upstream(t)
	s, address := serve(t, xds.Options{Drain: 100 * time.Millisecond})
	first := parts(t, "front", up, "*", "a")
	s.Publish(edge(first...))
	envoy := run(t, address, "edge-0", "edge", "delta", "--drain-time-s", "1")
	envoy.WaitReady(t)
	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()
	for i := range 3 {
		second := parts(t, "back", up, "*", "b", "x", "x", "y", fmt.Sprintf("y%d", i))
		s.Publish(edge(slices.Concat(first, second)...))
		back := envoy.Listener(t, "back")
		for host, want := range map[string]string{"z": "b", "x": "x", "y": fmt.Sprintf("y%d", i)} {
			if got := asks(back, host); got != want {
				t.Errorf("round %d: as soon as the second listener is open, %s leads to %s", i, host, got)
			}
		}
		s.Publish(edge(first...))
		// Who comes when it closes is refused, or let go before there was an answer.
		if got := asks(back, "x"); got != "x" && !strings.Contains(got, "refused") && !strings.Contains(got, "reset") {
			t.Errorf("round %d: while the second listener ends, x leads to %s", i, got)
		}
		until(t, "the second table is gone", func() bool {
			return statusOf(s, rds).Acked == 1 && statusOf(s, vhds).Acked == 1 && statusOf(s, cds).Acked == 1
		})
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Errorf("of %d requests to the first: %v", load.count.Load(), err)
	}
}

// One bad host of many is found, though Envoy names nobody and loses the whole
// response; the others are served, a new Envoy is given what was accepted, and a
// corrected one heals.
func TestEnvoyRefusesAHost(t *testing.T) {
	up := upstream(t)
	s, address := serve(t, xds.Options{})
	all := func(version string, change func(*routev3.RouteMatch)) *translate.Snapshot {
		resources := parts(t, "front", up, "*", "rest")
		for i := range 20 {
			to := fmt.Sprintf("c%d-%s", i, version)
			h := host(t, "default/front", fmt.Sprintf("h%d", i), to, nil)
			if i == 13 {
				h = host(t, "default/front", "h13", to, change)
			}
			resources = append(resources, h, cluster(t, to, time.Second), endpoints(t, to, up))
		}
		return edge(resources...)
	}
	s.Publish(all("1", nil))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	s.Publish(all("2", bad))
	until(t, "the culprit is found", func() bool {
		refused := statusOfNode(s, "edge-0", vhds).Refused
		return len(refused) == 1 && refused[0].Name == "default/front/h13" && refused[0].Source == "test.yaml:h13" &&
			strings.Contains(refused[0].Words, "missing )")
	})
	served := func(address, but string) func() bool {
		return func() bool {
			for i := range 20 {
				want := fmt.Sprintf("c%d-2", i)
				if i == 13 {
					want = but
				}
				if asks(address, fmt.Sprintf("h%d", i)) != want {
					return false
				}
			}
			return true
		}
	}
	until(t, "the others are served", served(envoy.Listener(t, "front"), "c13-1"))
	second := run(t, address, "edge-1", "edge", "delta")
	second.WaitReady(t)
	until(t, "a new Envoy has what was accepted", served(second.Listener(t, "front"), "c13-1"))
	until(t, "it is told that another refused it", func() bool {
		refused := statusOfNode(s, "edge-1", vhds).Refused
		return len(refused) == 1 && refused[0].Elsewhere
	})
	s.Publish(all("2", func(m *routev3.RouteMatch) { m.CaseSensitive = nil }))
	until(t, "the corrected host heals", served(envoy.Listener(t, "front"), "c13-2"))
	until(t, "all is well", func() bool { return inSync(s, "edge-0") && inSync(s, "edge-1") })
}

// An Envoy that comes back after changes is told the difference.
func TestEnvoyComesBackForHosts(t *testing.T) {
	up := upstream(t)
	s, address, replace := serveReplaceable(t, xds.Options{})
	s.Publish(edge(parts(t, "front", up, "*", "a", "same", "a", "changed", "a", "gone", "b")...))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()

	registry := prometheus.NewRegistry()
	s = replace(xds.Options{Registerer: registry})
	s.Publish(edge(parts(t, "front", up, "*", "a", "same", "a", "changed", "c", "new", "a")...))
	front := envoy.Listener(t, "front")
	until(t, "the difference is there", func() bool {
		return asks(front, "changed") == "c" && asks(front, "new") == "a" && asks(front, "gone") == "a" && asks(front, "same") == "a"
	})
	if n := sentOf(t, registry, "VirtualHost"); n != 3 {
		t.Errorf("%v hosts were sent, and three differ", n)
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Errorf("of %d requests: %v", load.count.Load(), err)
	}
}

// An Envoy that has a table whole, from an older Kibble, serves on when the
// newer one has it in parts: it is given it whole until it starts anew.
func TestEnvoyKeepsAWholeTable(t *testing.T) {
	up := upstream(t)
	s, address, replace := serveReplaceable(t, xds.Options{})
	s.Publish(edge(cluster(t, "a", time.Second), endpoints(t, "a", up), listener(t, "front", "default/front"), routes(t, "default/front", "a")))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()
	for i := range 5 {
		s = replace(xds.Options{})
		to := fmt.Sprintf("c%d", i)
		s.Publish(edge(parts(t, "front", up, "*", to, "x", "x")...))
		until(t, "Envoy follows", func() bool { return load.last() == to })
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Errorf("of %d requests: %v", load.count.Load(), err)
	}
}

// Nor does a request fail where the table is whole again: Envoy lets go of the
// hosts when it has that.
func TestEnvoyGoesBackToAWholeTable(t *testing.T) {
	up := upstream(t)
	s, address := serve(t, xds.Options{})
	s.Publish(edge(parts(t, "front", up, "*", "a", "x", "a")...))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()
	s.Publish(edge(cluster(t, "b", time.Second), endpoints(t, "b", up), listener(t, "front", "default/front"), routes(t, "default/front", "b")))
	until(t, "Envoy follows", func() bool { return load.last() == "b" })
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	load.end()
	if err := load.failed(); err != nil {
		t.Errorf("of %d requests: %v", load.count.Load(), err)
	}
}
