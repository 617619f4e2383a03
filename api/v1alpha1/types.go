// Package v1alpha1 holds the objects that users write: Router, Dtab and
// DogfoodPolicy of the API group kibble.dev/v1alpha1. The same types are read
// from files and from a cluster.
//
// The markers (+kubebuilder) say in the CRDs what Validate says in Go, as far as
// a schema can; `make generate` writes the CRDs and the copy methods.
//
// +kubebuilder:object:generate=true
// +groupName=kibble.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Group, Version and the kinds, as they stand in apiVersion and kind.
const (
	Group   = "kibble.dev"
	Version = "v1alpha1"

	KindRouter        = "Router"
	KindDtab          = "Dtab"
	KindDogfoodPolicy = "DogfoodPolicy"
)

// APIVersion is what apiVersion must say in every object of ours.
const APIVersion = Group + "/" + Version

// Status is the observed state of an object of ours.
type Status struct {
	// Conditions say whether the object is in order and in use; see ConditionAccepted,
	// ConditionResolvedRefs and ConditionProgrammed.
	//
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
