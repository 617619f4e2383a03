package faults_test

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

// A Service gets another name: the new one is made, and as soon as Kubernetes has
// given it endpoints the tables lead there. They name both for a while, so it does not
// matter whether Kibble has heard of the new one. The old one is deleted when it has
// heard of the tables: that its end is known first did happen, on a busy machine.
func serviceRenamed(l *demotest.Lab, _ *demotest.Link) {
	const first = "=> /host ;"
	tables := []string{"ingress", "outgoing"} // hello is called from outside, and by api
	rule := func(srv string, names ...string) string {
		return " /srv/" + srv + " => /#/io.l5d.k8s/default/http/" + strings.Join(names, " | /#/io.l5d.k8s/default/http/") + " ;"
	}
	rename := func(srv, from, to string) {
		l.Helper()
		renameService(l, from, to, func() {
			for _, router := range tables {
				l.EditDtab(router, rule(srv, from), rule(srv, to, from))
			}
			programmed(l, tables...)
		})
		awaitCalled(l, srv, "http/"+to)
		for _, router := range tables {
			l.EditDtab(router, rule(srv, to, from), rule(srv, to))
		}
	}
	for _, router := range tables {
		l.EditDtab(router, first, first+rule("hello", "hello")+rule("world-v1", "world-v1"))
	}
	for range renames {
		rename("world-v1", "world-v1", "world-new")
		rename("world-v1", "world-new", "world-v1")
		rename("hello", "hello", "hello-new")
		rename("hello", "hello-new", "hello")
	}
	for _, router := range tables {
		l.EditDtab(router, rule("hello", "hello")+rule("world-v1", "world-v1"), "")
	}
	l.Await("earth", "world")
}

// renameService makes a Service that selects what another one does, edits, and
// deletes that one.
func renameService(l *demotest.Lab, from, to string, edit func()) {
	l.Helper()
	services := l.Kube.CoreV1().Services("default")
	s, err := services.Get(l.Context(), from, metav1.GetOptions{})
	l.Must(err)
	_, err = services.Create(l.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: to}, Spec: *s.Spec.DeepCopy()}, metav1.CreateOptions{})
	l.Must(err)
	l.AwaitSlice(to, l.Top.Pod(s.Spec.Selector["app"]).IP)
	edit()
	l.Must(services.Delete(l.Context(), from, metav1.DeleteOptions{}))
}
