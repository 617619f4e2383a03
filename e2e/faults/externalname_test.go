package faults_test

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

// A Service becomes a name of another place, and one with pods again: with an address
// of the cluster, and without. Kubernetes leaves its EndpointSlices meanwhile, and its
// DNS and kube-proxy look at them no more: nor is anybody sent there by us. Who is in
// the environment gets the baseline, and where it is the baseline, the alternative that
// a rule names answers.
func externalName(l *demotest.Lab, _ *demotest.Link) {
	const either = toV1 + " | /srv/world-v2"
	for _, c := range []struct {
		service    string
		dogfooders string // who answers them meanwhile
		others     string
	}{
		{"world-v2", "world", "world"}, {"world-v1", "earth", "earth"},
	} {
		if c.service == "world-v1" {
			l.EditDtab("outgoing", toV1, either)
			programmed(l, "outgoing")
		}
		for _, address := range []string{"", corev1.ClusterIPNone} {
			editService(l, c.service, func(s *corev1.Service) {
				s.Spec.Type, s.Spec.ExternalName, s.Spec.ClusterIP, s.Spec.ClusterIPs = corev1.ServiceTypeExternalName, "elsewhere.invalid", "", nil
			})
			l.Await(c.dogfooders, c.others)
			l.Must(hasEndpoints(l, c.service))
			editService(l, c.service, func(s *corev1.Service) {
				s.Spec.Type, s.Spec.ExternalName, s.Spec.ClusterIP = corev1.ServiceTypeClusterIP, "", address
			})
			l.Await("earth", "world")
		}
	}
	l.EditDtab("outgoing", either, toV1)
	l.Await("earth", "world")
}

// hasEndpoints gives an error if a Service has no EndpointSlice with endpoints.
func hasEndpoints(l *demotest.Lab, service string) error {
	list, err := l.Kube.DiscoveryV1().EndpointSlices("default").List(l.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
	if err != nil {
		return err
	}
	for _, s := range list.Items {
		if len(s.Endpoints) > 0 {
			return nil
		}
	}
	return fmt.Errorf("Service %s has no endpoints: Kubernetes no longer leaves those of an ExternalName", service)
}
