package v1alpha1

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// texts gives mistakes as lines, without the hints.
func texts(errs []FieldError) string {
	var lines []string
	for _, e := range errs {
		lines = append(lines, e.Path+": "+e.Message)
	}
	return strings.Join(lines, "\n")
}

func TestRouterValidate(t *testing.T) {
	tests := []struct {
		change func(*RouterSpec)
		want   string
	}{
		{func(*RouterSpec) {}, ""},
		{func(s *RouterSpec) { s.ProxyClass = "" }, "spec.proxyClass: proxyClass is missing"},
		{func(s *RouterSpec) { s.Port = 0 }, "spec.port: port is missing"},
		{func(s *RouterSpec) { s.Port = 65536 }, "spec.port: 65536 is not a port"},
		{func(s *RouterSpec) { s.Trust, s.TLS = TrustUntrusted, &RouterTLS{Port: 8443} }, ""},
		{func(s *RouterSpec) { s.Trust, s.TLS = TrustUntrusted, &RouterTLS{} }, "spec.tls.port: port is missing"},
		{func(s *RouterSpec) { s.Trust, s.TLS = TrustUntrusted, &RouterTLS{Port: s.Port} }, "spec.tls.port: 4142 is the port of plain HTTP"},
		{func(s *RouterSpec) { s.Trust, s.TLS = TrustInternal, &RouterTLS{Port: 8443} }, "spec.tls: only an untrusted router listens for HTTPS"},
		{func(s *RouterSpec) {
			s.Trust, s.TLS = TrustUntrusted, &RouterTLS{Port: 8443, SecretName: "A", RedirectPort: 65536, Certificates: []HostCertificate{
				{SecretName: "a"}, {Hosts: []string{"*.hello.world", "a.*", "10.0.0.1", "WWW.hello.world", "a:1"}},
			}}
		}, "spec.tls.secretName: \"A\" cannot be the name of an object\nspec.tls.certificates[0].hosts: hosts is missing\n" +
			"spec.tls.certificates[1].secretName: secretName is missing\n" +
			"spec.tls.certificates[1].hosts[1]: \"a.*\" is not a host that a client can ask for by TLS\n" +
			"spec.tls.certificates[1].hosts[2]: \"10.0.0.1\" is not a host that a client can ask for by TLS\n" +
			"spec.tls.certificates[1].hosts[4]: \"a:1\" is not a host that a client can ask for by TLS\n" +
			"spec.tls.redirectPort: 65536 is not a port"},
		{func(s *RouterSpec) { s.IPFamilies = []IPFamily{IPv6, IPv4} }, ""},
		{func(s *RouterSpec) { s.IPFamilies = []IPFamily{"v6", IPv6, IPv6} }, "spec.ipFamilies[0]: ipFamilies[0] cannot be \"v6\"\nspec.ipFamilies[2]: each family stands once"},
		{func(s *RouterSpec) { s.Bind, s.IPFamilies = BindPod, []IPFamily{IPv6} }, "spec.ipFamilies: with bind: pod the pod's address says which family it is of"},
		{func(s *RouterSpec) { s.Bind = "all" }, `spec.bind: bind cannot be "all"`},
		{func(s *RouterSpec) { s.AccessLog = "errors" }, `spec.accessLog: accessLog cannot be "errors"`},
		{func(s *RouterSpec) {
			s.Tracing = &Tracing{Collector: Collector{Namespace: "o11y", Service: "c", Port: "4317"}, Percent: "0.5"}
		}, ""},
		{
			func(s *RouterSpec) {
				s.Tracing = &Tracing{Collector: Collector{Namespace: "A", Port: "a:1"}, Percent: "1%"}
			},
			"spec.tracing.collector.namespace: \"A\" cannot be the name of a namespace\nspec.tracing.collector.service: service is missing\n" +
				"spec.tracing.collector.port: \"a:1\" cannot be the port of a Service\nspec.tracing.percent: \"1%\" is not a percentage",
		},
		{func(s *RouterSpec) { s.Tracing = &Tracing{} }, "spec.tracing.collector.service: service is missing\nspec.tracing.collector.port: port is missing"},
		{func(s *RouterSpec) { s.Trust = "full" }, `spec.trust: trust cannot be "full"`},
		{func(s *RouterSpec) { s.DstPrefix = "svc" }, `spec.dstPrefix: "svc" is not a path`},
		{func(s *RouterSpec) { s.DtabRef = &LocalRef{} }, "spec.dtabRef.name: name is missing"},
		{func(s *RouterSpec) { s.DtabRef = &LocalRef{Name: "A b"} }, `spec.dtabRef.name: "A b" cannot be the name of an object`},
		{func(s *RouterSpec) { s.Identifier = &Identifier{} }, "spec.identifier.kind: kind is missing"},
		{func(s *RouterSpec) {
			s.Identifier = &Identifier{Kind: "io.l5d.ingress", IngressClass: "x", Namespace: "shop"}
		}, ""},
		{func(s *RouterSpec) {
			s.Responses = []Response{{Path: "/a", Body: "b", Headers: map[string]string{"x": "y"}}, {Host: "*.a.b", Status: 404}, {Unrouted: true}}
		}, ""},
		{func(s *RouterSpec) { s.Responses = []Response{{Host: "a b"}} }, `spec.responses[0].host: "a b" is not a host`},
		{func(s *RouterSpec) { s.Responses = []Response{{Path: "a"}} }, `spec.responses[0].path: "a" is not the path of a URL`},
		{func(s *RouterSpec) { s.Responses = []Response{{Path: "/a", PathPrefix: "/b"}} }, "spec.responses[0].pathPrefix: there is a path already"},
		{func(s *RouterSpec) { s.Responses = []Response{{Unrouted: true, Path: "/a"}} }, "spec.responses[0].unrouted: unrouted is for all hosts and paths"},
		{func(s *RouterSpec) { s.Responses = []Response{{Status: 99}} }, "spec.responses[0].status: 99 is not the status of an answer"},
		{func(s *RouterSpec) { s.Responses = []Response{{Headers: map[string]string{"content-length": "1"}}} }, "spec.responses[0].headers: the header content-length is not set here"},
		{func(s *RouterSpec) { s.Responses = []Response{{Headers: map[string]string{"host": "a"}}} }, "spec.responses[0].headers: the header Host is of requests: Envoy puts it into no answer"},
		{func(s *RouterSpec) {
			s.Responses = []Response{{Headers: map[string]string{"x-long": strings.Repeat("a", 16<<10+1)}}}
		}, "spec.responses[0].headers: the header x-long has 16385 bytes"},
		{func(s *RouterSpec) { s.Responses = []Response{{Status: 301, Redirect: &Redirect{Path: "/b"}}} }, "spec.responses[0].status: a redirect has no use for status"},
		{func(s *RouterSpec) { s.Responses = []Response{{Redirect: &Redirect{}}} }, "spec.responses[0].redirect: the redirect leads to the same place"},
		{func(s *RouterSpec) { s.Responses = []Response{{Redirect: &Redirect{PathPrefix: "/b"}}} }, "spec.responses[0].redirect.pathPrefix: there is no prefix to put it in place of"},
		{func(s *RouterSpec) { s.Responses = []Response{{Redirect: &Redirect{Host: "a/b"}}} }, `spec.responses[0].redirect.host: "a/b" is not a host`},
		{func(s *RouterSpec) { s.Responses = []Response{{Redirect: &Redirect{Host: "a", Status: 200}}} }, "spec.responses[0].redirect.status: 200 is not the status of a redirect"},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.nope"} }, `spec.identifier.kind: kind cannot be "io.l5d.nope"`},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.header", Header: "a b"} }, `spec.identifier.header: "a b" cannot be the name of a header`},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.header.token", Header: ":authority"} }, ""},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.header", Consume: true} }, "spec.identifier.consume: io.l5d.header has no use for consume"},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.path", Segments: -1} }, "spec.identifier.segments: -1 segments cannot be taken"},
		{func(s *RouterSpec) { s.Identifier = &Identifier{Kind: "io.l5d.static"} }, "spec.identifier.path: path is missing"},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.consul"}} }, `spec.namers[0].kind: kind cannot be "io.l5d.consul"`},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.k8s", RootDir: "x"}} }, "spec.namers[0].rootDir: io.l5d.k8s has no use for rootDir"},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.k8s", LabelSelector: "a=b"}} }, `spec.namers[0].labelSelector: "a=b" cannot be the name of a label`},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.k8s.ns", Namespace: "A"}} }, `spec.namers[0].namespace: "A" cannot be the name of a namespace`},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.fs"}} }, "spec.namers[0].rootDir: rootDir is missing"},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.rewrite", Prefix: "/x"}} }, "spec.namers[0].pattern: pattern is missing\nspec.namers[0].name: name is missing"},
		{func(s *RouterSpec) { s.Namers = []Namer{{Kind: "io.l5d.k8s", Transformers: []Transformer{{}}}} }, "spec.namers[0].transformers[0].kind: kind is missing"},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.port"}} }, "spec.transformers[0].port: port is missing"},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.port", Port: "http"}} }, `spec.transformers[0].port: "http" is not a port`},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.localhost", Port: "1"}} }, "spec.transformers[0].port: io.l5d.localhost has no use for port"},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.specificHost", Host: "x"}} }, `spec.transformers[0].host: "x" is not an IP address`},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.const"}} }, "spec.transformers[0].path: path is missing"},
		{func(s *RouterSpec) {
			s.Transformers = []Transformer{{Kind: "io.l5d.k8s.daemonset", Namespace: "default", Service: "l5d", Port: "incoming", HostNetwork: true}}
		}, ""},
		{func(s *RouterSpec) { s.Transformers = []Transformer{{Kind: "io.l5d.k8s.daemonset"}} },
			"spec.transformers[0].namespace: namespace is missing\nspec.transformers[0].service: service is missing\nspec.transformers[0].port: port is missing"},
		{func(s *RouterSpec) { s.AdHocOverrides = &AdHocOverrides{Allow: []string{"host"}, To: []string{""}} },
			"spec.adHocOverrides.allow[0]: \"host\" is not a path\nspec.adHocOverrides.to[0]: to[0] is missing"},
		{func(s *RouterSpec) {
			s.OnDemand = &OnDemand{Declared: []string{"world", "*.shop", "/#/io.l5d.k8s/default/http/world", "", "*", "world:80"}}
		}, "spec.onDemand.declared[3]: \"\" is neither a host nor a bound name\n" +
			"spec.onDemand.declared[4]: \"*\" is neither a host nor a bound name\n" +
			"spec.onDemand.declared[5]: \"world:80\" is neither a host nor a bound name"},
	}
	for _, test := range tests {
		r := Router{Spec: RouterSpec{ProxyClass: "edge", Port: 4142}}
		test.change(&r.Spec)
		if diff := cmp.Diff(test.want, texts(r.Validate())); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDtabValidate(t *testing.T) {
	tests := []struct {
		spec DtabSpec
		want string
	}{
		{DtabSpec{Dtab: "/a => /b"}, ""},
		{DtabSpec{Dentries: []Dentry{}}, ""},
		{DtabSpec{}, "spec: the table is missing"},
		{DtabSpec{Dtab: "/a => /b", Dentries: []Dentry{}}, "spec.dentries: dtab and dentries cannot both be set"},
		{DtabSpec{Dentries: []Dentry{{}}}, "spec.dentries[0].prefix: prefix is missing\nspec.dentries[0].dst: dst is missing"},
	}
	for _, test := range tests {
		d := Dtab{Spec: test.spec}
		if diff := cmp.Diff(test.want, texts(d.Validate())); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	text := "x"
	match := func(name string) *Match { return &Match{Name: name, Exact: &text} }
	tests := []struct {
		change func(*DogfoodPolicySpec)
		want   string
	}{
		{func(*DogfoodPolicySpec) {}, ""},
		{func(s *DogfoodPolicySpec) { s.Override = "\n" }, "spec.override: override is missing"},
		{func(s *DogfoodPolicySpec) { s.Override, s.Grant = "", GrantAdHoc }, ""},
		{func(s *DogfoodPolicySpec) { s.Grant = "adhoc" }, `spec.grant: grant cannot be "adhoc"`},
		{func(s *DogfoodPolicySpec) { s.Fallback = "none" }, `spec.fallback: fallback cannot be "none"`},
		{func(s *DogfoodPolicySpec) { s.Routers = []string{"ok", "Ä"} }, `spec.routers[1]: "Ä" cannot be the name of an object`},
		{func(s *DogfoodPolicySpec) {
			s.ForEach = &ForEach{NamespaceSelector: metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Is"}}}}
		}, `spec.forEach.namespaceSelector: this does not select: "Is" is not a valid label selector operator`},
		{func(s *DogfoodPolicySpec) { s.When.Cookie = match("a;b") }, `spec.when.cookie.name: "a;b" cannot be the name of a cookie`},
		{func(s *DogfoodPolicySpec) { s.When.Header = match("") }, "spec.when.header.name: name is missing"},
		{func(s *DogfoodPolicySpec) { s.When.Cookie = &Match{Name: "a"} }, "spec.when.cookie: it does not say what to compare with"},
		{func(s *DogfoodPolicySpec) { s.When.Cookie = &Match{Name: "a", Exact: &text, Regex: &text} }, "spec.when.cookie.regex: exact and regex cannot be set together"},
		{func(s *DogfoodPolicySpec) { s.When.SourceRanges = []string{"10.0.0.0/8", "10.0.0.1", "x"} },
			"spec.when.sourceRanges[1]: \"10.0.0.1\" is not a network\nspec.when.sourceRanges[2]: \"x\" is not a network"},
		{func(s *DogfoodPolicySpec) { s.When.Percent = &Percent{Of: "12.5", Cookie: "id"} }, ""},
		{func(s *DogfoodPolicySpec) { s.When.Percent = &Percent{Of: "100.1", Cookie: "id", Header: "id"} },
			"spec.when.percent.of: \"100.1\" is not a percentage\nspec.when.percent.header: cookie and header cannot be set together"},
		{func(s *DogfoodPolicySpec) { s.When.Percent = &Percent{Of: "1e1"} },
			"spec.when.percent.of: \"1e1\" is not a percentage\nspec.when.percent: it does not say how to tell people apart"},
		{func(s *DogfoodPolicySpec) { s.When.Percent = &Percent{Of: "10", Claim: "sub"} },
			"spec.when.percent.claim: there is no token to take the claim from"},
		{func(s *DogfoodPolicySpec) {
			s.When.JWT = &JWT{Issuer: "i", JWKSFile: "keys.json"}
			s.When.Percent = &Percent{Of: "10", Claim: "sub"}
		}, ""},
		{func(s *DogfoodPolicySpec) {
			s.When.JWT = &JWT{Issuer: "i", JWKSFile: "a", JWKSSecretRef: &SecretKeyRef{Name: "A", Key: "a/b"}}
		},
			"spec.when.jwt.jwksSecretRef: jwksFile and jwksSecretRef cannot be set together\nspec.when.jwt.jwksSecretRef.name: \"A\" cannot be the name of an object\nspec.when.jwt.jwksSecretRef.key: \"a/b\" cannot be a key of a Secret"},
		{func(s *DogfoodPolicySpec) { s.When.JWT = &JWT{} },
			"spec.when.jwt.issuer: issuer is missing\nspec.when.jwt: the keys that sign the tokens are missing"},
		{func(s *DogfoodPolicySpec) { s.When.JWT = &JWT{Issuer: "i", JWKSURL: "keys.json", Claims: []Match{{}}} },
			"spec.when.jwt.jwksUrl: \"keys.json\" is not a URL to fetch keys from\nspec.when.jwt.claims[0].name: name is missing\nspec.when.jwt.claims[0]: it does not say what to compare with"},
		{func(s *DogfoodPolicySpec) {
			s.When.JWT = &JWT{Issuer: "i", JWKS: "{}", JWKSURL: "https://x/y", Header: "A", Cookie: "b"}
		},
			"spec.when.jwt.cookie: header and cookie cannot both be set\nspec.when.jwt.jwksUrl: jwks and jwksUrl cannot be set together"},
		{func(s *DogfoodPolicySpec) {
			s.When.All = []Condition{{Not: &Condition{Any: []Condition{{Header: &Match{Name: "a"}}}}}}
		}, "spec.when.all[0].not.any[0].header: it does not say what to compare with"},
	}
	for _, test := range tests {
		p := DogfoodPolicy{Spec: DogfoodPolicySpec{Override: "/a => /b"}}
		test.change(&p.Spec)
		if diff := cmp.Diff(test.want, texts(p.Validate())); diff != "" {
			t.Error(diff)
		}
	}
}
