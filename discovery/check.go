package discovery

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"kibble.dev/api/v1alpha1"
)

// What the API server would have refused, so far as it matters here: objects in
// files have not been through one.

// checkNames checks where an object is.
func checkNames(kind string, m *metav1.ObjectMeta) []v1alpha1.FieldError {
	var errs []v1alpha1.FieldError
	valid, hint := validation.IsDNS1123Subdomain, "small letters, digits, - and ., beginning and ending with a letter or digit"
	switch kind {
	case kindService, kindEndpoints, kindNamespace:
		valid, hint = validation.IsDNS1123Label, "small letters, digits and -, at most 63"
	}
	switch {
	case m.Name == "" && m.GenerateName != "":
		errs = append(errs, v1alpha1.FieldError{Path: "metadata.generateName", Message: "a file cannot leave the name open", Hint: "set metadata.name"})
	case m.Name == "":
		errs = append(errs, v1alpha1.FieldError{Path: "metadata.name", Message: "the object has no name", Hint: "set metadata.name"})
	case len(valid(m.Name)) > 0:
		errs = append(errs, v1alpha1.FieldError{Path: "metadata.name", Message: fmt.Sprintf("%q cannot be the name of a %s", m.Name, kind), Hint: hint})
	}
	if m.Namespace != "" && len(validation.IsDNS1123Label(m.Namespace)) > 0 {
		errs = append(errs, v1alpha1.FieldError{
			Path: "metadata.namespace", Message: fmt.Sprintf("%q cannot be the name of a namespace", m.Namespace),
			Hint: "small letters, digits and -, at most 63",
		})
	}
	return append(errs, checkLabels(m)...)
}

// maxAnnotations is how many bytes the API server takes of all together.
const maxAnnotations = 256 << 10

// checkLabels checks labels and annotations.
func checkLabels(m *metav1.ObjectMeta) (errs []v1alpha1.FieldError) {
	add := func(path, what, hint string) {
		errs = append(errs, v1alpha1.FieldError{Path: path, Message: what, Hint: hint})
	}
	const letters = "letters, digits, -, _ and ., beginning and ending with a letter or digit, at most 63"
	for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
		if len(validation.IsQualifiedName(key)) > 0 {
			add("metadata.labels."+key, fmt.Sprintf("%q cannot be the name of a label", key), letters+"; before it perhaps a domain and /")
		}
		if value := m.Labels[key]; len(validation.IsValidLabelValue(value)) > 0 {
			add("metadata.labels."+key, fmt.Sprintf("%q cannot be the value of a label", value), letters)
		}
	}
	size := 0
	for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
		size += len(key) + len(m.Annotations[key])
		if len(validation.IsQualifiedName(strings.ToLower(key))) > 0 {
			add("metadata.annotations."+key, fmt.Sprintf("%q cannot be the name of an annotation", key), letters+"; before it perhaps a domain and /")
		}
	}
	if size > maxAnnotations {
		add("metadata.annotations", fmt.Sprintf("annotations have %d bytes", size), fmt.Sprintf("the API server takes at most %d", maxAnnotations))
	}
	return errs
}

// beyond gives what is beyond the bounds of an object of ours, where nothing was
// found that says it better.
func (w written) beyond(kind string, found []v1alpha1.FieldError) []v1alpha1.FieldError {
	p, ok := child(w.node, "spec")
	if !ok || knownVersion(kind) != v1alpha1.APIVersion {
		return nil
	}
	return slices.DeleteFunc(w.page.bounds.Check(kind, toJSON(p.value).text), func(e v1alpha1.FieldError) bool {
		return slices.ContainsFunc(found, func(f v1alpha1.FieldError) bool { return inside(f.Path, e.Path) })
	})
}

// inside tells whether a field is another one, or in it.
func inside(field, other string) bool {
	rest, ok := strings.CutPrefix(field, other)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func checkPort(errs []v1alpha1.FieldError, path string, port int32) []v1alpha1.FieldError {
	if port < 1 || port > 65535 {
		errs = append(errs, v1alpha1.FieldError{Path: path, Message: fmt.Sprintf("%d is not a port", port), Hint: "ports are numbers from 1 to 65535"})
	}
	return errs
}

func checkIP(errs []v1alpha1.FieldError, path, ip string) []v1alpha1.FieldError {
	if _, ok := v1alpha1.ParseAddress(ip); !ok {
		errs = append(errs, v1alpha1.FieldError{Path: path, Message: fmt.Sprintf("%q is not an IP address", ip), Hint: "an address such as 10.0.0.1"})
	}
	return errs
}

func checkService(s *corev1.Service) (errs []v1alpha1.FieldError) {
	for i, p := range s.Spec.Ports {
		errs = checkPort(errs, fmt.Sprintf("spec.ports[%d].port", i), p.Port)
	}
	return errs
}

func checkEndpointSlice(s *discoveryv1.EndpointSlice) (errs []v1alpha1.FieldError) {
	for i, p := range s.Ports {
		if p.Port != nil {
			errs = checkPort(errs, fmt.Sprintf("ports[%d].port", i), *p.Port)
		}
	}
	for i, e := range s.Endpoints {
		path := fmt.Sprintf("endpoints[%d].addresses", i)
		if len(e.Addresses) == 0 {
			errs = append(errs, v1alpha1.FieldError{Path: path, Message: "an endpoint without an address", Hint: "set addresses"})
		}
		for k, a := range e.Addresses {
			if s.AddressType != discoveryv1.AddressTypeFQDN {
				errs = checkIP(errs, fmt.Sprintf("%s[%d]", path, k), a)
			}
		}
	}
	return errs
}

//nolint:staticcheck // see endpointsFact
func checkEndpoints(e *corev1.Endpoints) (errs []v1alpha1.FieldError) {
	for i, subset := range e.Subsets {
		for k, p := range subset.Ports {
			errs = checkPort(errs, fmt.Sprintf("subsets[%d].ports[%d].port", i, k), p.Port)
		}
		for k, a := range subset.Addresses {
			errs = checkIP(errs, fmt.Sprintf("subsets[%d].addresses[%d].ip", i, k), a.IP)
		}
		for k, a := range subset.NotReadyAddresses {
			errs = checkIP(errs, fmt.Sprintf("subsets[%d].notReadyAddresses[%d].ip", i, k), a.IP)
		}
	}
	return errs
}
