package chart_test

import (
	"strings"
	"testing"

	"kibble.dev/internal/golden"
)

// valueSets are the ways to install that we promise.
func valueSets() map[string][]string {
	metrics := []string{
		"metrics.serviceMonitor.enabled=true", "metrics.podMonitor.enabled=true", "metrics.prometheusRule.enabled=true",
		"metrics.dashboards.enabled=true", "networkPolicy.metricsFrom={monitoring}",
	}
	return map[string][]string{
		"default":    nil,
		"minimal":    {"edge.enabled=false", "injector.enabled=false", "controlPlane.replicas=1", "networkPolicy.enabled=false"},
		"ha":         append(metrics, "controlPlane.replicas=3", "edge.replicas=6", "controlPlane.minAvailable=2", "rbac.podLabels=true", "rbac.ingresses=true", "rbac.secrets={jwks}"),
		"namespaced": {"namespaces={shop,pay}"},
		"demo":       {"demo.enabled=true"},
		"demo-node":  {"demo.enabled=true", "demo.topology=node"},
		"node":       {"node.enabled=true"},
		"ingress": {
			"edge.tlsPort=8443", "edge.router.tls.redirectHTTP=true", "edge.router.identifier.kind=io.l5d.ingress", "edge.router.dtab=/svc => /#/io.l5d.k8s",
			"rbac.ingresses=true", "rbac.secrets={*}", "ingressClass.create=true", "ingressClass.default=true",
		},
		"cert-manager": {"tls.source=certManager", "node.enabled=true"},
		"ipv6":         {"ipFamilies={IPv6,IPv4}"},
		"existing":     {"tls.source=existing", "tls.caBundle=pem"},
	}
}

// What each set makes, one object a line.
func TestObjects(t *testing.T) {
	for name, set := range valueSets() {
		t.Run(name, func(t *testing.T) {
			golden.Check(t, "testdata/"+name+".txt", strings.Join(render(t, set...).names(), "\n")+"\n")
		})
	}
}

// With IPv6 everything that is reached from outside of a pod is by it.
func TestIPv6(t *testing.T) {
	out, err := helm(t, "/dev/null", append([]string{"template", release, chart, "--namespace", namespace, "--api-versions", "kibble.dev/v1alpha1"},
		values([]string{"ipFamilies={IPv6,IPv4}", "edge.router.create=true", "edge.router.dtab=/svc => /a"})...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`ipFamilies: ["IPv6","IPv4"]` + "\n  ipFamilyPolicy: PreferDualStack\n", "trust: untrusted\n  ipFamilies: [\"IPv6\",\"IPv4\"]\n",
		"--status-address=[::]:9902\n", "\"--status-host=::\"\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("there is no %q", want)
		}
	}
	if strings.Contains(out, "0.0.0.0") {
		t.Error("something listens on IPv4 alone")
	}
}

// Values that cannot be meant are said so, and nothing is made.
func TestWrongValues(t *testing.T) {
	for set, want := range map[string]string{
		"controlplane.replicas=3":                  "'controlplane'",
		"controlPlane.replica=3":                   "'replica'",
		"edge.router.table=x":                      "'table'",
		"edge.service.typo=x":                      "'typo'",
		"metrics.podMonitor.on=true":               "'on'",
		"controlPlane.replicas=0":                  "minimum",
		"edge.service.type=Ingress":                "LoadBalancer",
		"edge.router.tls.redirectHTTP=true":        "edge.tlsPort",
		"edge.tlsPort=1,edge.router.tls.port=2":    "'port'",
		"edge.tlsPort=4142":                        "are the same",
		"ingressClass.create=maybe":                "boolean",
		"tls.source=vault":                         "certManager",
		"image.digest=sha256:1":                    "pattern",
		"namespaces={Shop}":                        "pattern",
		"fullnameOverride=Our_Kibble":              "pattern",
		"tls.source=existing":                      "tls.caBundle must say",
		"node.proxyClass=edge":                     "are the same",
		"demo.enabled=true,namespaces={a}":         "set demo.topology=node",
		"demo.enabled=true,injector.enabled=false": "set demo.topology=node",
		"demo.enabled=true,edge.enabled=false":     "set edge.enabled=true",
	} {
		_, err := helm(t, "/dev/null", "template", release, chart, "--set", set)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v, want %q", set, err, want)
		}
	}
}

func TestLint(t *testing.T) {
	for _, dir := range []string{chart, crdChart} {
		for name, set := range valueSets() {
			if dir == crdChart {
				set = nil
			}
			if out, err := helm(t, "/dev/null", append([]string{"lint", "--strict", dir}, values(set)...)...); err != nil {
				t.Errorf("%s, %s: %v\n%s", dir, name, err, out)
			}
		}
	}
}
