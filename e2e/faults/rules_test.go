package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/helloworld"
)

// Of two control planes either may be asked about a caller's own rule, and one of
// them only is connected to the proxy that asks: the first request gets where the
// rule leads, though no proxy was told of the cluster before. So does the first one
// after both were away for long.
func TestRulesAtReplicas(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	earth := l.Top.Pod("world-v2")
	const people = 13
	for i := range people {
		l.Apply(l.Objects(fmt.Sprintf(`
{apiVersion: v1, kind: Namespace, metadata: {name: dev-%[1]d}}
---
{apiVersion: v1, kind: Service, metadata: {name: world, namespace: dev-%[1]d}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: world, namespace: dev-%[1]d, labels: {kubernetes.io/service-name: world}},
 addressType: IPv4, ports: [{name: http, port: %[2]d}], endpoints: [{addresses: [%[3]s], conditions: {ready: true}}]}`, i, earth.Port, earth.IP))...)
	}
	l.Set("Router", "outgoing", []any{"/host", "/srv", "/#"}, "spec", "adHocOverrides", "allow")
	there(l)
	rule := func(i int) string { return fmt.Sprintf("/host/world => /#/io.l5d.k8s/dev-%d/http/world;", i) }
	for _, r := range l.Replicas {
		for i := range people {
			awaitExplained(l, r, rule(i), earth.IP)
		}
	}
	for i := range people {
		if i == 8 { // who was connected to it is on the way to the other one
			l.Replicas[0].Kill()
		}
		if i == people-1 {
			awayForLong(l)
		}
		q := helloworld.Question{Proxy: l.Top.ProxyOf("hello"), Host: "world", Header: [][2]string{{"l5d-dtab", rule(i)}}}
		code, body, err := q.Ask(l.Context(), "")
		if want := fmt.Sprintf("earth (%s)!", earth.IP); err != nil || code != http.StatusOK || body != want {
			t.Errorf("the first request with the rule %s is answered %d %q, %v; want %q", rule(i), code, body, err, want)
		}
	}
}

// awaitExplained returns when a control plane says, by what it has read, that a caller's
// rule leads to an address.
func awaitExplained(l *demotest.Lab, by *demotest.Replica, rule, ip string) {
	l.Helper()
	page := "http://" + by.Admin + "/playground?" + url.Values{"router": {"outgoing"}, "host": {"world"}, "override": {rule}}.Encode()
	l.Eventually("the rule "+rule+" leads to "+ip, func() error {
		response, err := http.Get(page)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		b, err := io.ReadAll(response.Body)
		if err == nil && !strings.Contains(string(b), ip) {
			err = fmt.Errorf("the page says %s %s", response.Status, b)
		}
		return err
	})
}

// awayForLong has no control plane there until an Envoy has tried so often that its
// pauses have grown as far as they grow.
func awayForLong(l *demotest.Lab) {
	l.Helper()
	e := l.Envoys[l.Top.Pod("hello").Name]
	failed := func() (n int) {
		l.Helper()
		page := e.Get(l, "/stats?filter=cluster.xds_cluster.upstream_cx_connect_fail$")
		_, err := fmt.Sscanf(page, "cluster.xds_cluster.upstream_cx_connect_fail: %d", &n)
		l.Must(err)
		return n
	}
	for _, r := range l.Replicas {
		if !r.Ended() {
			r.Kill()
		}
	}
	before := failed()
	l.Eventually("an Envoy has tried for long", func() error {
		if n := failed() - before; n < 8 {
			return fmt.Errorf("it has tried %d times", n)
		}
		return nil
	})
	for _, r := range l.Replicas {
		r.Start()
	}
	for _, r := range l.Replicas {
		l.AwaitReady(r)
	}
}
