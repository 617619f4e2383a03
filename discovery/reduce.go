package discovery

import (
	"encoding/json"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// reduced is an object as it is kept from the moment that it was received. It
// has the name by which a reflector knows it.
type reduced struct {
	metav1.ObjectMeta
	id id
	reading
}

// reduce keeps what counts of an object that the API server sent.
func reduce(received any) (*reduced, error) {
	switch o := received.(type) {
	case *reduced:
		return o, nil
	case *corev1.Service:
		return ofFact(kindService, &o.ObjectMeta, serviceFactOf(o)), nil
	case *discoveryv1.EndpointSlice:
		return ofFact(kindSlice, &o.ObjectMeta, endpointSliceFact(o)), nil
	case *corev1.Namespace:
		return ofFact(kindNamespace, &o.ObjectMeta, namespaceFact(o)), nil
	case *networkingv1.Ingress:
		i := id{kindIngress, o.Namespace, o.Name}
		return ofFact(kindIngress, &o.ObjectMeta, ingressFact(o, translate.Origin{Name: nameOf(i)})), nil
	case *networkingv1.IngressClass:
		return ofFact(kindIngressClass, &o.ObjectMeta, classFactOf(o)), nil
	case *corev1.Secret:
		return ofFact(kindSecret, &o.ObjectMeta, secretFactOf(o)), nil
	case *metav1.PartialObjectMetadata:
		return ofFact(kindPod, &o.ObjectMeta, &podFact{key: translate.Key{Namespace: o.Namespace, Name: o.Name}, labels: o.Labels}), nil
	case *unstructured.Unstructured:
		switch o.GetKind() {
		case v1alpha1.KindRouter:
			return reduceOurs(o, &v1alpha1.Router{}, (*v1alpha1.Router).Validate)
		case v1alpha1.KindDtab:
			return reduceOurs(o, &v1alpha1.Dtab{}, (*v1alpha1.Dtab).Validate)
		case v1alpha1.KindDogfoodPolicy:
			return reduceOurs(o, &v1alpha1.DogfoodPolicy{}, (*v1alpha1.DogfoodPolicy).Validate)
		}
	}
	return nil, fmt.Errorf("a %T was not asked for", received)
}

func ofFact(kind string, m *metav1.ObjectMeta, fact any) *reduced {
	i := id{kind, m.Namespace, m.Name}
	return &reduced{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name}, id: i,
		reading: reading{object: &object{id: i, fact: fact}},
	}
}

// reduceOurs reads an object of ours as strictly as one in a file. Its status
// and what others noted in its metadata do not count.
func reduceOurs[T any](u *unstructured.Unstructured, o *T, check func(*T) []v1alpha1.FieldError) (*reduced, error) {
	i := id{u.GetKind(), u.GetNamespace(), u.GetName()}
	origin := translate.Origin{Name: nameOf(i)}
	r := &reduced{ObjectMeta: metav1.ObjectMeta{Namespace: i.namespace, Name: i.name}, id: i}
	r.generation, r.uid = u.GetGeneration(), string(u.GetUID())
	text, err := json.Marshal(map[string]any{
		"apiVersion": u.GetAPIVersion(), "kind": i.kind, "spec": u.Object["spec"],
		"metadata": map[string]any{
			"name": i.name, "namespace": i.namespace, "uid": u.GetUID(), "generation": u.GetGeneration(), "creationTimestamp": u.GetCreationTimestamp(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", origin.Name, err)
	}
	strict, err := kjson.UnmarshalStrict(text, o)
	if err != nil {
		r.found = []dtab.Finding{{
			Code: codeType, Severity: dtab.Error, Pos: dtab.Pos{Source: origin.Name}, Message: err.Error(),
			Hint: "the CustomResourceDefinitions of another version of Kibble may be installed",
		}}
		return r, nil //nolint:nilerr // it is a finding about the object
	}
	for _, s := range strict {
		if f, ok := errors.AsType[kjson.FieldError](s); ok {
			r.found = append(r.found, dtab.Finding{
				Code: codeUnknownField, Severity: dtab.Warning, Pos: dtab.Pos{Source: origin.Name},
				Message: "this Kibble knows no field " + f.FieldPath(), Hint: "update the control plane, or take the field away",
			})
		}
	}
	if errs := check(o); len(errs) > 0 {
		for _, e := range errs {
			r.found = append(r.found, dtab.Finding{
				Code: v1alpha1.CodeField, Severity: dtab.Error, Pos: dtab.Pos{Source: origin.Name},
				Message: e.Path + ": " + e.Message, Hint: e.Hint,
			})
		}
		return r, nil
	}
	r.object = &object{id: i, fact: &translate.Sourced[T]{Object: *o, Origin: origin}}
	return r, nil
}
