package discovery_test

import (
	"context"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"kibble.dev/e2e/kubetest"
)

// kinds are the resources that tests write.
var kinds = map[string]schema.GroupVersionResource{
	"Namespace":                {Version: "v1", Resource: "namespaces"},
	"Service":                  {Version: "v1", Resource: "services"},
	"Secret":                   {Version: "v1", Resource: "secrets"},
	"Pod":                      {Version: "v1", Resource: "pods"},
	"EndpointSlice":            {Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"},
	"Ingress":                  {Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	"CustomResourceDefinition": {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	"Router":                   {Group: "kibble.dev", Version: "v1alpha1", Resource: "routers"},
	"Dtab":                     {Group: "kibble.dev", Version: "v1alpha1", Resource: "dtabs"},
	"DogfoodPolicy":            {Group: "kibble.dev", Version: "v1alpha1", Resource: "dogfoodpolicies"},
}

func (l *lab) client(o *unstructured.Unstructured) dynamic.ResourceInterface {
	l.Helper()
	client, err := dynamic.NewForConfig(l.Config)
	l.must(err)
	resource, ok := kinds[o.GetKind()]
	if !ok {
		l.Fatalf("the tests write no %s", o.GetKind())
	}
	switch o.GetKind() {
	case "Namespace", "CustomResourceDefinition":
		return client.Resource(resource)
	}
	if o.GetNamespace() == "" {
		o.SetNamespace("default")
	}
	return client.Resource(resource).Namespace(o.GetNamespace())
}

// apply writes objects as kubectl apply --server-side does.
func (l *lab) apply(text string) {
	l.Helper()
	for _, o := range kubetest.Objects(l, text) {
		client := l.client(o)
		// A definition takes a moment until it is served.
		err := wait.PollUntilContextTimeout(l.Context(), 50*time.Millisecond, limit, true, func(ctx context.Context) (bool, error) {
			_, err := client.Apply(ctx, o.GetName(), o, metav1.ApplyOptions{FieldManager: "test", Force: true})
			if (apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err)) && strings.HasPrefix(o.GetAPIVersion(), "kibble.dev/") {
				return false, nil
			}
			return err == nil, err
		})
		if err != nil {
			l.Fatalf("apply %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		}
	}
}

func (l *lab) delete(text string) {
	l.Helper()
	for _, o := range kubetest.Objects(l, text) {
		l.must(l.client(o).Delete(l.Context(), o.GetName(), metav1.DeleteOptions{}))
	}
}

// installKinds defines the kinds of ours, with any content: what package
// discovery makes of objects that should not be there is tested too.
func (l *lab) installKinds() {
	l.Helper()
	for kind, plural := range map[string]string{"Router": "routers", "Dtab": "dtabs", "DogfoodPolicy": "dogfoodpolicies"} {
		l.apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ` + plural + `.kibble.dev}
spec:
  group: kibble.dev
  scope: Namespaced
  names: {kind: ` + kind + `, plural: ` + plural + `}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`)
	}
}
