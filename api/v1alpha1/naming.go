package v1alpha1

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
