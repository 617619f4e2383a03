package discovery

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	apidiscovery "k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
)

// groupCRDs is the group of CustomResourceDefinitions.
const groupCRDs = "apiextensions.k8s.io"

// definition is what is known of the CustomResourceDefinition of a kind of ours.
type definition struct {
	// there: it is installed, and nobody is deleting it.
	there bool
	// uid is another one when it was deleted and installed again; "" where it
	// may not be read.
	uid types.UID
}

// definitions asks for the CustomResourceDefinitions of our kinds.
type definitions struct {
	meta   metadata.Interface
	served apidiscovery.DiscoveryInterfaceWithContext
}

func newDefinitions(meta metadata.Interface, config *rest.Config, web *http.Client) (definitions, error) {
	served, err := apidiscovery.NewDiscoveryClientForConfigAndClient(config, web)
	return definitions{meta, served}, err
}

// of asks about a kind. Who may not read CustomResourceDefinitions, as with
// Roles in some namespaces only, is told by what the API server says of the
// kinds that it serves: it no longer lets anybody create objects of a kind that
// is being deleted. That may be some moments old.
func (d definitions) of(ctx context.Context, kind string) (definition, error) {
	name := groupResource(kind)
	crds := schema.GroupVersionResource{Group: groupCRDs, Version: "v1", Resource: "customresourcedefinitions"}
	crd, err := d.meta.Resource(crds).Get(ctx, name.String(), metav1.GetOptions{})
	switch {
	case err == nil:
		return definition{crd.DeletionTimestamp == nil, crd.UID}, nil
	case apierrors.IsNotFound(err):
		return definition{}, nil
	case !apierrors.IsForbidden(err):
		return definition{}, fmt.Errorf("customresourcedefinition %s: %w", name, err)
	}
	list, err := d.served.ServerResourcesForGroupVersionWithContext(ctx, v1alpha1.Group+"/"+v1alpha1.Version)
	switch {
	case apierrors.IsNotFound(err):
		return definition{}, nil
	case apierrors.IsForbidden(err):
		return definition{there: true}, nil // nobody tells us
	case err != nil:
		return definition{}, fmt.Errorf("kinds of %s: %w", v1alpha1.Group, err)
	}
	for _, r := range list.APIResources {
		if r.Name == name.Resource {
			return definition{there: slices.Contains(r.Verbs, "create")}, nil
		}
	}
	return definition{}, nil
}
