package discovery

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
)

// classAnnotation named an Ingress's class before there was a field for it.
const classAnnotation = "kubernetes.io/ingress.class"

// ingressFact is what counts of an Ingress.
func ingressFact(in *networkingv1.Ingress, origin translate.Origin) any {
	o := translate.HTTPIngress{
		Key:   translate.Key{Namespace: in.Namespace, Name: in.Name},
		Class: in.Annotations[classAnnotation],
	}
	if in.Spec.IngressClassName != nil {
		o.Class = *in.Spec.IngressClassName
	}
	if !in.CreationTimestamp.IsZero() {
		o.Created = in.CreationTimestamp.Unix()
	}
	if b := in.Spec.DefaultBackend; b != nil && b.Service != nil {
		backend := backendOf(b.Service)
		o.Default = &backend
	}
	for i, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for j, p := range rule.HTTP.Paths {
			if p.Backend.Service == nil {
				continue // a resource, which is for other controllers
			}
			o.Paths = append(o.Paths, translate.IngressPath{
				Host: strings.ToLower(rule.Host), Type: pathType(p), Path: cmp.Or(p.Path, "/"),
				Backend: backendOf(p.Backend.Service), Field: fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, j),
			})
		}
	}
	for _, t := range in.Spec.TLS {
		o.TLS = append(o.TLS, translate.IngressTLS{Hosts: t.Hosts, Secret: t.SecretName})
	}
	return &translate.Sourced[translate.HTTPIngress]{Object: o, Origin: origin}
}

func backendOf(s *networkingv1.IngressServiceBackend) translate.IngressBackend {
	port := s.Port.Name
	if port == "" {
		port = strconv.Itoa(int(s.Port.Number))
	}
	return translate.IngressBackend{Service: s.Name, Port: port}
}

// pathType reads ImplementationSpecific as a regular expression where the path
// is more than plain text.
func pathType(p networkingv1.HTTPIngressPath) translate.IngressPathType {
	switch {
	case p.PathType != nil && *p.PathType == networkingv1.PathTypeExact:
		return translate.IngressExact
	case p.PathType != nil && *p.PathType == networkingv1.PathTypePrefix:
		return translate.IngressPrefix
	case strings.ContainsAny(p.Path, `*+?()[]{}|^$\`):
		return translate.IngressRegex
	}
	return translate.IngressPrefix
}

func checkIngress(in *networkingv1.Ingress) (errs []v1alpha1.FieldError) {
	for i, rule := range in.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for j, p := range rule.HTTP.Paths {
			path := fmt.Sprintf("spec.rules[%d].http.paths[%d].path", i, j)
			if p.Path != "" && !strings.HasPrefix(p.Path, "/") {
				errs = append(errs, v1alpha1.FieldError{Path: path, Message: fmt.Sprintf("%q does not begin with a slash", p.Path), Hint: "a path such as /shop"})
			}
		}
	}
	return errs
}

// ingresses gives the Ingresses that count, oldest first. Those without a class
// are of the default one, if there is one.
func (s *store) ingresses() []*translate.Sourced[translate.HTTPIngress] {
	all := list[translate.HTTPIngress](s, kindIngress)
	if class := s.defaultClass(); class != "" {
		for i, in := range all {
			if in.Object.Class == "" {
				classed := *in
				classed.Object.Class = class
				all[i] = &classed
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *translate.Sourced[translate.HTTPIngress]) int {
		return cmp.Compare(a.Object.Created, b.Object.Created)
	})
	return all
}
