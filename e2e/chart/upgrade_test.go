package chart_test

import (
	"strings"
	"testing"

	"kibble.dev/e2e/kubetest"
)

// An upgrade that would part what runs from its Services or its Router is refused
// before anything is made. Without a cluster nobody knows what there was.
func TestNamesAndPortsStay(t *testing.T) {
	l := newLab(t, kubetest.Options{})
	l.restricted(namespace)
	l.helm("install", release, chart, "--namespace", namespace)
	l.helm("upgrade", release, chart, "--namespace", namespace, "--set", "edge.tlsPort=8443") // what was not there may come
	before := l.generations(render(t))
	for set, want := range map[string]string{
		"nameOverride=kib":       "names of a release stay", // the same names, and other labels
		"nameOverride=front":     "names of a release stay",
		"fullnameOverride=front": "names of a release stay",
		"edge.port=4152":         "give edge.router.name another name",
		"edge.tlsPort=8444":      "give edge.router.name another name",
		"edge.proxyClass=front":  "give edge.router.name another name",
		"edge.router.transformers[0].kind=io.l5d.port,edge.router.transformers[0].port=4141": "got number, want string",
	} {
		_, err := helm(t, l.Kubeconfig, "upgrade", release, chart, "--namespace", namespace, "--reset-then-reuse-values", "--set", set)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--set %s: %v, want %q", set, err, want)
		}
	}
	for name, generation := range l.generations(render(t)) {
		if generation != before[name] {
			t.Errorf("what was refused changed %s", name)
		}
	}
	l.helm("upgrade", release, chart, "--namespace", namespace, "--set", "edge.port=4152,edge.proxyClass=front,edge.router.name=front")
}
