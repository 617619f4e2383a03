package chart_test

import (
	"fmt"
	"testing"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/kubetest"
)

// How many Envoys there are at the edge may be left to an autoscaler, from the
// beginning, or once it has changed the number of the chart. Upgrades and the way back
// leave it alone then.
func TestReplicasAreLeftToAnAutoscaler(t *testing.T) {
	for _, install := range []string{"edge.replicas=2", "edge.replicas=null"} {
		t.Run(install, func(t *testing.T) {
			l := newLab(t, kubetest.Options{})
			l.restricted(namespace)
			l.helm("install", release, chart, "--namespace", namespace, "--set", install)
			edges := l.admin.AppsV1().Deployments(namespace)
			for n := range int32(3) {
				scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "kibble-edge", Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 5 + n}}
				_, err := edges.UpdateScale(t.Context(), "kibble-edge", scale, metav1.UpdateOptions{})
				l.must(err)
				l.helm("upgrade", release, chart, "--namespace", namespace, "--set", fmt.Sprintf("edge.replicas=null,edge.drainSeconds=%d", 20+n))
				if n == 2 {
					l.helm("rollback", release, "--namespace", namespace)
				}
				d, err := edges.Get(t.Context(), "kibble-edge", metav1.GetOptions{})
				l.must(err)
				if *d.Spec.Replicas != 5+n {
					t.Errorf("%d replicas after the upgrade, want %d", *d.Spec.Replicas, 5+n)
				}
			}
		})
	}
}
