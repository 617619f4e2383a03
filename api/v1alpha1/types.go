// Package v1alpha1 holds the objects that users write: Router, Dtab and
// DogfoodPolicy of the API group kibble.dev/v1alpha1. The same types are read
// from files and from a cluster.
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

// Router is one logical router: one listener on every proxy of a class.
type Router struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   RouterSpec `json:"spec"`
	Status Status     `json:"status,omitempty"`
}

// Trust says who may talk to a router's listener.
type Trust string

// Untrusted listeners strip every header that carries context before routing;
// internal ones honour it. The empty value means untrusted on proxy class
// "edge" and internal elsewhere.
const (
	TrustUntrusted Trust = "untrusted"
	TrustInternal  Trust = "internal"
)

// ClassEdge is the proxy class whose routers are untrusted by default.
const ClassEdge = "edge"

// Bind says on which address a router listens.
type Bind string

// BindAny is 0.0.0.0 (the default), BindLoopback 127.0.0.1, BindPod the
// address that the proxy gives as POD_IP in its node metadata.
const (
	BindAny      Bind = "any"
	BindLoopback Bind = "loopback"
	BindPod      Bind = "pod"
)

// Carrier is a form in which the decision of the policies travels.
type Carrier string

// CarrierL5dCtx is the header l5d-ctx-dogfood, with the ids joined by commas.
// CarrierBaggage is the member dogfood of the W3C header baggage, with the ids
// joined by "_": applications with OpenTelemetry pass that on by themselves.
const (
	CarrierL5dCtx  Carrier = "l5d-ctx"
	CarrierBaggage Carrier = "baggage"
)

// RouterSpec is what a Router's user writes.
type RouterSpec struct {
	// ProxyClass selects the proxies: it equals the Envoy's node.cluster.
	ProxyClass string `json:"proxyClass"`
	// Port that the listener binds, 1 to 65535.
	Port int32 `json:"port"`
	// Bind address; default any.
	Bind Bind `json:"bind,omitempty"`
	// Trust; default untrusted on class edge, internal elsewhere.
	Trust Trust `json:"trust,omitempty"`
	// Identifier turns a request into a name; default io.l5d.header.token on Host.
	Identifier *Identifier `json:"identifier,omitempty"`
	// DstPrefix is put in front of what the identifier found; default /svc.
	DstPrefix string `json:"dstPrefix,omitempty"`
	// Dtab is the router's own table.
	Dtab string `json:"dtab,omitempty"`
	// DtabRef names a Dtab of the same namespace whose entries come first, so
	// that the router's own beat them.
	DtabRef *LocalRef `json:"dtabRef,omitempty"`
	// Namers beside the built-in ones. Absent: io.l5d.k8s, io.l5d.k8s.ns and
	// io.l5d.k8s.external at their default prefixes. Later ones are asked first.
	Namers []Namer `json:"namers,omitempty"`
	// Transformers map the endpoints of every bound name, in this order.
	Transformers []Transformer `json:"transformers,omitempty"`
	// Failover lets the data plane go on to the next alternative of a | that
	// binds, when the chosen one has no healthy endpoint.
	Failover bool `json:"failover,omitempty"`
	// AdHocOverrides lets callers send rules of their own in l5d-dtab: all of an
	// internal router, and of an untrusted one those whom a policy with
	// grant: adHoc lets.
	AdHocOverrides *AdHocOverrides `json:"adHocOverrides,omitempty"`
	// Carriers are the forms in which requests leave with the decision of the
	// policies; default [l5d-ctx]. An internal router reads both, whatever
	// stands here; where they disagree, l5d-ctx-dogfood wins.
	Carriers []Carrier `json:"carriers,omitempty"`
	// XFFNumTrustedHops is how many proxies in front of this router are trusted
	// to have written X-Forwarded-For; default 0: the peer is the client.
	XFFNumTrustedHops uint32 `json:"xffNumTrustedHops,omitempty"`
}

// LocalRef names an object of the same namespace.
type LocalRef struct {
	Name string `json:"name"`
}

// Identifier turns a request into the path that is delegated (linkerd 1.x, routers).
type Identifier struct {
	// Kind: io.l5d.header.token (default), io.l5d.methodAndHost, io.l5d.path,
	// io.l5d.header, io.l5d.static, io.l5d.header.path, io.l5d.ingress.
	Kind string `json:"kind"`
	// Header of io.l5d.header.token (default Host) and io.l5d.header (default l5d-name).
	Header string `json:"header,omitempty"`
	// HTTPURIInDst appends the request's path (io.l5d.methodAndHost).
	HTTPURIInDst bool `json:"httpUriInDst,omitempty"`
	// Segments of the URL path (io.l5d.path, io.l5d.header.path); default 1.
	Segments int32 `json:"segments,omitempty"`
	// Consume takes those segments off the forwarded URL (io.l5d.path).
	Consume bool `json:"consume,omitempty"`
	// Path of io.l5d.static.
	Path string `json:"path,omitempty"`
	// IngressClass of the Ingresses that io.l5d.ingress reads; default kibble.
	// A request gets the name /<namespace>/<port>/<service> of the backend.
	IngressClass string `json:"ingressClass,omitempty"`
	// Namespace of these Ingresses; default: all.
	Namespace string `json:"namespace,omitempty"`
	// IgnoreDefaultBackends leaves their default backends out.
	IgnoreDefaultBackends bool `json:"ignoreDefaultBackends,omitempty"`
}

// Namer configures what answers below /#/<prefix>.
type Namer struct {
	// Kind: io.l5d.k8s, io.l5d.k8s.ns, io.l5d.k8s.external, io.l5d.rewrite, io.l5d.fs.
	Kind string `json:"kind"`
	// Prefix below /#; default /<kind>.
	Prefix string `json:"prefix,omitempty"`
	// LabelSelector is a label's name: names get one more segment, its value.
	LabelSelector string `json:"labelSelector,omitempty"`
	// Namespace of io.l5d.k8s.ns; default the router's own.
	Namespace string `json:"namespace,omitempty"`
	// Pattern and Name of io.l5d.rewrite.
	Pattern string `json:"pattern,omitempty"`
	Name    string `json:"name,omitempty"`
	// RootDir of io.l5d.fs: a directory of files of `host port` lines.
	RootDir string `json:"rootDir,omitempty"`
	// Transformers for this namer's own answers only.
	Transformers []Transformer `json:"transformers,omitempty"`
}

// Transformer maps the endpoints of bound names.
type Transformer struct {
	// Kind: io.l5d.port, io.l5d.localhost, io.l5d.specificHost,
	// io.l5d.k8s.daemonset, io.l5d.k8s.localnode.
	Kind string `json:"kind"`
	// Port: a number for io.l5d.port, the name of a Service port for io.l5d.k8s.daemonset.
	Port string `json:"port,omitempty"`
	// Namespace and Service of io.l5d.k8s.daemonset.
	Namespace string `json:"namespace,omitempty"`
	Service   string `json:"service,omitempty"`
	// HostNetwork compares node names instead of IPv4 /24 networks.
	HostNetwork bool `json:"hostNetwork,omitempty"`
	// Host of io.l5d.specificHost.
	Host string `json:"host,omitempty"`
	// Path of io.l5d.replace and io.l5d.const.
	Path string `json:"path,omitempty"`
}

// AdHocOverrides bounds what a caller's own l5d-dtab may say.
type AdHocOverrides struct {
	// Allow lists the prefixes that may be rewritten, such as /host; none: no
	// rule is allowed.
	Allow []string `json:"allow,omitempty"`
	// To lists the prefixes that a rewrite may lead to; default: those of Allow.
	// A namer of /$, such as /$/inet, is reached only when a prefix here names
	// it; / does not. Nor may the table lead out, by way of such a namer, to a
	// host or port that the rule has put into the name. What the table says in
	// full is the table's own business.
	To []string `json:"to,omitempty"`
}

// Dtab is a named table (namerd's namespace).
type Dtab struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DtabSpec `json:"spec"`
	Status Status   `json:"status,omitempty"`
}

// DtabSpec is a table as text, or as a list of entries; not both.
type DtabSpec struct {
	Dtab     string   `json:"dtab,omitempty"`
	Dentries []Dentry `json:"dentries,omitempty"`
}

// Dentry is one entry of a table, in namerd's spelling.
type Dentry struct {
	Prefix string `json:"prefix"`
	Dst    string `json:"dst"`
}

// Status is the observed state of an object of ours.
type Status struct {
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}
