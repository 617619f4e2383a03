package v1alpha1

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Validate gives the mistakes in a Router's fields; nil if there are none.
func (r *Router) Validate() []FieldError {
	c := &checker{}
	s := &r.Spec
	c.need("spec.proxyClass", s.ProxyClass, "the node.cluster of the Envoys that should have this router, such as edge")
	c.port("spec.port", s.Port)
	if s.TLS != nil {
		c.routerTLS("spec.tls", s)
	}
	c.oneOf("spec.bind", string(s.Bind), string(BindAny), string(BindLoopback), string(BindPod))
	c.families(s)
	c.oneOf("spec.trust", string(s.Trust), string(TrustUntrusted), string(TrustInternal))
	c.oneOf("spec.accessLog", string(s.AccessLog), string(AccessLogNotable), string(AccessLogEnvironments), string(AccessLogAll), string(AccessLogNone))
	c.oneOf("spec.metrics", string(s.Metrics), string(MetricsEnvironments), string(MetricsAll))
	if s.Tracing != nil {
		c.tracing("spec.tracing", s.Tracing)
	}
	if s.Identifier != nil {
		c.identifier("spec.identifier", s.Identifier)
	}
	c.path("spec.dstPrefix", s.DstPrefix)
	if s.DtabRef != nil {
		c.name("spec.dtabRef.name", s.DtabRef.Name)
	}
	for i := range s.Namers {
		c.namer(at("spec.namers", i), &s.Namers[i])
	}
	for i := range s.Transformers {
		c.transformer(at("spec.transformers", i), &s.Transformers[i])
	}
	for i := range s.Responses {
		c.response(at("spec.responses", i), &s.Responses[i])
	}
	if a := s.AdHocOverrides; a != nil {
		for i, p := range a.Allow {
			c.prefix(at("spec.adHocOverrides.allow", i), p)
		}
		for i, p := range a.To {
			c.prefix(at("spec.adHocOverrides.to", i), p)
		}
	}
	if s.OnDemand != nil {
		for i, d := range s.OnDemand.Declared {
			c.destination(at("spec.onDemand.declared", i), d)
		}
	}
	for i, carrier := range s.Carriers {
		path := at("spec.carriers", i)
		if carrier == "" || slices.Contains(s.Carriers[:i], carrier) {
			c.add(path, "each carrier stands once", "one of l5d-ctx, baggage, or both")
		}
		c.oneOf(path, string(carrier), string(CarrierL5dCtx), string(CarrierBaggage))
	}
	return c.errs
}

// families checks which families of addresses a router listens on.
func (c *checker) families(s *RouterSpec) {
	for i, family := range s.IPFamilies {
		path := at("spec.ipFamilies", i)
		if family == "" || slices.Contains(s.IPFamilies[:i], family) {
			c.add(path, "each family stands once", "one of IPv4, IPv6, or both")
		}
		c.oneOf(path, string(family), string(IPv4), string(IPv6))
	}
	if len(s.IPFamilies) > 0 && s.Bind == BindPod {
		c.add("spec.ipFamilies", "with bind: pod the pod's address says which family it is of", "take ipFamilies away, or set bind: any")
	}
}

func (c *checker) prefix(path, value string) {
	if c.need(path, value, "a prefix such as /host") {
		c.path(path, value)
	}
}

// destination checks a host, a wildcard of hosts, or a bound name.
func (c *checker) destination(path, value string) {
	if !regexp.MustCompile(destination).MatchString(value) {
		c.add(path, fmt.Sprintf("%q is neither a host nor a bound name", value),
			"a host such as world, *.shop for every host below, or a bound name such as /#/io.l5d.k8s/default/http/world")
	}
}

// destination is what the schema says of OnDemand.Declared.
const destination = `^(/.+|(\*\.)?[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([-A-Za-z0-9_]*[A-Za-z0-9_])?)*)$`

func (c *checker) identifier(path string, id *Identifier) {
	var takes []string
	switch id.Kind {
	case "io.l5d.header.token", "io.l5d.header":
		takes = []string{"header"}
	case "io.l5d.methodAndHost":
		takes = []string{"httpUriInDst"}
	case "io.l5d.path":
		takes = []string{"segments", "consume"}
	case "io.l5d.header.path":
		takes = []string{"segments"}
	case "io.l5d.ingress":
		takes = []string{"ingressClass", "namespace", "ignoreDefaultBackends"}
		if id.Namespace != "" {
			c.namespace(path+".namespace", id.Namespace)
		}
	case "io.l5d.static":
		takes = []string{"path"}
		c.need(path+".path", id.Path, "the name that every request gets, such as /web")
	default:
		c.kind(path, id.Kind, "io.l5d.header.token", "io.l5d.methodAndHost", "io.l5d.path",
			"io.l5d.header", "io.l5d.static", "io.l5d.header.path", "io.l5d.ingress")
		return
	}
	c.header(path+".header", id.Header)
	if strings.EqualFold(id.Header, "baggage") {
		c.add(path+".header", "baggage is a list of many members, which cannot name a destination", "another header")
	}
	if id.Segments < 0 {
		c.add(path+".segments", fmt.Sprintf("%d segments cannot be taken", id.Segments), "a number from 1")
	}
	c.path(path+".path", id.Path)
	c.options(path, id.Kind, takes,
		option{"header", id.Header != ""}, option{"httpUriInDst", id.HTTPURIInDst}, option{"segments", id.Segments != 0},
		option{"consume", id.Consume}, option{"path", id.Path != ""}, option{"ingressClass", id.IngressClass != ""},
		option{"namespace", id.Namespace != ""}, option{"ignoreDefaultBackends", id.IgnoreDefaultBackends})
}

// kind says that a kind is missing or unknown.
func (c *checker) kind(path, kind string, known ...string) {
	if c.need(path+".kind", kind, "one of "+strings.Join(known, ", ")) {
		c.oneOf(path+".kind", kind, known...)
	}
}

func (c *checker) namer(path string, n *Namer) {
	takes := []string{"prefix", "transformers"}
	switch n.Kind {
	case "io.l5d.k8s", "io.l5d.k8s.external":
		takes = append(takes, "labelSelector")
	case "io.l5d.k8s.ns":
		takes = append(takes, "labelSelector", "namespace")
	case "io.l5d.rewrite":
		takes = append(takes, "pattern", "name")
		c.need(path+".prefix", n.Prefix, "a rewrite has no prefix of its own; give one, such as /portNsSvc")
		c.need(path+".pattern", n.Pattern, "what to match, such as /{port}/{ns}/{svc}")
		c.need(path+".name", n.Name, "what to make of it, such as /k8s/{ns}/{port}/{svc}")
	case "io.l5d.fs":
		takes = append(takes, "rootDir")
		c.need(path+".rootDir", n.RootDir, "a directory of files with lines of host and port, such as disco")
	default:
		c.kind(path, n.Kind, "io.l5d.k8s", "io.l5d.k8s.ns", "io.l5d.k8s.external", "io.l5d.rewrite", "io.l5d.fs")
		return
	}
	c.path(path+".prefix", n.Prefix)
	if n.LabelSelector != "" && len(validation.IsQualifiedName(n.LabelSelector)) > 0 {
		c.add(path+".labelSelector", fmt.Sprintf("%q cannot be the name of a label", n.LabelSelector),
			"a label's name alone, such as version; its value is the last segment of names")
	}
	if n.Namespace != "" {
		c.namespace(path+".namespace", n.Namespace)
	}
	c.path(path+".pattern", n.Pattern)
	c.path(path+".name", n.Name)
	c.options(path, n.Kind, takes,
		option{"labelSelector", n.LabelSelector != ""}, option{"namespace", n.Namespace != ""},
		option{"pattern", n.Pattern != ""}, option{"name", n.Name != ""}, option{"rootDir", n.RootDir != ""})
	for i := range n.Transformers {
		c.transformer(at(path+".transformers", i), &n.Transformers[i])
	}
}

func (c *checker) transformer(path string, t *Transformer) {
	var takes []string
	switch t.Kind {
	case "io.l5d.port":
		takes = []string{"port"}
		if c.need(path+".port", t.Port, `the port to use instead, in quotes, such as "4141"`) {
			if n, err := strconv.ParseUint(t.Port, 10, 16); err != nil || n == 0 {
				c.add(path+".port", fmt.Sprintf("%q is not a port", t.Port), `a number from 1 to 65535, in quotes, such as "4141"`)
			}
		}
	case "io.l5d.k8s.daemonset":
		takes = []string{"namespace", "service", "port", "hostNetwork"}
		if c.need(path+".namespace", t.Namespace, "the namespace of the DaemonSet's Service") {
			c.namespace(path+".namespace", t.Namespace)
		}
		c.name(path+".service", t.Service)
		c.need(path+".port", t.Port, "the name of the Service's port, such as incoming")
	case "io.l5d.k8s.localnode":
		takes = []string{"hostNetwork"}
	case "io.l5d.localhost":
	case "io.l5d.specificHost":
		takes = []string{"host"}
		if c.need(path+".host", t.Host, "an IP address") {
			if _, ok := ParseAddress(t.Host); !ok {
				c.add(path+".host", fmt.Sprintf("%q is not an IP address", t.Host), "an address such as 10.0.0.1")
			}
		}
	case "io.l5d.replace", "io.l5d.const":
		takes = []string{"path"}
		c.need(path+".path", t.Path, "the path to use instead, such as /$/inet/127.0.0.1/8080")
	default:
		c.kind(path, t.Kind, "io.l5d.port", "io.l5d.localhost", "io.l5d.specificHost", "io.l5d.k8s.daemonset",
			"io.l5d.k8s.localnode", "io.l5d.replace", "io.l5d.const")
		return
	}
	c.path(path+".path", t.Path)
	c.options(path, t.Kind, takes,
		option{"port", t.Port != ""}, option{"namespace", t.Namespace != ""}, option{"service", t.Service != ""},
		option{"hostNetwork", t.HostNetwork}, option{"host", t.Host != ""}, option{"path", t.Path != ""})
}
