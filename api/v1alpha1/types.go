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

// BindAny is 0.0.0.0 (the default), BindLoopback 127.0.0.1, BindPod the
// address that the proxy gives as POD_IP in its node metadata.
const (
	BindAny      Bind = "any"
	BindLoopback Bind = "loopback"
	BindPod      Bind = "pod"
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

// AccessLog says which requests the proxies of a router write a line about.
//
// +kubebuilder:validation:Enum="";notable;environments;all;none
type AccessLog string

// AccessLogNotable, the default, is for what somebody may have to look into:
// answers of 500 and more, whatever Envoy has a response flag for, what the
// baseline has answered for an environment, and what carries rules of its own.
// AccessLogEnvironments adds all requests in an environment.
const (
	AccessLogNotable      AccessLog = "notable"
	AccessLogEnvironments AccessLog = "environments"
	AccessLogAll          AccessLog = "all"
	AccessLogNone         AccessLog = "none"
)

// RouterSpec is what a Router's user writes.
//
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
	// policies; default [l5d-ctx]. An internal router reads both, whatever
	// stands here; where they disagree, l5d-ctx-dogfood wins.
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
	XFFNumTrustedHops uint32 `json:"xffNumTrustedHops,omitempty"`
	// AccessLog says which requests are a line on Envoy's standard output. Notable
	// (the default) are answers of 500 and more, requests that Envoy or a client
	// broke off, those that the baseline has answered for an environment, and those
	// with rules of their own; environments adds all that are in one.
	// +kubebuilder:default=notable
	AccessLog AccessLog `json:"accessLog,omitempty"`
}

// Response is one answer of a router's own: a status with a body or without, or
// a redirect.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && has(self.pathPrefix))",message="write path or pathPrefix, not both"
// +kubebuilder:validation:XValidation:rule="!has(self.unrouted) || !self.unrouted || !(has(self.host) || has(self.path) || has(self.pathPrefix))",message="unrouted is for all hosts and paths"
// +kubebuilder:validation:XValidation:rule="!has(self.redirect) || !(has(self.status) || has(self.body) || has(self.contentType))",message="a redirect has no use for status, body and contentType"
// +kubebuilder:validation:XValidation:rule="!has(self.redirect) || !has(self.redirect.pathPrefix) || has(self.pathPrefix)",message="there is no prefix to put pathPrefix of the redirect in place of"
type Response struct {
	// Host that it is for: exact, or "*.suffix" for every name below; default:
	// every host. Ports and the case of letters do not count.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^(\*\.)?[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$`
	Host string `json:"host,omitempty"`
	// Path that it is for, exactly; a query does not count.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path,omitempty"`
	// PathPrefix is for a path and those below it, in whole segments; default: all.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	PathPrefix string `json:"pathPrefix,omitempty"`
	// Unrouted makes it the answer to requests that no rule of the table leads
	// anywhere, in place of 502. It has neither host nor path.
	Unrouted bool `json:"unrouted,omitempty"`
	// Status, 200 to 599; default 200.
	// +kubebuilder:validation:Minimum=200
	// +kubebuilder:validation:Maximum=599
	Status int32 `json:"status,omitempty"`
	// Body as it is sent, at most 32 KiB.
	// +kubebuilder:validation:MaxLength=32768
	Body string `json:"body,omitempty"`
	// ContentType of the body; default text/plain.
	// +kubebuilder:validation:MaxLength=256
	ContentType string `json:"contentType,omitempty"`
	// Headers of the answer.
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]string `json:"headers,omitempty"`
	// Redirect sends the client elsewhere.
	Redirect *Redirect `json:"redirect,omitempty"`
}

// Redirect says where to. What is not set stays as it is in the request.
//
// +kubebuilder:validation:XValidation:rule="has(self.scheme) || has(self.host) || has(self.path) || has(self.pathPrefix) || has(self.stripQuery) && self.stripQuery",message="the redirect leads to the same place"
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && has(self.pathPrefix))",message="write path or pathPrefix, not both"
type Redirect struct {
	// Scheme: http or https.
	// +kubebuilder:validation:Enum=http;https
	Scheme string `json:"scheme,omitempty"`
	// Host, perhaps with a port.
	// +kubebuilder:validation:MaxLength=260
	Host string `json:"host,omitempty"`
	// Path in place of the request's.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	Path string `json:"path,omitempty"`
	// PathPrefix in place of the response's own pathPrefix.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/`
	PathPrefix string `json:"pathPrefix,omitempty"`
	// StripQuery leaves the query out.
	StripQuery bool `json:"stripQuery,omitempty"`
	// Status: 301, 302 (the default), 303, 307 or 308.
	// +kubebuilder:validation:Enum=301;302;303;307;308
	Status int32 `json:"status,omitempty"`
}

// LocalRef names an object of the same namespace.
type LocalRef struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name"`
}

// Identifier turns a request into the path that is delegated (linkerd 1.x, routers).
//
// +kubebuilder:validation:XValidation:rule="!(has(self.header) && size(self.header) > 0) || self.kind in ['io.l5d.header.token', 'io.l5d.header']",message="header is an option of io.l5d.header.token and io.l5d.header only"
// +kubebuilder:validation:XValidation:rule="!(has(self.httpUriInDst) && self.httpUriInDst) || self.kind in ['io.l5d.methodAndHost']",message="httpUriInDst is an option of io.l5d.methodAndHost only"
// +kubebuilder:validation:XValidation:rule="!(has(self.segments) && self.segments != 0) || self.kind in ['io.l5d.path', 'io.l5d.header.path']",message="segments is an option of io.l5d.path and io.l5d.header.path only"
// +kubebuilder:validation:XValidation:rule="!(has(self.consume) && self.consume) || self.kind in ['io.l5d.path']",message="consume is an option of io.l5d.path only"
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && size(self.path) > 0) || self.kind in ['io.l5d.static']",message="path is an option of io.l5d.static only"
// +kubebuilder:validation:XValidation:rule="!(has(self.ingressClass) && size(self.ingressClass) > 0) || self.kind in ['io.l5d.ingress']",message="ingressClass is an option of io.l5d.ingress only"
// +kubebuilder:validation:XValidation:rule="!(has(self.__namespace__) && size(self.__namespace__) > 0) || self.kind in ['io.l5d.ingress']",message="namespace is an option of io.l5d.ingress only"
// +kubebuilder:validation:XValidation:rule="!(has(self.ignoreDefaultBackends) && self.ignoreDefaultBackends) || self.kind in ['io.l5d.ingress']",message="ignoreDefaultBackends is an option of io.l5d.ingress only"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.static']) || has(self.path) && size(self.path.trim()) > 0",message="io.l5d.static needs path"
type Identifier struct {
	// Kind: io.l5d.header.token (default), io.l5d.methodAndHost, io.l5d.path,
	// io.l5d.header, io.l5d.static, io.l5d.header.path, io.l5d.ingress.
	// +kubebuilder:validation:Enum="io.l5d.header.token";"io.l5d.methodAndHost";"io.l5d.path";"io.l5d.header";"io.l5d.static";"io.l5d.header.path";"io.l5d.ingress"
	Kind string `json:"kind"`
	// Header of io.l5d.header.token (default Host) and io.l5d.header (default l5d-name).
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern="^(:?[-A-Za-z0-9!#$%&'*+.^_|~\x60]+)?$"
	// +kubebuilder:validation:XValidation:rule="self.lowerAscii() != 'baggage'",message="baggage is a list of many members, which cannot name a destination"
	Header string `json:"header,omitempty"`
	// HTTPURIInDst appends the request's path (io.l5d.methodAndHost).
	HTTPURIInDst bool `json:"httpUriInDst,omitempty"`
	// Segments of the URL path (io.l5d.path, io.l5d.header.path); default 1.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Segments int32 `json:"segments,omitempty"`
	// Consume takes those segments off the forwarded URL (io.l5d.path).
	Consume bool `json:"consume,omitempty"`
	// Path of io.l5d.static.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	Path string `json:"path,omitempty"`
	// IngressClass of the Ingresses that io.l5d.ingress reads; default kibble.
	// A request gets the name /<namespace>/<port>/<service> of the backend.
	// +kubebuilder:validation:MaxLength=253
	IngressClass string `json:"ingressClass,omitempty"`
	// Namespace of these Ingresses; default: all.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`
	Namespace string `json:"namespace,omitempty"`
	// IgnoreDefaultBackends leaves their default backends out.
	IgnoreDefaultBackends bool `json:"ignoreDefaultBackends,omitempty"`
}

// Namer configures what answers below /#/<prefix>.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.labelSelector) && size(self.labelSelector) > 0) || self.kind in ['io.l5d.k8s', 'io.l5d.k8s.ns', 'io.l5d.k8s.external']",message="labelSelector is an option of io.l5d.k8s, io.l5d.k8s.ns, io.l5d.k8s.external only"
// +kubebuilder:validation:XValidation:rule="!(has(self.__namespace__) && size(self.__namespace__) > 0) || self.kind in ['io.l5d.k8s.ns']",message="namespace is an option of io.l5d.k8s.ns only"
// +kubebuilder:validation:XValidation:rule="!(has(self.pattern) && size(self.pattern) > 0) || self.kind in ['io.l5d.rewrite']",message="pattern is an option of io.l5d.rewrite only"
// +kubebuilder:validation:XValidation:rule="!(has(self.name) && size(self.name) > 0) || self.kind in ['io.l5d.rewrite']",message="name is an option of io.l5d.rewrite only"
// +kubebuilder:validation:XValidation:rule="!(has(self.rootDir) && size(self.rootDir) > 0) || self.kind in ['io.l5d.fs']",message="rootDir is an option of io.l5d.fs only"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.rewrite']) || has(self.prefix) && size(self.prefix.trim()) > 0",message="io.l5d.rewrite needs prefix"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.rewrite']) || has(self.pattern) && size(self.pattern.trim()) > 0",message="io.l5d.rewrite needs pattern"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.rewrite']) || has(self.name) && size(self.name.trim()) > 0",message="io.l5d.rewrite needs name"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.fs']) || has(self.rootDir) && size(self.rootDir.trim()) > 0",message="io.l5d.fs needs rootDir"
type Namer struct {
	// Kind: io.l5d.k8s, io.l5d.k8s.ns, io.l5d.k8s.external, io.l5d.rewrite, io.l5d.fs.
	// +kubebuilder:validation:Enum="io.l5d.k8s";"io.l5d.k8s.ns";"io.l5d.k8s.external";"io.l5d.rewrite";"io.l5d.fs"
	Kind string `json:"kind"`
	// Prefix below /#; default /<kind>.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	Prefix string `json:"prefix,omitempty"`
	// LabelSelector is a label's name: names get one more segment, its value.
	// +kubebuilder:validation:MaxLength=317
	LabelSelector string `json:"labelSelector,omitempty"`
	// Namespace of io.l5d.k8s.ns; default the router's own.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`
	Namespace string `json:"namespace,omitempty"`
	// Pattern of io.l5d.rewrite: what it matches, such as /{port}/{ns}/{svc}.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	Pattern string `json:"pattern,omitempty"`
	// Name of io.l5d.rewrite: what it makes of it, such as /k8s/{ns}/{port}/{svc}.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	Name string `json:"name,omitempty"`
	// RootDir of io.l5d.fs: a directory of files of `host port` lines.
	// +kubebuilder:validation:MaxLength=1024
	RootDir string `json:"rootDir,omitempty"`
	// Transformers for this namer's own answers only.
	// +kubebuilder:validation:MaxItems=16
	Transformers []Transformer `json:"transformers,omitempty"`
}

// Transformer maps the endpoints of bound names.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.port) && size(self.port) > 0) || self.kind in ['io.l5d.port', 'io.l5d.k8s.daemonset']",message="port is an option of io.l5d.port and io.l5d.k8s.daemonset only"
// +kubebuilder:validation:XValidation:rule="!(has(self.__namespace__) && size(self.__namespace__) > 0) || self.kind in ['io.l5d.k8s.daemonset']",message="namespace is an option of io.l5d.k8s.daemonset only"
// +kubebuilder:validation:XValidation:rule="!(has(self.service) && size(self.service) > 0) || self.kind in ['io.l5d.k8s.daemonset']",message="service is an option of io.l5d.k8s.daemonset only"
// +kubebuilder:validation:XValidation:rule="!(has(self.hostNetwork) && self.hostNetwork) || self.kind in ['io.l5d.k8s.daemonset', 'io.l5d.k8s.localnode']",message="hostNetwork is an option of io.l5d.k8s.daemonset and io.l5d.k8s.localnode only"
// +kubebuilder:validation:XValidation:rule="!(has(self.host) && size(self.host) > 0) || self.kind in ['io.l5d.specificHost']",message="host is an option of io.l5d.specificHost only"
// +kubebuilder:validation:XValidation:rule="!(has(self.path) && size(self.path) > 0) || self.kind in ['io.l5d.replace', 'io.l5d.const']",message="path is an option of io.l5d.replace and io.l5d.const only"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.port', 'io.l5d.k8s.daemonset']) || has(self.port) && size(self.port.trim()) > 0",message="io.l5d.port and io.l5d.k8s.daemonset need port"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.k8s.daemonset']) || has(self.__namespace__) && size(self.__namespace__.trim()) > 0",message="io.l5d.k8s.daemonset needs namespace"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.k8s.daemonset']) || has(self.service) && size(self.service.trim()) > 0",message="io.l5d.k8s.daemonset needs service"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.specificHost']) || has(self.host) && size(self.host.trim()) > 0",message="io.l5d.specificHost needs host"
// +kubebuilder:validation:XValidation:rule="!(self.kind in ['io.l5d.replace', 'io.l5d.const']) || has(self.path) && size(self.path.trim()) > 0",message="io.l5d.replace and io.l5d.const need path"
// +kubebuilder:validation:XValidation:rule="self.kind != 'io.l5d.port' || !has(self.port) || self.port.matches('^0*[1-9][0-9]{0,4}$') && int(self.port) <= 65535",message="port of io.l5d.port is a number from 1 to 65535, in quotes"
// +kubebuilder:validation:XValidation:rule="!has(self.host) || size(self.host) == 0 || isIP(self.host)",message="host is an IP address"
type Transformer struct {
	// Kind: io.l5d.port, io.l5d.localhost, io.l5d.specificHost,
	// io.l5d.k8s.daemonset, io.l5d.k8s.localnode.
	// +kubebuilder:validation:Enum="io.l5d.port";"io.l5d.localhost";"io.l5d.specificHost";"io.l5d.k8s.daemonset";"io.l5d.k8s.localnode";"io.l5d.replace";"io.l5d.const"
	Kind string `json:"kind"`
	// Port: a number for io.l5d.port, the name of a Service port for io.l5d.k8s.daemonset.
	// +kubebuilder:validation:MaxLength=63
	Port string `json:"port,omitempty"`
	// Namespace of the Service of io.l5d.k8s.daemonset.
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$`
	Namespace string `json:"namespace,omitempty"`
	// Service of io.l5d.k8s.daemonset: it selects the DaemonSet's pods.
	// +kubebuilder:validation:MaxLength=253
	Service string `json:"service,omitempty"`
	// HostNetwork compares node names instead of IPv4 /24 networks.
	HostNetwork bool `json:"hostNetwork,omitempty"`
	// Host of io.l5d.specificHost.
	// +kubebuilder:validation:MaxLength=64
	Host string `json:"host,omitempty"`
	// Path of io.l5d.replace and io.l5d.const.
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="size(self) == 0 || self.trim().startsWith('/')",message="a path begins with /"
	Path string `json:"path,omitempty"`
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
