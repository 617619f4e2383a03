package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is that of all objects of ours.
func GroupVersion() schema.GroupVersion { return schema.GroupVersion{Group: Group, Version: Version} }

// ResourceOf is what the API calls the objects of a kind of ours.
func ResourceOf(kind string) schema.GroupVersionResource {
	plural, _ := meta.UnsafeGuessKindToResource(GroupVersion().WithKind(kind)) // "unsafe" is what it does with odd words
	return plural
}

// AddToScheme makes the kinds known to a scheme, and so to clients that use it.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion(), &Router{}, &RouterList{}, &Dtab{}, &DtabList{}, &DogfoodPolicy{}, &DogfoodPolicyList{})
	metav1.AddToGroupVersion(s, GroupVersion())
	return nil
}

// RouterList is what a list of Routers is read as.
//
// +kubebuilder:object:root=true
type RouterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Router `json:"items"`
}

// DtabList is what a list of Dtabs is read as.
//
// +kubebuilder:object:root=true
type DtabList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Dtab `json:"items"`
}

// DogfoodPolicyList is what a list of DogfoodPolicies is read as.
//
// +kubebuilder:object:root=true
type DogfoodPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []DogfoodPolicy `json:"items"`
}
