package discovery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/discovery"
	"kibble.dev/translate"
)

// oddities are Services and EndpointSlices as the API server takes them.
const oddities = `
{apiVersion: v1, kind: Namespace, metadata: {name: odd}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: even}}
---
{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: r, namespace: odd}, spec: {proxyClass: edge, port: 4142, dtab: "/svc => /#/io.l5d.k8s/odd/http; /svc/even => /#/io.l5d.k8s/even/http/same ; /svc/tls => /#/io.l5d.k8s/odd/https/tls"}}
---
{apiVersion: v1, kind: Service, metadata: {name: bare, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: bare-x, namespace: odd, labels: {kubernetes.io/service-name: bare}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.0.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: named, namespace: odd}, spec: {selector: {app: named}, ports: [{name: http, port: 80, targetPort: web}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: named-a, namespace: odd, labels: {kubernetes.io/service-name: named}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.1.1], conditions: {ready: true}}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: named-b, namespace: odd, labels: {kubernetes.io/service-name: named}}, addressType: IPv4, ports: [{name: http, port: 7002}], endpoints: [{addresses: [10.0.1.2], conditions: {ready: true}}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: named-c, namespace: odd, labels: {kubernetes.io/service-name: named}}, addressType: IPv4, ports: [], endpoints: [{addresses: [10.0.1.3], conditions: {ready: true}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: h2, namespace: odd}, spec: {ports: [{name: http, port: 80, appProtocol: kubernetes.io/h2c}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: h2-x, namespace: odd, labels: {kubernetes.io/service-name: h2}}, addressType: IPv4, ports: [{name: http, port: 7001, appProtocol: kubernetes.io/h2c}], endpoints: [{addresses: [10.0.2.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: ws, namespace: odd}, spec: {ports: [{name: http, port: 80, appProtocol: kubernetes.io/ws}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: ws-x, namespace: odd, labels: {kubernetes.io/service-name: ws}}, addressType: IPv4, ports: [{name: http, port: 7001, appProtocol: kubernetes.io/ws}], endpoints: [{addresses: [10.0.3.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: tls, namespace: odd}, spec: {ports: [{name: https, port: 443, appProtocol: https}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: tls-x, namespace: odd, labels: {kubernetes.io/service-name: tls}}, addressType: IPv4, ports: [{name: https, port: 7443, appProtocol: https}], endpoints: [{addresses: [10.0.4.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: headless, namespace: odd}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: headless-x, namespace: odd, labels: {kubernetes.io/service-name: headless, service.kubernetes.io/headless: ""}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.5.1], hostname: a-0}]}
---
{apiVersion: v1, kind: Service, metadata: {name: unready, namespace: odd}, spec: {publishNotReadyAddresses: true, ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: unready-x, namespace: odd, labels: {kubernetes.io/service-name: unready}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.6.1], conditions: {ready: true, serving: false, terminating: true}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: ending, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: ending-x, namespace: odd, labels: {kubernetes.io/service-name: ending}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.7.1], conditions: {ready: false, serving: true, terminating: true}}, {addresses: [10.0.7.2], conditions: {ready: false, serving: false, terminating: true}}]}
---
{apiVersion: v1, kind: Service, metadata: {name: dual, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: dual-4, namespace: odd, labels: {kubernetes.io/service-name: dual}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.8.1]}]}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: dual-6, namespace: odd, labels: {kubernetes.io/service-name: dual}}, addressType: IPv6, ports: [{name: http, port: 7001}], endpoints: [{addresses: ["fd00::8"]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: renamed, namespace: odd}, spec: {ports: [{name: web, port: 81}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: renamed-x, namespace: odd, labels: {kubernetes.io/service-name: renamed}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.9.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: udp, namespace: odd}, spec: {ports: [{name: http, port: 80, protocol: UDP}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: udp-x, namespace: odd, labels: {kubernetes.io/service-name: udp}}, addressType: IPv4, ports: [{name: http, port: 7001, protocol: UDP}], endpoints: [{addresses: [10.0.10.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: portless, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: portless-x, namespace: odd, labels: {kubernetes.io/service-name: portless}}, addressType: IPv4, ports: [{name: http}], endpoints: [{addresses: [10.0.11.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: named-host, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: named-host-x, namespace: odd, labels: {kubernetes.io/service-name: named-host}}, addressType: FQDN, ports: [{name: http, port: 7001}], endpoints: [{addresses: [foo.example.com]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: same, namespace: odd}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: same-x, namespace: odd, labels: {kubernetes.io/service-name: same}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.12.1]}]}
---
{apiVersion: v1, kind: Service, metadata: {name: same, namespace: even}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: same-x, namespace: even, labels: {kubernetes.io/service-name: same}}, addressType: IPv4, ports: [{name: http, port: 7001}], endpoints: [{addresses: [10.0.12.2]}]}
`

// Services as they may be found in a cluster lead where Kubernetes leads; what
// is in a namespace that is not read is said to be unknown.
func TestOddServices(t *testing.T) {
	l := newLab(t)
	l.apply(oddities)
	model := func(namespaces ...string) *translate.Model {
		inv, found, err := discovery.ReadCluster(t.Context(), discovery.ClusterOptions{Config: l.Config, Namespaces: namespaces})
		if err != nil || len(found) > 0 {
			t.Fatal(err, found)
		}
		return translate.NewModel(inv, time.Now())
	}
	explain := func(m *translate.Model, host string) *translate.Explanation {
		x, err := m.Explain(translate.Question{Router: "odd/r", Request: translate.Request{Method: "GET", Host: host, Path: "/"}})
		l.must(err)
		return x
	}
	all := model()
	for host, want := range map[string]string{
		"bare": "10.0.0.1:7001", "named": "10.0.1.1:7001 10.0.1.2:7002", "h2": "10.0.2.1:7001", "ws": "10.0.3.1:7001", "tls": "10.0.4.1:7443",
		"headless": "10.0.5.1:7001", "unready": "10.0.6.1:7001", "ending": "10.0.7.1:7001", "dual": "10.0.8.1:7001", "renamed": "10.0.9.1:7001",
		"same": "10.0.12.1:7001", "even": "10.0.12.2:7001", "udp": "502", "portless": "502", "named-host": "502",
	} {
		x := explain(all, host)
		got := fmt.Sprint(x.Status)
		if x.Status == 200 {
			got = strings.Join(x.Destinations[0].Endpoints, " ")
		}
		if got != want {
			t.Errorf("%s leads to %s, want %s", host, got, want)
		}
	}
	const unread = "namespace even is not read, so there is nothing in it"
	odd := model("odd")
	if x := explain(odd, "even"); x.Status != 502 || !slices.Contains(x.Notes, unread) {
		t.Errorf("out of a namespace that is not read: %d, %q", x.Status, x.Notes)
	}
	if found := fmt.Sprint(odd.Lint()); !strings.Contains(found, unread) {
		t.Errorf("lint says %s", found)
	}
}
