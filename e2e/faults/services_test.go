package faults_test

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// editService changes a Service in namespace default.
func editService(l *demotest.Lab, name string, change func(*corev1.Service)) {
	l.Helper()
	services := l.Kube.CoreV1().Services("default")
	l.Eventually("Service "+name+" is changed", func() error {
		s, err := services.Get(l.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(s)
		_, err = services.Update(l.Context(), s, metav1.UpdateOptions{})
		return err
	})
}

// Somebody edits the selector of a Service so that it selects nothing: all of its
// endpoints vanish, and come back. Who is in the environment gets the baseline.
func endpointsVanish(l *demotest.Lab, _ *demotest.Link) {
	for range 3 {
		editService(l, "world-v2", func(s *corev1.Service) { s.Spec.Selector["app"] = "nothing" })
		l.Await("world", "world")
		editService(l, "world-v2", func(s *corev1.Service) { s.Spec.Selector["app"] = "world-v2" })
		l.Await("earth", "world")
	}
}

// The Service of an environment is deleted and made anew under its name. Its
// people get the baseline meanwhile.
func serviceAnew(l *demotest.Lab, _ *demotest.Link) {
	for range 3 {
		again := deleteService(l, "world-v2")
		l.Await("world", "world")
		again()
		l.Await("earth", "world")
	}
}

// deleteService deletes one of the demo's Services, and gives what makes it anew.
func deleteService(l *demotest.Lab, name string) (again func()) {
	l.Helper()
	services := l.Kube.CoreV1().Services("default")
	s, err := services.Get(l.Context(), name, metav1.GetOptions{})
	l.Must(err)
	l.Must(services.Delete(l.Context(), name, metav1.DeleteOptions{}))
	return func() {
		l.Helper()
		_, err := services.Create(l.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: s.Spec}, metav1.CreateOptions{})
		l.Must(err)
	}
}

// A namespace is deleted with a Router in it: that is meant, and it goes.
func routersNamespaceDeleted(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	port := envoytest.FreePorts(l, 1)[0]
	l.Apply(l.Objects(fmt.Sprintf(`
{apiVersion: v1, kind: Namespace, metadata: {name: team}}
---
{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: theirs, namespace: team},
 spec: {proxyClass: edge, port: %d, bind: loopback, dtab: "/svc => /#/io.l5d.k8s/default/http/world-v1 ;"}}
`, port))...)
	ask := func() error { return through(fmt.Sprintf("127.0.0.1:%d", port), "world (") }
	l.Eventually("it answers", ask)
	l.Must(l.Kube.CoreV1().Namespaces().Delete(l.Context(), "team", metav1.DeleteOptions{}))
	l.Eventually("it is gone", gone(ask))
	l.Eventually("the namespace is gone", func() error {
		_, err := l.Kube.CoreV1().Namespaces().Get(l.Context(), "team", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(errors.New("it is there"), err)
	})
	if text := l.Finding(kibble, "KB1019"); text != "" {
		l.Errorf("it is said to be kept: %s", text)
	}
}
