// Package translate turns an inventory of objects into the resources of Envoy,
// and says where requests go. It is pure: no clock, no network, no goroutine.
package translate

import (
	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Key names a namespaced object.
type Key struct{ Namespace, Name string }

// String gives namespace/name.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Inventory is every fact that translation may read. It is immutable: whoever
// makes it (package discovery) makes a new one for each change and may share
// all parts that did not change, so that two pointers that are equal mean that
// nothing below them changed.
type Inventory struct {
	Services   map[Key]*Service
	Namespaces map[string]Labels
	// Within are the namespaces that the inventory is of; none: all there are.
	Within []string
	// Files holds the directories of io.l5d.fs namers: rootDir as the Router
	// writes it, then file name.
	Files map[string]map[string]*File
	// KeyFiles holds the files that policies name in jwksFile, by the path as the
	// policy writes it.
	KeyFiles map[string]KeyFile
	// Secrets holds what policies name in jwksSecretRef, and the certificates of
	// CertificateSecrets, and nothing else of any Secret: the Secret, then the key
	// in its data. A Secret that is there has an
	// entry even if it lacks the key.
	Secrets map[Key]map[string]dogfood.Sealed

	// Ingresses sorted by age (oldest first), then namespace, then name.
	Ingresses []*Sourced[HTTPIngress]

	Routers  []*Sourced[v1alpha1.Router]
	Dtabs    []*Sourced[v1alpha1.Dtab]
	Policies []*Sourced[v1alpha1.DogfoodPolicy]

	// lately are Services as they were while they had names that have gone since,
	// latest first. The inventories of models alone know them: see after.
	lately map[Key][]gone
	// since may say which Services are others than in an inventory before.
	since *since
}

// KeyFile is a file of keys.
type KeyFile struct {
	Text dogfood.Sealed
	// Problem says in words why the file cannot be read; then there is no text.
	Problem string
}

// Labels of an object.
type Labels map[string]string

// Sourced is an object of ours together with the place it was written at.
// Lists of Sourced are sorted by namespace, then name.
type Sourced[T any] struct {
	Object T
	Origin Origin
}

// Origin is where an object was written: a file, or the cluster.
type Origin struct {
	// Name is the file's path as the user gave it, or "router default/ingress"
	// for an object of a cluster.
	Name string
	// Line of the object's first line in its file, from 1; 0 for a cluster.
	Line int
	// Fields gives where the text of a field begins, by its path in the object
	// ("spec.dtab", "spec.override", "spec.dentries[0].dst").
	Fields map[string]dtab.Source
}

// Field gives the source to parse a field's text with. A field that is not
// known stands at the object's first line.
func (o Origin) Field(path string) dtab.Source {
	if s, ok := o.Fields[path]; ok {
		return s
	}
	if o.Line == 0 {
		return dtab.Source{Name: o.Name + " " + path}
	}
	return dtab.Source{Name: o.Name, Line: o.Line}
}

// Service is a Kubernetes Service with the endpoints of all its slices. There
// may be slices without a Service object and a Service without slices.
type Service struct {
	Key
	// Exists says that there is a Service object; without one only Slices is set.
	Exists bool
	Ports  []ServicePort
	// ExternalName of a Service of that type, else "".
	ExternalName string
	// Ingress is status.loadBalancer.ingress, in its order.
	Ingress []Ingress
	// Slices sorted by name. Ports belong to their slice only.
	Slices []*Slice
}

// ServicePort is a port of a Service: the number that names use, and where it leads.
type ServicePort struct {
	Name string
	Port int32
	// TargetName, or else TargetPort, is the container's port; both zero: same as Port.
	TargetName string
	TargetPort int32
	// AppProtocol is what is spoken there, as Kubernetes spells it; "" if it is not said.
	AppProtocol string
}

// Ingress is one address of a load balancer.
type Ingress struct{ Hostname, IP string }

// Slice is one EndpointSlice, or one subset of an Endpoints object.
type Slice struct {
	Name      string
	Ports     []SlicePort
	Endpoints []Endpoint
}

// SlicePort is a port of the endpoints of a slice. Only TCP (or unsaid) ports are kept.
type SlicePort struct {
	Name string
	Port int32
}

// Endpoint is one backend. Addresses are IP addresses of one family.
type Endpoint struct {
	Addresses []string
	// Ready, Serving and Terminating as Kubernetes means them, with its
	// defaults for conditions that are absent applied.
	Ready, Serving, Terminating bool
	NodeName                    string `json:",omitempty"`
	Zone                        string `json:",omitempty"`
	// Pod is the name of the pod behind it, if it is one.
	Pod string `json:",omitempty"`
	// Labels are the pod's, where pods are known; nil otherwise.
	Labels Labels `json:",omitempty"`
}

// File is one file of an io.l5d.fs namer.
type File struct {
	Endpoints []FileEndpoint
}

// FileEndpoint is a line `host port [* weight]` of such a file. Host is a name or an IP address.
type FileEndpoint struct {
	Host   string
	Port   int32
	Weight float64
}
