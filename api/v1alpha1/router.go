package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Router is one logical router: one listener on every proxy of a class.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=kr,categories=kibble
// +kubebuilder:printcolumn:name=Class,type=string,JSONPath=`.spec.proxyClass`
// +kubebuilder:printcolumn:name=Port,type=integer,JSONPath=`.spec.port`
// +kubebuilder:printcolumn:name=Trust,type=string,JSONPath=`.spec.trust`
// +kubebuilder:printcolumn:name=Accepted,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`
// +kubebuilder:printcolumn:name=Programmed,type=string,JSONPath=`.status.conditions[?(@.type=="Programmed")].status`
// +kubebuilder:printcolumn:name=Reason,type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].reason`,priority=1
// +kubebuilder:printcolumn:name=Age,type=date,JSONPath=`.metadata.creationTimestamp`
type Router struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   RouterSpec `json:"spec"`
	Status Status     `json:"status,omitempty"`
}

// Trust says who may talk to a router's listener.
//
// +kubebuilder:validation:Enum="";untrusted;internal
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
//
// +kubebuilder:validation:Enum="";any;loopback;pod
type Bind string

// BindAny is 0.0.0.0 (the default), BindLoopback 127.0.0.1, or what these are in
// the families of RouterSpec.IPFamilies; BindPod is the address that the proxy
// gives as POD_IP in its node metadata.
const (
	BindAny      Bind = "any"
	BindLoopback Bind = "loopback"
	BindPod      Bind = "pod"
)

// IPFamily is a family of addresses, as Services name it.
//
// +kubebuilder:validation:Enum=IPv4;IPv6
type IPFamily string

// The families of addresses.
const (
	IPv4 IPFamily = "IPv4"
	IPv6 IPFamily = "IPv6"
)

// Carrier is a form in which the decision of the policies travels.
//
// +kubebuilder:validation:Enum=l5d-ctx;baggage
type Carrier string

// CarrierL5dCtx is the header l5d-ctx-dogfood, with the ids joined by commas.
// CarrierBaggage is the member dogfood of the W3C header baggage, with the ids
// joined by "_": applications with OpenTelemetry pass that on by themselves.
const (
	CarrierL5dCtx  Carrier = "l5d-ctx"
	CarrierBaggage Carrier = "baggage"
)

// RouterSpec is what a Router's user writes.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.ipFamilies) && size(self.ipFamilies) > 0 && has(self.bind) && self.bind == 'pod')",message="with bind: pod the pod's address says which family it is of"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || self.tls.port != self.port",message="tls.port is the port of plain HTTP; give HTTPS a port of its own"
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || has(self.trust) && self.trust == 'untrusted' || (!has(self.trust) || size(self.trust) == 0) && self.proxyClass == 'edge'",message="only an untrusted router listens for HTTPS"
type RouterSpec struct {
	// ProxyClass selects the proxies: it equals the Envoy's node.cluster.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ProxyClass string `json:"proxyClass"`
	// Port that the listener binds, 1 to 65535.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// TLS has the router listen for HTTPS too, on another port. Whatever holds for
	// the one port holds for the other.
	TLS *RouterTLS `json:"tls,omitempty"`
	// Bind address; default any.
	// +kubebuilder:default=any
	Bind Bind `json:"bind,omitempty"`
	// IPFamilies are the families of addresses that the listener takes connections
	// by; default [IPv4]. IPv6 is the address :: or ::1, beside that of IPv4 where
	// both stand here. With bind: pod the pod's address says it.
	// +kubebuilder:validation:MaxItems=2
	// +listType=set
	IPFamilies []IPFamily `json:"ipFamilies,omitempty"`
	// Trust; default untrusted on class edge, internal elsewhere.
	Trust Trust `json:"trust,omitempty"`
	// Identifier turns a request into a name; default io.l5d.header.token on Host.
	Identifier *Identifier `json:"identifier,omitempty"`
	// DstPrefix is put in front of what the identifier found; default /svc.
	// +kubebuilder:default="/svc"
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	DstPrefix string `json:"dstPrefix,omitempty"`
	// Dtab is the router's own table.
	// +kubebuilder:validation:MaxLength=131072
	Dtab string `json:"dtab,omitempty"`
	// DtabRef names a Dtab of the same namespace whose entries come first, so
	// that the router's own beat them.
	DtabRef *LocalRef `json:"dtabRef,omitempty"`
	// Namers beside the built-in ones. Absent: io.l5d.k8s, io.l5d.k8s.ns and
	// io.l5d.k8s.external at their default prefixes. Later ones are asked first.
	// +kubebuilder:validation:MaxItems=32
	Namers []Namer `json:"namers,omitempty"`
	// Transformers map the endpoints of every bound name, in this order.
	// +kubebuilder:validation:MaxItems=16
	Transformers []Transformer `json:"transformers,omitempty"`
	// Failover lets the data plane go on to the next alternative of a | that
	// binds, when the chosen one has no healthy endpoint.
	Failover bool `json:"failover,omitempty"`
	// AdHocOverrides lets callers send rules of their own in l5d-dtab: all of an
	// internal router, and of an untrusted one those whom a policy with
	// grant: adHoc lets.
	AdHocOverrides *AdHocOverrides `json:"adHocOverrides,omitempty"`
	// Carriers are the forms in which requests leave with the decision of the
	// policies; default [l5d-ctx]. Internal routers read both, whatever stands
	// here, as soon as any Router writes baggage; where the two disagree,
	// l5d-ctx-dogfood wins.
	// +kubebuilder:default={"l5d-ctx"}
	// +kubebuilder:validation:MaxItems=2
	// +listType=set
	Carriers []Carrier `json:"carriers,omitempty"`
	// Responses are answered by the router itself, without a name: fixed texts and
	// redirects. Of several that fit, the most specific wins: an exact host
	// before a wildcard before every host, then an exact path before a prefix,
	// then a longer before a shorter prefix, then the first in the list.
	// +kubebuilder:validation:MaxItems=128
	Responses []Response `json:"responses,omitempty"`
	// OnDemand has a proxy told of a destination when its pod first calls it, in
	// place of all destinations in advance. Absent: all in advance.
	OnDemand *OnDemand `json:"onDemand,omitempty"`
	// XFFNumTrustedHops is how many proxies in front of this router are trusted
	// to have written X-Forwarded-For; default 0: the peer is the client.
	// +kubebuilder:validation:Minimum=0
	XFFNumTrustedHops int32 `json:"xffNumTrustedHops,omitempty"`
	// AccessLog says which requests are a line on Envoy's standard output. Notable
	// (the default) are answers of 500 and more, requests that Envoy or a client
	// broke off, those that the baseline has answered for an environment, and those
	// with rules of their own; environments adds all that are in one.
	// +kubebuilder:default=notable
	AccessLog AccessLog `json:"accessLog,omitempty"`
	// Metrics says what the proxies count beside what they always do.
	// Environments (the default) are requests in an environment, and failures by
	// destination; all adds every other request by router, and for each
	// destination the classes of its answers and how long they took, for some 10 %
	// of the CPU time of a request.
	// +kubebuilder:default=environments
	Metrics Metrics `json:"metrics,omitempty"`
	// Tracing has the proxies tell a collector of requests; absent: of none. As soon
	// as any Router has it, untrusted ones remove what requests from outside say of
	// traces.
	Tracing *Tracing `json:"tracing,omitempty"`
}

// LocalRef names an object of the same namespace.
type LocalRef struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// AdHocOverrides bounds what a caller's own l5d-dtab may say.
type AdHocOverrides struct {
	// Allow lists the prefixes that may be rewritten, such as /host; none: no
	// rule is allowed.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.all(p, p.trim().startsWith('/'))",message="a path begins with /"
	Allow []string `json:"allow,omitempty"`
	// To lists the prefixes that a rewrite may lead to; default: those of Allow.
	// A namer of /$, such as /$/inet, is reached only when a prefix here names
	// it; / does not. Nor may the table lead out, by way of such a namer, to a
	// host or port that the rule has put into the name. What the table says in
	// full is the table's own business.
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.all(p, p.trim().startsWith('/'))",message="a path begins with /"
	To []string `json:"to,omitempty"`
}

// OnDemand says what the proxies of a router are told of in advance all the
// same. Beside that they are told of what their workload was seen to call, and
// of what pods say that they call (kibble.dev/calls).
type OnDemand struct {
	// Declared lists destinations that every proxy of the router is told of in
	// advance: a host as requests have it, "*.suffix" for every such host of the
	// table, or a bound name, such as /#/io.l5d.k8s/default/http/world. Ports and
	// the case of letters in hosts do not count.
	// +kubebuilder:validation:MaxItems=256
	// +kubebuilder:validation:items:MaxLength=1024
	// +kubebuilder:validation:items:Pattern=`^(/.+|(\*\.)?[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*)$`
	Declared []string `json:"declared,omitempty"`
}
