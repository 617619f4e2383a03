package inject

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// WebhookConfiguration says which pods the API server asks the webhook about:
// those of namespaces with our label, and those that have it themselves. If the
// webhook fails, only these are not created; all others never get to it.
// client says where it is; its path is set here. Namespaces in except, such as
// kube-system and Kibble's own, are left out whatever their labels.
func WebhookConfiguration(name string, client admissionregistrationv1.WebhookClientConfig, except ...string) *admissionregistrationv1.MutatingWebhookConfiguration {
	c := &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
	}
	modes := map[string][]string{ModeSidecar: {ModeSidecar, "true"}, ModeNode: {ModeNode}, ModeHostIP: {ModeHostIP}}
	pods := metav1.LabelSelectorRequirement{Key: Label, Operator: metav1.LabelSelectorOpNotIn, Values: []string{ModeNone, "false"}}
	for _, mode := range []string{ModeSidecar, ModeNode, ModeHostIP} {
		c.Webhooks = append(c.Webhooks, webhook("namespace-"+mode, mode, client, except,
			&metav1.LabelSelectorRequirement{Key: Label, Operator: metav1.LabelSelectorOpIn, Values: modes[mode]}, pods))
	}
	c.Webhooks = append(c.Webhooks, webhook("pod", ModeNone, client, except,
		&metav1.LabelSelectorRequirement{Key: Label, Operator: metav1.LabelSelectorOpNotIn, Values: []string{ModeSidecar, "true", ModeNode, ModeHostIP}},
		metav1.LabelSelectorRequirement{Key: Label, Operator: metav1.LabelSelectorOpExists}, pods))
	return c
}

func webhook(name, mode string, client admissionregistrationv1.WebhookClientConfig, except []string,
	namespace *metav1.LabelSelectorRequirement, pods ...metav1.LabelSelectorRequirement,
) admissionregistrationv1.MutatingWebhook {
	path, none, again := Path+mode, admissionregistrationv1.SideEffectClassNone, admissionregistrationv1.IfNeededReinvocationPolicy
	fail, timeout, scope := admissionregistrationv1.Fail, int32(5), admissionregistrationv1.NamespacedScope
	if client.Service != nil {
		client.Service = client.Service.DeepCopy()
		client.Service.Path = &path
	} else if client.URL != nil {
		url := *client.URL + path
		client.URL = &url
	}
	namespaces := []metav1.LabelSelectorRequirement{*namespace}
	if len(except) > 0 {
		namespaces = append(namespaces, metav1.LabelSelectorRequirement{
			Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: except,
		})
	}
	return admissionregistrationv1.MutatingWebhook{
		Name: name + ".inject.kibble.dev", ClientConfig: client, SideEffects: &none, ReinvocationPolicy: &again,
		FailurePolicy: &fail, TimeoutSeconds: &timeout, AdmissionReviewVersions: []string{"v1"},
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: namespaces},
		ObjectSelector:    &metav1.LabelSelector{MatchExpressions: pods},
		Rules: []admissionregistrationv1.RuleWithOperations{{
			Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
			Rule: admissionregistrationv1.Rule{
				APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}, Scope: &scope,
			},
		}},
	}
}
