package chart_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"kibble.dev/discovery"
	"kibble.dev/inject"
	"kibble.dev/internal/tokenreview"
	"kibble.dev/status"
)

// The control plane may do what the code says that it does, and no more.
func TestRights(t *testing.T) {
	o := render(t)
	everything := slices.Concat(discovery.Rights{}.Rules(), status.Rules(), tokenreview.Rules())
	same(t, "default", find[rbacv1.ClusterRole](t, o, "ClusterRole", "kibble-system-kibble").Rules, everything)
	same(t, "leader", find[rbacv1.Role](t, o, "Role", "kibble-leader").Rules, status.LeaseRules("kibble-status"))

	o = render(t, "injector.enabled=false", "rbac.podLabels=true", "rbac.ingresses=true", "rbac.secrets={jwks,keys}")
	same(t, "with all that may be read", find[rbacv1.ClusterRole](t, o, "ClusterRole", "kibble-system-kibble").Rules, slices.Concat(
		discovery.Rights{PodLabels: true, Ingresses: true, Secrets: []string{"jwks", "keys"}}.Rules(), status.Rules(), status.IngressRules()))
	o = render(t, "edge.tlsPort=8443", "edge.router.tls.secretName=shop", "edge.router.tls.certificates[0].secretName=pay", "edge.router.tls.certificates[0].hosts={pay.example}")
	same(t, "with HTTPS", find[rbacv1.ClusterRole](t, o, "ClusterRole", "kibble-system-kibble").Rules,
		slices.Concat(discovery.Rights{Secrets: []string{"shop", "pay"}}.Rules(), status.Rules(), tokenreview.Rules()))
	o = render(t, "rbac.secrets={*}")
	same(t, "with all Secrets", find[rbacv1.ClusterRole](t, o, "ClusterRole", "kibble-system-kibble").Rules,
		slices.Concat(discovery.Rights{Secrets: []string{"*"}}.Rules(), status.Rules(), tokenreview.Rules()))
}

// With a list of namespaces there is nothing that belongs to the whole cluster.
func TestNamespacedRights(t *testing.T) {
	o := render(t, "namespaces={shop,pay}", "demo.enabled=true", "demo.topology=node")
	if wide := o.kinds("ClusterRole", "ClusterRoleBinding", "MutatingWebhookConfiguration", "Namespace"); len(wide) > 0 {
		t.Errorf("objects of the cluster: %q", wide.names())
	}
	want := slices.Concat(discovery.Rights{Namespaced: true}.Rules(), status.Rules())
	var in []string
	for _, object := range o.kinds("Role") {
		if role := as[rbacv1.Role](t, object); role.Name == release {
			in = append(in, role.Namespace)
			same(t, role.Namespace, role.Rules, want)
		}
	}
	if diff := gocmp.Diff([]string{namespace, "pay", "shop"}, in); diff != "" {
		t.Errorf("Roles are in (-want +got):\n%s", diff)
	}
}

// same compares rules, whatever their order.
func same(t *testing.T, what string, got, want []rbacv1.PolicyRule) {
	t.Helper()
	order := func(rules []rbacv1.PolicyRule) []rbacv1.PolicyRule {
		return slices.SortedFunc(slices.Values(rules), func(a, b rbacv1.PolicyRule) int {
			return cmp.Compare(strings.Join(append(a.Resources, a.Verbs...), " "), strings.Join(append(b.Resources, b.Verbs...), " "))
		})
	}
	if diff := gocmp.Diff(order(want), order(got)); diff != "" {
		t.Errorf("%s: rights (-code +chart):\n%s", what, diff)
	}
}

// The injector is asked about the pods that package inject says.
func TestWebhookConfiguration(t *testing.T) {
	got := find[admissionregistrationv1.MutatingWebhookConfiguration](t, render(t), "MutatingWebhookConfiguration", "kibble-system-kibble")
	port := int32(443)
	want := inject.WebhookConfiguration(got.Name, admissionregistrationv1.WebhookClientConfig{
		Service: &admissionregistrationv1.ServiceReference{Name: "kibble-injector", Namespace: namespace, Port: &port},
	}, "kube-system")
	if diff := gocmp.Diff(want.Webhooks, got.Webhooks); diff != "" {
		t.Errorf("webhooks (-code +chart):\n%s", diff)
	}
}
