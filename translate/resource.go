package translate

import (
	"bytes"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/dtab"
)

// Type URLs of what Kibble serves, in the order in which a proxy may be given
// them: what a later one names is of an earlier one.
const (
	ClusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	ListenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	RouteType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	// VirtualHostType: of these a route configuration is made, see Table.
	VirtualHostType = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
	ExtensionType   = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	// SecretType holds private keys: its bodies are for proxies only.
	SecretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"
)

// ShortType is the last word of a type URL: Cluster.
func ShortType(url string) string { return url[strings.LastIndexByte(url, '.')+1:] }

// Resource is one xDS resource, encoded once for all proxies. It is immutable.
type Resource struct {
	// Name as xDS knows it: for a load assignment its cluster's name.
	Name string
	// Version is a hash of the content: equal content, equal version.
	Version string
	// Body is the encoded message.
	Body *anypb.Any
	// Clusters are the names of all clusters that the resource refers to,
	// sorted: a proxy must have them before it is given the resource.
	Clusters []string
	// Leads, unless nil, say that it is of a router on demand: a proxy is given it
	// also without those of Clusters that it does not use, and asks for them when
	// it needs them. They say which of its routes leads to which of them.
	Leads []Lead
	// Asks says, of the virtual host for hosts that have none of their own, that
	// the control plane is asked about them: see ClassSnapshot.Ask. OnAsk says, of
	// a virtual host, that where the former is so a proxy can do without it until
	// it uses one of the clusters that it leads to.
	// Asks of a listener says that requests wait there for clusters on demand.
	Asks, OnAsk bool
	// Binds are the addresses that a listener listens at: a proxy refuses one that
	// another of its listeners has.
	Binds []string
	// Without is, of an extension, the config that a listener goes by until it has
	// one: what a proxy is given in place of one that is refused.
	Without *anypb.Any
	// Source says where it came from: object, file:line, policy.
	Source string

	// head is what a route configuration whose virtual hosts travel one by one
	// begins with when they are in it.
	head []byte
	// wire is what Delta gives under the version that is encoded in it. Body is the
	// last part of it.
	wire    []byte
	encoded string
}

// equal tells that two resources of one type are the same.
func (r *Resource) equal(o *Resource) bool {
	return r.Name == o.Name && r.Version == o.Version && r.Source == o.Source && slices.Equal(r.Clusters, o.Clusters) &&
		bytes.Equal(r.Body.Value, o.Body.Value) && bytes.Equal(r.head, o.head) && reflect.DeepEqual(r.Leads, o.Leads) &&
		r.Asks == o.Asks && r.OnAsk == o.OnAsk && proto.Equal(r.Without, o.Without)
}

// NewResource encodes a message. The message must not be changed afterwards.
func NewResource(name string, m proto.Message, clusters []string, source string) (*Resource, error) {
	return newResource("", name, m, clusters, source)
}

// newResource is NewResource with a mark in front of the version.
func newResource(mark, name string, m proto.Message, clusters []string, source string) (*Resource, error) {
	url := typeURL(m)
	wire, body, version, err := encode(mark, name, url, m)
	if err != nil {
		return nil, err
	}
	return &Resource{
		Name: name, Version: version, Body: &anypb.Any{TypeUrl: url, Value: body},
		Clusters: clusters, Source: source, Binds: bindsOf(m), wire: wire, encoded: version,
	}, nil
}

// Snapshot is all that proxies are to be told, by proxy class (node.cluster).
type Snapshot struct {
	Classes map[string]*ClassSnapshot

	of *token // the model that it was made of
	// inventory of that model, and selectors of its namers.
	inventory *Inventory
	selectors []string
}

// ClassSnapshot is what the proxies of one class are to be told.
type ClassSnapshot struct {
	// Resources by type URL, then name. Every EDS cluster has its load
	// assignment, even if empty.
	Resources map[string]map[string]*Resource
	// Local holds the load assignments whose content depends on the asking proxy,
	// and the listeners of those that speak state of the world: by name, then by scope. A proxy is given the first of its
	// scopes that is there, else the one of Resources, if there is one.
	Local map[string]map[Scope]*Resource
	// AtPods are the listeners that bind the address of the proxy's pod, by name: each
	// proxy is given its own.
	AtPods map[string]*PodListener
	// Declared are clusters that every proxy is to have, though what names them is
	// on demand; sorted.
	Declared []string

	failed []failure
	found  []dtab.Finding
	// made says what the rest was made of.
	made made
}

// Scope is a place that a proxy is at: "pod/<POD_IP>", "node/<NODE_NAME>" or
// "net/<the /24 network of POD_IP>", from the node metadata of those names.
type Scope string
