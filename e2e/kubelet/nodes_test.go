//go:build linux

package kubelet_test

import (
	"errors"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// nodes runs the demo with an Envoy on the node, at a port of it, which the
// demo's pods find by the node's address, and others as the injector tells them.
func (l *lab) nodes() {
	// Ports of the node are what the restricted standard forbids.
	_, err := l.Admin.CoreV1().Namespaces().Patch(l.Context(), namespace, types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"privileged"}}}`), metav1.PatchOptions{})
	l.Must(err)
	l.helm("install", release, chart, "--namespace", namespace,
		"--set", "demo.enabled=true,demo.topology=node,demo.replicas=2,edge.drainSeconds=3,node.drainSeconds=3")
	edge := l.balance("kibble-edge")
	for what, n := range map[string]int{"control-plane": 2, "injector": 2, "edge": 2, "node": 1, "demo": 8} {
		l.settled(namespace, component+what, n)
	}
	l.helmTest()
	for _, mode := range []string{"node", "host-ip"} {
		in := "by-" + mode
		l.restricted(in, "kibble.dev/inject", mode)
		l.podIn(in, "asks", []string{"-ask=http://hello/", "-host=hello", "-want=Hello", "-for=2m"}, func(p *corev1.Pod) {
			p.Spec.RestartPolicy = corev1.RestartPolicyNever
		})
		l.try(in, "a pod is answered by way of its node, mode "+mode, func() error {
			p, err := l.Admin.CoreV1().Pods(in).Get(l.Context(), "asks", metav1.GetOptions{})
			if err == nil && len(p.Spec.InitContainers) > 0 {
				l.Fatalf("mode %s: it has a sidecar", mode)
			}
			if err == nil && p.Status.Phase != corev1.PodSucceeded {
				err = errors.New(summary(*p))
			}
			return err
		})
	}
	d := l.load(edge)
	l.restart()
	d.end()
	l.uninstall()
}
