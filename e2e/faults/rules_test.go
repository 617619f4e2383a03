package faults_test

import (
	"fmt"
	"net/http"
	"testing"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/helloworld"
)

// Of two control planes either may be asked about a caller's own rule, and one of
// them only is connected to the proxy that asks: the first request gets where the
// rule leads, though no proxy was told of the cluster before.
func TestRulesAtReplicas(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	earth := l.Top.Pod("world-v2")
	const people = 12
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
	there(l) // so that all of this has been read
	for i := range people {
		if i == people*2/3 { // of those left, one is asked in vain at first
			l.Replicas[0].Kill()
			l.AwaitProxies(l.Replicas[1])
		}
		rule := fmt.Sprintf("/host/world => /#/io.l5d.k8s/dev-%d/http/world;", i)
		q := helloworld.Question{Proxy: l.Top.ProxyOf("hello"), Host: "world", Header: [][2]string{{"l5d-dtab", rule}}}
		code, body, err := q.Ask(l.Context(), "")
		if want := fmt.Sprintf("earth (%s)!", earth.IP); err != nil || code != http.StatusOK || body != want {
			t.Errorf("the first request with the rule %s is answered %d %q, %v; want %q", rule, code, body, err, want)
		}
	}
}
