package discovery

import (
	"kibble.dev/api/v1alpha1"
)

// references are the scopes that objects of ours need: the Secrets that
// policies, routers and Ingresses name, Pods for namers with a labelSelector, and Ingresses for
// routers that identify requests by them, with the IngressClasses that say which
// class those without one are of.
func (s *store) references(namespaces []string) map[scope]bool {
	want := map[scope]bool{}
	s.eachKeys(func(namespace string, j *v1alpha1.JWT) {
		if j.JWKSSecretRef != nil {
			want[scope{kindSecret, namespace, j.JWKSSecretRef.Name}] = true
		}
	})
	for key := range s.certificates() {
		want[scope{kindSecret, key.Namespace, key.Name}] = true
	}
	everywhere := func(kind string) {
		if len(namespaces) == 0 {
			want[scope{kind: kind}] = true
		}
		for _, ns := range namespaces {
			want[scope{kind: kind, namespace: ns}] = true
		}
	}
	for _, r := range s.routers() {
		for _, n := range r.Object.Spec.Namers {
			if n.LabelSelector != "" {
				everywhere(kindPod)
			}
		}
		if id := r.Object.Spec.Identifier; id != nil && id.Kind == "io.l5d.ingress" {
			everywhere(kindIngress)
			if len(namespaces) == 0 { // no right in a namespace lets anybody read them
				want[scope{kind: kindIngressClass}] = true
			}
		}
	}
	return want
}
