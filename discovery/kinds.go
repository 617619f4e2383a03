package discovery

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// The kinds that are read, beside those of ours.
const (
	kindService      = "Service"
	kindSlice        = "EndpointSlice"
	kindEndpoints    = "Endpoints"
	kindPod          = "Pod"
	kindNamespace    = "Namespace" // belongs to no namespace
	kindSecret       = "Secret"
	kindIngress      = "Ingress"
	kindIngressClass = "IngressClass" // belongs to no namespace
)

// id names an object.
type id struct{ kind, namespace, name string }

func (i id) String() string {
	if i.namespace == "" {
		return i.kind + " " + i.name
	}
	return i.kind + " " + i.namespace + "/" + i.name
}

// object is one thing that was written somewhere, reduced to what counts of it:
// a *serviceFact, *slicesFact, *podFact, *labelsFact, *classFact
// or a *translate.Sourced of one of our kinds. Nobody changes a fact.
type object struct {
	id   id
	pos  dtab.Pos
	fact any
}

// knownVersion gives the API version of a kind that is read here, or "".
func knownVersion(kind string) string {
	switch kind {
	case kindService, kindEndpoints, kindPod, kindNamespace, kindSecret:
		return "v1"
	case kindSlice:
		return "discovery.k8s.io/v1"
	case kindIngress, kindIngressClass:
		return "networking.k8s.io/v1"
	case v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy:
		return v1alpha1.APIVersion
	}
	return ""
}

// foreign tells an object of another API that has a kind's name by chance, such
// as Knative's Service. For our own kinds a wrong group is a slip of the pen.
func foreign(kind, version string) bool {
	group, _, grouped := strings.Cut(version, "/")
	return knownVersion(kind) == "v1" && grouped && strings.Contains(group, ".")
}

// read checks an object and reduces it. No object comes back with an error
// among the findings, nor for a kind that is not for us.
func (w written) read(kind, version string) (*object, []dtab.Finding) {
	switch want := knownVersion(kind); {
	case kind == "" || version == "":
		missing := "kind"
		if kind != "" {
			missing = "apiVersion"
		}
		return nil, []dtab.Finding{w.finding(codeKind, w.node, "this is not an object: it has no "+missing,
			"every object begins with apiVersion and kind; keep other YAML out of this directory")}
	case want == "" && strings.HasPrefix(version, v1alpha1.Group+"/"):
		return nil, []dtab.Finding{w.finding(codeKind, w.value("kind"), fmt.Sprintf("%s has no kind %q", v1alpha1.APIVersion, kind),
			didYouMean(kind, []string{v1alpha1.KindDogfoodPolicy, v1alpha1.KindDtab, v1alpha1.KindRouter}))}
	case want == "" || foreign(kind, version):
		return nil, []dtab.Finding{w.unused(w.value("kind"), fmt.Sprintf("%s of %s is not used", kind, version), "")}
	case want != version:
		return nil, []dtab.Finding{w.finding(codeVersion, w.value("apiVersion"), fmt.Sprintf("apiVersion %s of %s cannot be read", version, kind),
			"write apiVersion: "+want)}
	}
	switch kind {
	case kindService:
		return readAs(w, kind, &corev1.Service{}, checkService, func(s *corev1.Service, _ translate.Origin) any { return serviceFactOf(s) })
	case kindSlice:
		return w.readEndpointSlice()
	case kindIngress:
		return readAs(w, kind, &networkingv1.Ingress{}, checkIngress, ingressFact)
	case kindIngressClass:
		return readAs(w, kind, &networkingv1.IngressClass{}, nil, func(c *networkingv1.IngressClass, _ translate.Origin) any { return classFactOf(c) })
	case kindEndpoints:
		//nolint:staticcheck // see endpointsFact
		return readAs(w, kind, &corev1.Endpoints{}, checkEndpoints, func(e *corev1.Endpoints, _ translate.Origin) any { return endpointsFact(e) })
	case kindPod:
		return readAs(w, kind, &corev1.Pod{}, nil, func(p *corev1.Pod, _ translate.Origin) any { return podFactOf(p) })
	case kindNamespace:
		return readAs(w, kind, &corev1.Namespace{}, nil, func(n *corev1.Namespace, _ translate.Origin) any { return namespaceFact(n) })
	case kindSecret:
		return w.readSecret()
	case v1alpha1.KindRouter:
		return readAs(w, kind, &v1alpha1.Router{}, (*v1alpha1.Router).Validate, sourced[v1alpha1.Router])
	case v1alpha1.KindDtab:
		return readAs(w, kind, &v1alpha1.Dtab{}, (*v1alpha1.Dtab).Validate, sourced[v1alpha1.Dtab])
	default:
		return readAs(w, kind, &v1alpha1.DogfoodPolicy{}, (*v1alpha1.DogfoodPolicy).Validate, sourced[v1alpha1.DogfoodPolicy])
	}
}

func sourced[T any](o *T, origin translate.Origin) any {
	return &translate.Sourced[T]{Object: *o, Origin: origin}
}

// readEndpointSlice adds what only an EndpointSlice can lack.
func (w written) readEndpointSlice() (*object, []dtab.Finding) {
	var remarks []dtab.Finding
	o, found := readAs(w, kindSlice, &discoveryv1.EndpointSlice{}, checkEndpointSlice,
		func(s *discoveryv1.EndpointSlice, _ translate.Origin) any {
			if s.Labels[discoveryv1.LabelServiceName] == "" {
				remarks = append(remarks, w.unused(w.value("metadata"), "this EndpointSlice belongs to no Service",
					"label it "+discoveryv1.LabelServiceName+": NAME"))
			}
			if s.AddressType == discoveryv1.AddressTypeFQDN {
				remarks = append(remarks, w.unused(w.value("addressType"), "endpoints of type FQDN are not used", "use IPv4 or IPv6"))
			}
			return endpointSliceFact(s)
		})
	return o, append(found, remarks...)
}

// meta is what all Go types of objects have.
type meta interface {
	metav1.Object
	GetObjectMeta() metav1.Object
}

// readAs decodes an object into o, checks it and reduces it.
func readAs[T any](w written, kind string, o *T, check func(*T) []v1alpha1.FieldError, fact func(*T, translate.Origin) any) (*object, []dtab.Finding) {
	if found := w.decode(o); len(found) > 0 {
		return nil, found
	}
	m, ok := any(o).(meta).GetObjectMeta().(*metav1.ObjectMeta)
	if !ok {
		return nil, []dtab.Finding{w.finding(codeKind, w.node, kind+" has no metadata", "")}
	}
	errs := checkNames(kind, m)
	if check != nil {
		errs = append(errs, check(o)...)
	}
	errs = append(errs, w.beyond(kind, errs)...)
	if len(errs) > 0 {
		return nil, w.fieldErrors(errs)
	}
	switch {
	case kind == kindNamespace || kind == kindIngressClass:
		m.Namespace = ""
	case m.Namespace == "":
		m.Namespace = metav1.NamespaceDefault
	}
	m.ManagedFields = nil
	return &object{id: id{kind, m.Namespace, m.Name}, pos: w.page.at(w.node), fact: fact(o, w.origin(kind))}, nil
}

// origin says where the object and its fields stand. Only for kinds that people
// write for us the fields are of use.
func (w written) origin(kind string) translate.Origin {
	o := translate.Origin{Name: w.page.name, Line: w.node.Line}
	if knownVersion(kind) == v1alpha1.APIVersion || kind == kindIngress {
		o.Fields = map[string]dtab.Source{}
		w.page.fields("metadata", w.value("metadata"), o.Fields)
		w.page.fields("spec", w.value("spec"), o.Fields)
	}
	return o
}

// fieldErrors puts mistakes in their place. A field that is not written is
// missing from the nearest one above it that is.
func (w written) fieldErrors(errs []v1alpha1.FieldError) []dtab.Finding {
	var found []dtab.Finding
	for _, e := range errs {
		place, all := locate(w.node, e.Path)
		n := place.key
		if all {
			n = follow(place.value)
		}
		f := w.finding(v1alpha1.CodeField, n, e.Path+": "+e.Message, e.Hint)
		found = append(found, f)
	}
	return found
}
