package faults_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"kibble.dev/e2e/demotest"
)

// elsewhere is an object as somebody wrote it, under another name.
func elsewhere(o *unstructured.Unstructured, namespace, name string) *unstructured.Unstructured {
	next := &unstructured.Unstructured{Object: map[string]any{"spec": o.DeepCopy().Object["spec"]}}
	next.SetAPIVersion(o.GetAPIVersion())
	next.SetKind(o.GetKind())
	next.SetNamespace(namespace)
	next.SetName(name)
	return next
}

// The Router at the edge moves to another namespace, and gets another name, at the
// same port, while it is in use. As long as both are there the first one is served.
// The policies stay where they are, and count no longer: who is in the environment
// gets the baseline.
func routerInUseMoves(l *demotest.Lab, _ *demotest.Link) {
	namespaces := l.Kube.CoreV1().Namespaces()
	_, err := namespaces.Create(l.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a-team"}}, metav1.CreateOptions{})
	l.Must(err)
	edge := l.Ours("Router", "ingress")
	here, there := elsewhere(edge, "default", "ingress"), elsewhere(edge, "a-team", "front")
	for range 2 {
		l.Eventually("the next second begins", func() error { // of two in the same one, the first by name is served
			if created := l.Ours("Router", "ingress").GetCreationTimestamp(); time.Now().Unix() <= created.Unix() {
				return errors.New("not yet")
			}
			return nil
		})
		l.Apply(there)
		l.Eventually("it is told that the port is taken", func() error {
			if told := l.Finding(l.Replicas[0], "KB1105"); !strings.Contains(told, "a-team/front") {
				return fmt.Errorf("it is told %q", told)
			}
			return nil
		})
		l.Await("earth", "world")
		l.Delete("Router", "ingress")
		l.Await("world", "world")
		l.Apply(here)
		l.Must(l.DeleteIn("a-team", "Router", "front"))
		l.Await("earth", "world")
	}
	l.AwaitCondition("Router", "ingress", "Programmed", "True", "")
	l.Must(namespaces.Delete(l.Context(), "a-team", metav1.DeleteOptions{}))
}

// The Routers beside pods get another name, on demand too, while they are in use: one
// takes the other's place, and gives it back, also at once.
func besidePodsRenamed(l *demotest.Lab, _ *demotest.Link) {
	for _, onDemand := range []any{nil, map[string]any{}} {
		for _, router := range []string{"outgoing", "incoming"} {
			l.Set("Router", router, onDemand, "spec", "onDemand")
			here := elsewhere(l.Ours("Router", router), "default", router)
			there := elsewhere(here, "default", "a-"+router)
			for i := range 2 {
				for _, to := range []*unstructured.Unstructured{there, here} {
					l.Apply(to)
					l.Delete("Router", map[bool]string{true: router, false: "a-" + router}[to == there])
					if i%2 == 0 {
						l.AwaitCondition("Router", to.GetName(), "Programmed", "True", "")
					}
				}
			}
			l.Set("Router", router, nil, "spec", "onDemand")
		}
	}
	there(l)
	l.AwaitProxies(l.Replicas...)
}

// What proxies listen with changes in a way that Envoy takes by a new listener,
// while it is in use.
func listenersInUseChange(l *demotest.Lab, _ *demotest.Link) {
	for range 2 {
		for _, metrics := range []any{"all", nil} {
			for _, router := range []string{"ingress", "outgoing", "incoming"} {
				l.Set("Router", router, metrics, "spec", "metrics")
			}
			there(l)
		}
		overrides := l.Ours("Router", "outgoing").Object["spec"].(map[string]any)["adHocOverrides"] //nolint:forcetypeassert // it has one
		l.Set("Router", "outgoing", nil, "spec", "adHocOverrides")
		there(l)
		l.Set("Router", "outgoing", overrides, "spec", "adHocOverrides")
		there(l)
	}
	l.AwaitProxies(l.Replicas...)
}

// A Router in use gets another address, and gives it up. Each time Envoy opens sockets
// beside those of before, which it closes: whoever is just about to be connected by
// one of these is connected by another one, where the kernel is told to see to it.
func addressesInUseChange(l *demotest.Lab, _ *demotest.Link) {
	defer l.MigrateConnections()()
	for range 4 {
		for _, families := range []any{[]any{"IPv4", "IPv6"}, nil} {
			l.Set("Router", "ingress", families, "spec", "ipFamilies")
			there(l)
		}
	}
	l.AwaitProxies(l.Replicas...)
}

// Routers come to be on demand, and cease to be, while they are in use.
func onDemandComesAndGoes(l *demotest.Lab, _ *demotest.Link) {
	for range 3 {
		for _, onDemand := range []any{map[string]any{}, nil} {
			for _, router := range []string{"outgoing", "incoming"} {
				l.Set("Router", router, onDemand, "spec", "onDemand")
			}
			there(l)
		}
	}
	l.AwaitProxies(l.Replicas...)
}

// The way into pods moves to another port: the second Router first, then those
// who send, and then the first one goes.
func wayInMoves(l *demotest.Lab, _ *demotest.Link) {
	in := l.Ours("Router", "incoming")
	move := func(from, to, name string, gone string) {
		l.Helper()
		next := elsewhere(in, "default", name)
		spec, _ := next.Object["spec"].(map[string]any)
		spec["port"] = number(to)
		spec["dtab"] = strings.ReplaceAll(fmt.Sprint(spec["dtab"]), "/4141/", "/"+to+"/")
		l.Apply(next)
		l.AwaitCondition("Router", name, "Programmed", "True", "")
		for _, router := range []string{"outgoing", "ingress"} {
			l.Set("Router", router, []any{map[string]any{"kind": "io.l5d.port", "port": to}}, "spec", "transformers")
			l.AwaitCondition("Router", router, "Programmed", "True", "")
		}
		there(l)
		l.Delete("Router", gone)
		there(l)
	}
	move("4141", "4151", "incoming-2", "incoming")
	move("4151", "4141", "incoming", "incoming-2")
	l.AwaitProxies(l.Replicas...)
}

func number(text string) (n int64) {
	_, _ = fmt.Sscan(text, &n)
	return n
}
