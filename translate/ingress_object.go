package translate

// HTTPIngress is what counts of an Ingress of networking.k8s.io/v1.
type HTTPIngress struct {
	Key
	// Class is spec.ingressClassName, or else the annotation that came before
	// it; "" where neither is set.
	Class string
	// Created in Unix seconds; 0 where nobody has said so, as in files.
	Created int64
	// Default answers for requests that no rule of any Ingress matches; nil: none.
	Default *IngressBackend
	Paths   []IngressPath
	TLS     []IngressTLS
}

// IngressPath is one path of one rule.
type IngressPath struct {
	// Host in lower case: exact, "*.suffix" for one label more, or "" for every host.
	Host string
	Type IngressPathType
	// Path begins with a slash; a regular expression (RE2) that the whole path
	// must match for IngressRegex.
	Path    string
	Backend IngressBackend
	// Field is the path's place in the object, such as spec.rules[0].http.paths[1].
	Field string
}

// IngressPathType says how a path is compared.
type IngressPathType int

// IngressPrefix compares whole segments, as Kubernetes says. IngressRegex is
// what ImplementationSpecific means here for a path that holds more than a plain
// text could, as linkerd 1.x read all paths.
const (
	IngressExact IngressPathType = iota
	IngressPrefix
	IngressRegex
)

// IngressBackend is a port, by name or number, of a Service of the Ingress's namespace.
type IngressBackend struct{ Service, Port string }

// IngressTLS names the Secret with the certificate for some hosts.
type IngressTLS struct {
	Hosts  []string
	Secret string
}
