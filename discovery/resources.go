package discovery

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryv1client "k8s.io/client-go/kubernetes/typed/discovery/v1"
	networkingv1client "k8s.io/client-go/kubernetes/typed/networking/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
)

// scope is where objects of a kind are read: all of a namespace, or of the
// cluster if there is none; only one of them if there is a name.
type scope struct{ kind, namespace, name string }

// String tells people of it.
func (p scope) String() string {
	if p.name != "" {
		return nameOf(id(p))
	}
	return p.resource() + " " + p.within()
}

func (p scope) within() string {
	if p.namespace == "" {
		return "in all namespaces"
	}
	return "in namespace " + p.namespace
}

// nameOf is how findings name an object of a cluster.
func nameOf(i id) string {
	name := i.name
	if i.namespace != "" {
		name = i.namespace + "/" + i.name
	}
	return strings.ToLower(i.kind) + " " + name
}

// referred tells what is read only because an object of ours needs it. Without
// it, less works; without the others, nothing does.
func (p scope) referred() bool {
	return p.kind == kindSecret || p.kind == kindPod || p.kind == kindIngress || p.kind == kindIngressClass
}

// oursKinds are the kinds of ours.
func oursKinds() []string {
	return []string{v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy}
}

// ours tells the kinds that a CustomResourceDefinition of ours describes.
func (p scope) ours() bool { return groupResource(p.kind).Group == v1alpha1.Group }

// resource gives the kind as rights name it.
func (p scope) resource() string {
	r := groupResource(p.kind)
	return r.String()
}

func groupResource(kind string) schema.GroupResource {
	switch kind {
	case kindService:
		return schema.GroupResource{Resource: "services"}
	case kindSlice:
		return discoveryv1.Resource("endpointslices")
	case kindNamespace:
		return schema.GroupResource{Resource: "namespaces"}
	case kindSecret:
		return schema.GroupResource{Resource: "secrets"}
	case kindPod:
		return schema.GroupResource{Resource: "pods"}
	case kindIngress:
		return networkingv1.Resource("ingresses")
	case kindIngressClass:
		return networkingv1.Resource("ingressclasses")
	}
	return v1alpha1.ResourceOf(kind).GroupResource()
}

// hint says what to do about a right that is missing.
func (p scope) hint() string {
	verbs := "list and watch" // kibble preview and its like only list
	if p.kind == kindNamespace && p.namespace != "" {
		verbs = "get"
	}
	return fmt.Sprintf("grant %s on %s %s", verbs, p.resource(), p.within())
}

// scopes are those that are always read.
func scopes(namespaces []string) []scope {
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var all []scope
	for _, ns := range namespaces {
		for _, kind := range append([]string{kindService, kindSlice, kindNamespace}, oursKinds()...) {
			all = append(all, scope{kind: kind, namespace: ns})
		}
	}
	return all
}

// access lists and watches the objects of a scope.
type access interface {
	List(context.Context, metav1.ListOptions) (runtime.Object, error)
	Watch(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
}

// client is what the clients of all kinds have in common.
type client[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (apiwatch.Interface, error)
}

// selected is a client that is asked for some of the objects.
type selected[L runtime.Object] struct {
	client         client[L]
	labels, fields string
}

func (s selected[L]) List(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	o.LabelSelector, o.FieldSelector = s.labels, s.fields
	return s.client.List(ctx, o)
}

func (s selected[L]) Watch(ctx context.Context, o metav1.ListOptions) (apiwatch.Interface, error) {
	o.LabelSelector, o.FieldSelector = s.labels, s.fields
	return s.client.Watch(ctx, o)
}

// clients speak to the API server: in protobuf about what it knows itself, with
// the metadata only of Pods, and in maps about the objects of ours, so that one
// that does not fit our types does not make the others unreadable.
type clients struct {
	core   corev1client.CoreV1Interface
	slices discoveryv1client.DiscoveryV1Interface
	web    networkingv1client.NetworkingV1Interface
	ours   dynamic.Interface
	meta   metadata.Interface
	// definitions are those of the objects of ours.
	definitions definitions
}

func newClients(config *rest.Config) (*clients, error) {
	config = rest.CopyConfig(config)
	if config.UserAgent == "" {
		config.UserAgent = "kibble"
	}
	config.QPS = -1 // a handful of watches; the API server has its own limits
	typed := rest.CopyConfig(config)
	typed.ContentType, typed.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
	web, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	c := &clients{}
	if c.core, err = corev1client.NewForConfigAndClient(typed, web); err != nil {
		return nil, err
	}
	if c.slices, err = discoveryv1client.NewForConfigAndClient(typed, web); err != nil {
		return nil, err
	}
	if c.web, err = networkingv1client.NewForConfigAndClient(typed, web); err != nil {
		return nil, err
	}
	if c.ours, err = dynamic.NewForConfigAndClient(config, web); err != nil {
		return nil, err
	}
	if c.meta, err = metadata.NewForConfigAndClient(metadata.ConfigFor(config), web); err != nil {
		return nil, err
	}
	c.definitions, err = newDefinitions(c.meta, config, web)
	return c, err
}

func (c *clients) access(p scope) access {
	only := ""
	if p.name != "" {
		only = fields.OneTermEqualSelector(metav1.ObjectNameField, p.name).String()
	}
	switch p.kind {
	case kindService:
		return selected[*corev1.ServiceList]{client: c.core.Services(p.namespace)}
	case kindSlice:
		return selected[*discoveryv1.EndpointSliceList]{client: c.slices.EndpointSlices(p.namespace), labels: discoveryv1.LabelServiceName}
	case kindNamespace:
		return selected[*corev1.NamespaceList]{client: c.core.Namespaces()}
	case kindSecret:
		return selected[*corev1.SecretList]{client: c.core.Secrets(p.namespace), fields: only}
	case kindIngress:
		return selected[*networkingv1.IngressList]{client: c.web.Ingresses(p.namespace)}
	case kindIngressClass:
		return selected[*networkingv1.IngressClassList]{client: c.web.IngressClasses()}
	case kindPod:
		return selected[*metav1.PartialObjectMetadataList]{client: c.meta.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(p.namespace)}
	}
	of := groupResource(p.kind).WithVersion(v1alpha1.Version)
	return selected[*unstructured.UnstructuredList]{client: c.ours.Resource(of).Namespace(p.namespace)}
}
