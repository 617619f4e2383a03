// Package discovery finds the facts that translation works on, and watches
// them: Services, EndpointSlices, Pods and Namespaces of Kubernetes, and the
// Routers, Dtabs and DogfoodPolicies of ours. It gives them as one immutable
// translate.Inventory after another.
//
// Cluster watches a Kubernetes cluster, ReadCluster reads one once. ReadDir and ReadStream read manifests once; Files watches a directory of
// them. Both read strictly: what they do not understand is a finding at its
// file, line and column. Findings never keep what is sound from being served.
//
// The way of a fact: tree.go reads bytes, manifest.go cuts them into objects,
// decode.go and kinds.go check each and reduce it to a fact, store.go keeps
// the facts of all sources and services.go joins them to what names lead to.
// From a cluster: follower.go lists and watches what is in one scope, reduce.go
// makes facts of the objects as soon as they are received, inbox.go holds them
// until cluster.go puts them into the store. rights.go says what must be allowed.
package discovery
