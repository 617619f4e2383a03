package chart_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
)

// With Roles only, the control plane gets ready and asks for nothing that it may
// not, and the edge is served; a certificate of the edge opens no other class.
func TestNamespacedRuns(t *testing.T) {
	address := free(t, 3)
	d := &demo{
		lab: newLab(t, kubetest.Options{Controllers: kubetest.Default()}), kibble: program(t, "kibble.dev/cmd/kibble"),
		xds: address[0], edge: address[1], pages: address[2],
	}
	for _, name := range []string{namespace, "shop", "pay"} {
		d.restricted(name)
	}
	_, port, _ := strings.Cut(d.edge, ":")
	set := []string{"namespaces={shop,pay}", "edge.port=" + port}
	d.objects = render(t, set...)
	d.helm(append([]string{"install", release, chart, "--namespace", namespace}, values(set)...)...)
	d.fillSecrets(d.objects, d.kibble)
	d.startControlPlane()
	edge := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "edge-0", Namespace: namespace}, Status: corev1.PodStatus{PodIP: podPrefix + "9.9"},
		Spec: find[appsv1.Deployment](t, d.objects, "Deployment", "kibble-edge").Spec.Template.Spec,
	}
	d.envoy(edge)
	envoytest.Run(t, d.bootstrap(edge, "--proxy-class=edge", "--proxy-class=node"))
	waittest.Until(d, "the other class is refused", func() bool {
		return strings.Contains(d.metrics(), `kibble_xds_denied_total{code="PermissionDenied"}`)
	})
}
