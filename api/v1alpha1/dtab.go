package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Dtab is a named table (namerd's namespace).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=dt,categories=kibble
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`,priority=1
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type Dtab struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DtabSpec `json:"spec"`
	Status Status   `json:"status,omitempty"`
}

// DtabSpec is a table as text, or as a list of entries; not both.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.dtab) && size(self.dtab) > 0 && has(self.dentries))",message="dtab and dentries cannot both be set"
// +kubebuilder:validation:XValidation:rule="has(self.dtab) && size(self.dtab) > 0 || has(self.dentries)",message="the table is missing: set dtab (text) or dentries (a list); an empty table is dentries: []"
type DtabSpec struct {
	// Dtab is the table as text, entries with ; between them.
	// +kubebuilder:validation:MaxLength=131072
	Dtab string `json:"dtab,omitempty"`
	// Dentries is the table as a list; of entries that match, the last one wins.
	// +kubebuilder:validation:MaxItems=4096
	Dentries []Dentry `json:"dentries,omitempty"`
}

// Dentry is one entry of a table, in namerd's spelling.
type Dentry struct {
	// Prefix of the names that the entry rewrites, such as /svc.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Prefix string `json:"prefix"`
	// Dst is what it rewrites to, such as /host: a path, or several with | and &.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Dst string `json:"dst"`
}
