package xds_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// edsCluster makes a cluster with endpoints of its own, and changes it.
func edsCluster(t *testing.T, name string, change func(*clusterv3.Cluster)) *translate.Resource {
	c := &clusterv3.Cluster{
		Name: name, ConnectTimeout: durationpb.New(time.Second),
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads()},
	}
	change(c)
	return resource(t, name, c)
}

// badRoutes is a table that Envoy refuses without naming it.
func badRoutes(t *testing.T, name, to string) *translate.Resource {
	return resource(t, name, &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: "(("}}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to}}},
		}},
	}}}, to)
}

// trial is a resource in a version that Envoy accepts and in one that it refuses.
type trial struct {
	typ, name string
	words     string // of Envoy, in part
	old, bad  *translate.Resource
}

func trials(t *testing.T, up string) map[string]trial {
	return map[string]trial{
		"cluster that Envoy names": {
			typ: cds, name: "x", words: "cluster(s) x", old: cluster(t, "x", time.Second),
			bad: edsCluster(t, "x", func(c *clusterv3.Cluster) { c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED }),
		},
		"cluster that is not valid": {
			typ: cds, name: "x", words: "Invalid duration", old: cluster(t, "x", time.Second),
			bad: edsCluster(t, "x", func(c *clusterv3.Cluster) { c.ConnectTimeout = durationpb.New(-1) }),
		},
		"routes": {
			typ: rds, name: "other", words: "missing )", old: routes(t, "other", "x"), bad: badRoutes(t, "other", "x"),
		},
		"listener": {
			typ: lds, name: "second", words: "listener(s) second", old: listener(t, "second", "other"),
			bad: resource(t, "second", &listenerv3.Listener{
				Name: "second", Address: socket("127.0.0.1", 0),
				FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{Name: "no.such.filter"}}}},
			}),
		},
		"endpoints": {
			typ: eds, name: "x", words: "malformed IP address", old: endpoints(t, "x", up),
			bad: resource(t, "x", &endpointv3.ClusterLoadAssignment{ClusterName: "x", Endpoints: []*endpointv3.LocalityLbEndpoints{{
				LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{
					Endpoint: &endpointv3.Endpoint{Address: socket("not-an-ip", 80)},
				}}},
			}}}),
		},
	}
}

// What Envoy refuses harms itself only, whichever way Envoy refuses it.
func TestEnvoyRefuses(t *testing.T) {
	up := upstream(t)
	for name, c := range trials(t, up) {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, protocol string) { c.run(t, protocol, up) })
		})
	}
}

// with gives the i-th version, to which a second listener with its routes and
// cluster belongs, and puts one resource in.
func (c trial) with(t *testing.T, i int, up string, r *translate.Resource) *translate.Snapshot {
	snapshot := version(t, i, up)
	of := snapshot.Classes["edge"].Resources
	for _, r := range []*translate.Resource{
		cluster(t, "x", time.Second), endpoints(t, "x", up), routes(t, "other", "x"), listener(t, "second", "other"), r,
	} {
		of[r.Body.GetTypeUrl()][r.Name] = r
	}
	return snapshot
}

// run shows that a refusal is told with Envoy's words and its source, that the
// rest is served, that a new Envoy is given what was accepted, and that a
// corrected version heals.
func (c trial) run(t *testing.T, protocol, up string) {
	s, address := serve(t, xds.Options{})
	s.Publish(c.with(t, 1, up, c.old))
	envoy := run(t, address, "edge-0", "edge", protocol)
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	front := "http://" + envoy.Listener(t, "front")

	s.Publish(c.with(t, 2, up, c.bad))
	until(t, "the refusal is shown", func() bool {
		refused := statusOf(s, c.typ).Refused
		return len(refused) == 1 && refused[0].Name == c.name && refused[0].Source == "test.yaml:"+c.name &&
			strings.Contains(refused[0].Words, c.words)
	})
	until(t, "the rest is served", func() bool { return ask(front) == "c2" })

	second := run(t, address, "edge-1", "edge", protocol)
	second.WaitReady(t)
	until(t, "the new Envoy serves", func() bool { return ask("http://"+second.Listener(t, "front")) == "c2" })
	if c.typ == lds {
		second.Listener(t, "second") // the one that was accepted
	}
	until(t, "it is told that another refused it", func() bool {
		refused := statusOfNode(s, "edge-1", c.typ).Refused
		return len(refused) == 1 && refused[0].Elsewhere
	})

	s.Publish(c.with(t, 3, up, c.old))
	until(t, "all is well again", func() bool { return inSync(s, "edge-0") && inSync(s, "edge-1") && ask(front) == "c3" })
}

// A cluster that never gets warm stops Envoy's answers about clusters. That is
// shown, the cluster is found and taken back, and Envoy goes on.
func TestEnvoyStuck(t *testing.T) {
	up := upstream(t)
	registry := prometheus.NewRegistry()
	s, address := serve(t, xds.Options{AckLimit: 2 * time.Second, Registerer: registry})
	s.Publish(version(t, 1, up))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })

	snapshot := version(t, 2, up)
	of := snapshot.Classes["edge"].Resources
	of[cds]["x"] = edsCluster(t, "x", func(c *clusterv3.Cluster) {
		c.LbPolicy = clusterv3.Cluster_RING_HASH
		c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
			MinimumRingSize: wrapperspb.UInt64(900), MaximumRingSize: wrapperspb.UInt64(800),
		}}
	})
	of[eds]["x"] = endpoints(t, "x", up)
	alarms := counted(t, registry, "kibble_xds_overdue_total") // a slow machine raises some
	s.Publish(snapshot)
	until(t, "the alarm is raised", func() bool { return counted(t, registry, "kibble_xds_overdue_total") > alarms })
	until(t, "the culprit is found", func() bool {
		refused := statusOf(s, cds).Refused
		return len(refused) == 1 && refused[0].Name == "x" && strings.Contains(refused[0].Words, "ring hash")
	})
	front := "http://" + envoy.Listener(t, "front")
	until(t, "the others are served", func() bool { return ask(front) == "c2" })

	for i := 3; i < 6; i++ { // and clusters can be changed as before
		s.Publish(version(t, i, up))
		until(t, "a change is there", func() bool { return ask(front) == fmt.Sprintf("c%d", i) })
	}
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
}

// An Envoy that comes back while a cluster never gets warm asks for no clusters.
// It is helped out of that without a restart: whether the cluster is still
// wanted, corrected meanwhile, or gone.
func TestEnvoyStuckComesBack(t *testing.T) {
	for name, then := range map[string]func(of map[string]map[string]*translate.Resource){
		"wanted":    func(map[string]map[string]*translate.Resource) {},
		"corrected": func(of map[string]map[string]*translate.Resource) { of[cds]["x"] = cluster(t, "x", time.Second) },
		"gone": func(of map[string]map[string]*translate.Resource) {
			delete(of[cds], "x")
			delete(of[eds], "x")
		},
	} {
		t.Run(name, func(t *testing.T) { stuckComesBack(t, then) })
	}
}

func stuckComesBack(t *testing.T, then func(of map[string]map[string]*translate.Resource)) {
	up := upstream(t)
	s, address := serve(t, xds.Options{AckLimit: 2 * time.Second})
	between := relay(t, address)
	s.Publish(version(t, 1, up))
	envoy := run(t, between.address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
	front := "http://" + envoy.Listener(t, "front")

	with := func(i int) *translate.Snapshot {
		snapshot := version(t, i, up)
		of := snapshot.Classes["edge"].Resources
		of[cds]["x"] = edsCluster(t, "x", func(c *clusterv3.Cluster) {
			c.LbPolicy = clusterv3.Cluster_RING_HASH
			c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
				MinimumRingSize: wrapperspb.UInt64(900), MaximumRingSize: wrapperspb.UInt64(800),
			}}
		})
		of[eds]["x"] = endpoints(t, "x", up)
		return snapshot
	}
	s.Publish(with(2))
	until(t, "a cluster does not get warm", func() bool {
		return strings.Contains(envoy.Get(t, "/stats?filter=cluster_manager.warming_clusters"), ": 1")
	})
	between.cut()
	until(t, "Envoy is gone", func() bool { return len(s.Proxies()) == 0 })
	snapshot := with(3)
	then(snapshot.Classes["edge"].Resources)
	s.Publish(snapshot)
	between.mend()
	until(t, "the change is there", func() bool { return ask(front) == "c3" })
	until(t, "all clusters are warm", func() bool {
		return strings.Contains(envoy.Get(t, "/stats?filter=cluster_manager.warming_clusters"), ": 0")
	})
}
