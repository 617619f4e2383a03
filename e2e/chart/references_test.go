package chart_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// template is what makes pods.
type template struct {
	name string
	corev1.PodTemplateSpec
	selector *metav1.LabelSelector // nil: nobody counts its pods
}

func templates(t *testing.T, o objects) (all []template) {
	t.Helper()
	for _, object := range o {
		switch object.GetKind() {
		case "Deployment":
			d := as[appsv1.Deployment](t, object)
			all = append(all, template{d.Name, d.Spec.Template, d.Spec.Selector})
		case "DaemonSet":
			d := as[appsv1.DaemonSet](t, object)
			all = append(all, template{d.Name, d.Spec.Template, d.Spec.Selector})
		case "Job":
			all = append(all, template{name: object.GetName(), PodTemplateSpec: as[batchv1.Job](t, object).Spec.Template})
		case "CronJob":
			all = append(all, template{name: object.GetName(), PodTemplateSpec: as[batchv1.CronJob](t, object).Spec.JobTemplate.Spec.Template})
		case "Pod":
			p := as[corev1.Pod](t, object)
			all = append(all, template{name: p.Name, PodTemplateSpec: corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}})
		}
	}
	return all
}

// What an object refers to is there, whatever the values.
func TestReferences(t *testing.T) {
	for name, set := range valueSets() {
		t.Run(name, func(t *testing.T) {
			o := render(t, set...)
			all := templates(t, o)
			for _, p := range all {
				checkPod(t, o, p, strings.Contains(strings.Join(set, " "), "tls.source="))
			}
			for _, object := range o {
				checkSelector(t, object.GetKind()+" "+object.GetName(), all, selected(t, object))
			}
		})
	}
}

func checkPod(t *testing.T, o objects, p template, secretsElsewhere bool) {
	t.Helper()
	names := o.names()
	if p.selector != nil {
		if s, err := metav1.LabelSelectorAsSelector(p.selector); err != nil || !s.Matches(labels.Set(p.Labels)) {
			t.Errorf("%s does not select its own pods", p.name)
		}
	}
	if inject := p.Labels["kibble.dev/inject"]; inject == "" {
		t.Errorf("%s: a namespace's label decides whether it is injected", p.name)
	}
	if account := p.Spec.ServiceAccountName; account != "" && !slices.Contains(names, "ServiceAccount "+account) {
		t.Errorf("%s: there is no service account %s", p.name, account)
	}
	for _, v := range p.Spec.Volumes {
		if v.Secret != nil && !secretsElsewhere && !slices.Contains(names, "Secret "+v.Secret.SecretName) {
			t.Errorf("%s: there is no Secret %s", p.name, v.Secret.SecretName)
		}
	}
	for _, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
		if c.Resources.Requests.Cpu().IsZero() || c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s: container %s does not say what it needs", p.name, c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
				t.Errorf("%s: container %s mounts %s, which is no volume", p.name, c.Name, m.Name)
			}
		}
		for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
			if probe != nil && probe.HTTPGet != nil && !hasPort(p, probe.HTTPGet.Port) {
				t.Errorf("%s: container %s is probed at %s, which is no port", p.name, c.Name, probe.HTTPGet.Port.String())
			}
		}
	}
}

// selection is what an object wants of pods.
type selection struct {
	labels metav1.LabelSelector
	ports  []intstr.IntOrString
}

func selected(t *testing.T, u *unstructured.Unstructured) *selection {
	t.Helper()
	switch u.GetKind() {
	case "Service":
		s := as[corev1.Service](t, u)
		found := &selection{labels: metav1.LabelSelector{MatchLabels: s.Spec.Selector}}
		for _, p := range s.Spec.Ports {
			if p.TargetPort != (intstr.IntOrString{}) {
				found.ports = append(found.ports, p.TargetPort)
			}
		}
		return found
	case "PodDisruptionBudget":
		return &selection{labels: *as[policyv1.PodDisruptionBudget](t, u).Spec.Selector}
	case "NetworkPolicy":
		n := as[networkingv1.NetworkPolicy](t, u)
		found := &selection{labels: n.Spec.PodSelector}
		for _, rule := range n.Spec.Ingress {
			for _, p := range rule.Ports {
				found.ports = append(found.ports, *p.Port)
			}
		}
		return found
	}
	return nil
}

func checkSelector(t *testing.T, name string, all []template, want *selection) {
	t.Helper()
	if want == nil {
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(&want.labels)
	if err != nil || selector.Empty() {
		t.Errorf("%s selects everything (%v)", name, err)
		return
	}
	var found int
	for _, p := range all {
		if !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		found++
		for _, port := range want.ports {
			if !hasPort(p, port) {
				t.Errorf("%s: port %s is none of %s", name, port.String(), p.name)
			}
		}
	}
	if found != 1 {
		t.Errorf("%s selects the pods of %d templates, want 1", name, found)
	}
}

func hasPort(p template, port intstr.IntOrString) bool {
	for _, c := range p.Spec.Containers {
		for _, have := range c.Ports {
			if have.Name == port.StrVal || port.StrVal == "" && have.ContainerPort == port.IntVal {
				return true
			}
		}
	}
	return false
}
