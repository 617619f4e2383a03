package livetest

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/xds"
)

// What went while no control plane was there goes from an Envoy when one is
// back: of every type, and no more than that.
func TestWhatWentWhileAway(t *testing.T) {
	c := startTLS(t, policy("world-v2", "baseline", "/svc/default/http/world-v1 => /#/io.l5d.k8s/default/http/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}, "api": {app(t, "api")}}, "--drain-time-s", "1") // listeners that go hold what they use
	until(t, "all is there", func() bool {
		has := c.has(t)
		return slices.Contains(has["secret"], "secret/default/www") && slices.Contains(has["extension"], "default/front/policies/chain") &&
			slices.Contains(has["host"], "www.hello.world") && slices.Contains(has["endpoints"], "/#/io.l5d.k8s/default/http/world-v2")
	})
	c.stop()

	c.routers = strings.ReplaceAll(`
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec: {proxyClass: edge, port: {front}, bind: loopback, trust: untrusted, dtab: /svc/other => /#/io.l5d.k8s/default/http/world-v1}
---
`, "{front}", portOf(c.live.address("front")))
	delete(c.services, "world-v2")
	delete(c.services, "api")
	l, err := net.Listen("tcp", c.xds)
	if err != nil {
		t.Fatal(err)
	}
	c.server = xds.New(xds.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = c.server.Serve(ctx, l) })
	t.Cleanup(func() { cancel(); serving.Wait() })
	c.model = nil // it knows nothing of before
	c.publish(t)

	const service = "/#/io.l5d.k8s/default/http/world-v1"
	want := map[string][]string{
		"cluster": {service}, "endpoints": {service},
		"listener": {"default/front"}, "route": {"default/front"},
		"extension": {"default/front/policies/chain", "default/front/policies/chain/tokens"}, // without a policy in it
		"host":      {"*", "other"},
	}
	var got map[string][]string
	defer func() {
		if t.Failed() {
			t.Errorf("-want +got:\n%s", cmp.Diff(want, got))
		}
	}()
	until(t, "what went is gone", func() bool { got = c.has(t); return cmp.Equal(want, got) })
	if a := c.ask(t, "front", "other"); a.status != 200 {
		t.Error(a)
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// has gives the names of all that Envoy was told of and uses, by type.
func (x *live) has(t *testing.T) map[string][]string {
	t.Helper()
	type named struct {
		Name, ClusterName string
		VirtualHosts      []struct{ Domains []string } `json:"virtual_hosts"`
	}
	var dump struct {
		Configs []struct {
			Listeners []struct {
				Name   string
				Active *struct{} `json:"active_state"`
			} `json:"dynamic_listeners"`
			Clusters []struct {
				Cluster named
			} `json:"dynamic_active_clusters"`
			Endpoints []struct {
				Config struct {
					Name string `json:"cluster_name"`
				} `json:"endpoint_config"`
			} `json:"dynamic_endpoint_configs"`
			Routes []struct {
				Config named `json:"route_config"`
			} `json:"dynamic_route_configs"`
			Secrets    []named `json:"dynamic_active_secrets"`
			Extensions []struct {
				Filter named `json:"ecds_filter"`
			} `json:"ecds_filters"`
		}
	}
	if err := json.Unmarshal([]byte(x.Get(t, "/config_dump?include_eds")), &dump); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	add := func(typ, name string) {
		if !slices.Contains(all[typ], name) {
			all[typ] = append(all[typ], name)
			slices.Sort(all[typ])
		}
	}
	for _, c := range dump.Configs {
		for _, l := range c.Listeners {
			if l.Active != nil { // and not going
				add("listener", l.Name)
			}
		}
		for _, m := range c.Clusters {
			add("cluster", m.Cluster.Name)
		}
		for _, m := range c.Endpoints {
			add("endpoints", m.Config.Name)
		}
		for _, m := range c.Routes {
			add("route", m.Config.Name)
			for _, host := range m.Config.VirtualHosts {
				for _, d := range host.Domains {
					add("host", d)
				}
			}
		}
		for _, m := range c.Secrets {
			add("secret", m.Name)
		}
		for _, m := range c.Extensions {
			add("extension", m.Filter.Name)
		}
	}
	return all
}
