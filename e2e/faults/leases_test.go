package faults_test

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

// Somebody deletes all Leases of Kibble: they are made anew, and status is
// written as before.
func leasesDeleted(l *demotest.Lab, _ *demotest.Link) {
	leases := l.Kube.CoordinationV1().Leases("kibble")
	for range 2 {
		l.Must(leases.DeleteCollection(l.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}))
		there(l)
		l.Eventually("there is one again", func() error {
			_, err := leases.Get(l.Context(), "kibble", metav1.GetOptions{})
			return err
		})
		l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	}
}

// Namespaces get the label that makes an environment of them, and lose it, again
// and again. Who is in an environment that is there no more gets the baseline.
func environmentsComeAndGo(l *demotest.Lab, _ *demotest.Link) {
	earth := l.Top.Pod("world-v2")
	namespace := func(label string) {
		l.Helper()
		l.Apply(l.Objects(fmt.Sprintf(`{apiVersion: v1, kind: Namespace, metadata: {name: preview-1, labels: {preview: %q}}}`, label))...)
	}
	namespace("no")
	l.Apply(l.Objects(fmt.Sprintf(`
{apiVersion: v1, kind: Service, metadata: {name: world, namespace: preview-1}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: world, namespace: preview-1, labels: {kubernetes.io/service-name: world}},
 addressType: IPv4, ports: [{name: http, port: %d}], endpoints: [{addresses: [%s], conditions: {ready: true}}]}
---
{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: previews, namespace: default},
 spec: {routers: [ingress], forEach: {namespaceSelector: {matchLabels: {preview: "yes"}}}, when: {cookie: {name: preview, exact: "{namespace}"}},
  override: "/host/world => /#/io.l5d.k8s/{namespace}/http/world ;"}}
`, earth.Port, earth.IP))...)
	inside := insideOf(l, "preview-1")
	load := l.Load(inside)
	for range 4 {
		namespace("yes")
		answersInside(l, inside, "earth")
		namespace("no")
		answersInside(l, inside, "world")
	}
	namespace("yes")
	answersInside(l, inside, "earth")
	l.Delete("DogfoodPolicy", "previews")
	answersInside(l, inside, "world")
	load.Stop()
	l.Must(l.Kube.CoreV1().Namespaces().Delete(l.Context(), "preview-1", metav1.DeleteOptions{}))
}
