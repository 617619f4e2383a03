package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/internal/waittest"
)

// wrong are objects that both the API server and Validate refuse; want is a
// part of what the API server says.
func wrong() []struct{ kind, spec, want string } {
	const router, dtab, policy = v1alpha1.KindRouter, v1alpha1.KindDtab, v1alpha1.KindDogfoodPolicy
	edge := func(more string) string { return "{proxyClass: edge, port: 4142, " + more + "}" }
	when := func(condition string) string { return "{override: /a => /b, when: " + condition + "}" }
	jwt := func(more string) string { return when("{jwt: {issuer: i, " + more + "}}") }
	return []struct{ kind, spec, want string }{
		{router, `{port: 1}`, "spec.proxyClass: Required value"},
		{router, `{proxyClass: ""}`, "spec.port: Required value"},
		{router, `{proxyClass: edge, port: 0}`, "spec.port in body should be greater than or equal to 1"},
		{router, `{proxyClass: edge, port: 65536}`, "spec.port in body should be less than or equal to 65535"},
		{router, edge(`bind: pod, ipFamilies: [IPv6]`), `with bind: pod the pod's address says which family it is of`},
		{router, edge(`ipFamilies: [IPv6, IPv6]`), `Duplicate value: "IPv6"`},
		{router, edge(`tls: {port: 4142}`), "tls.port is the port of plain HTTP"},
		{router, edge(`trust: internal, tls: {port: 8443}`), "only an untrusted router listens for HTTPS"},
		{router, edge(`bind: everywhere`), `spec.bind: Unsupported value: "everywhere"`},
		{router, edge(`trust: trusted`), `spec.trust: Unsupported value: "trusted"`},
		{router, edge(`dstPrefix: svc`), `spec.dstPrefix: Invalid value: "svc": a path begins with /`},
		{router, edge(`dtabRef: {name: A}`), "spec.dtabRef.name in body should match"},
		{router, edge(`dtabRef: {name: ""}`), "spec.dtabRef.name in body should be at least 1 chars long"},
		{router, edge(`identifier: {kind: io.l5d.nope}`), `spec.identifier.kind: Unsupported value: "io.l5d.nope"`},
		{router, edge(`identifier: {kind: io.l5d.header, header: a b}`), "spec.identifier.header in body should match"},
		{router, edge(`identifier: {kind: io.l5d.header, header: Baggage}`), "baggage is a list of many members"},
		{router, edge(`identifier: {kind: io.l5d.header, consume: true}`), "consume is an option of io.l5d.path only"},
		{router, edge(`identifier: {kind: io.l5d.methodAndHost, header: x}`), "header is an option of io.l5d.header.token and io.l5d.header only"},
		{router, edge(`identifier: {kind: io.l5d.path, segments: -1}`), "spec.identifier.segments in body should be greater than or equal to 0"},
		{router, edge(`identifier: {kind: io.l5d.static}`), "io.l5d.static needs path"},
		{router, edge(`identifier: {kind: io.l5d.path, ingressClass: x}`), "ingressClass is an option of io.l5d.ingress only"},
		{router, edge(`identifier: {kind: io.l5d.path, namespace: a}`), "namespace is an option of io.l5d.ingress only"},
		{router, edge(`identifier: {kind: io.l5d.path, ignoreDefaultBackends: true}`), "ignoreDefaultBackends is an option of io.l5d.ingress only"},
		{router, edge(`identifier: {kind: io.l5d.path, httpUriInDst: true}`), "httpUriInDst is an option of io.l5d.methodAndHost only"},
		{router, edge(`identifier: {kind: io.l5d.path, path: /a}`), "path is an option of io.l5d.static only"},
		{router, edge(`identifier: {kind: io.l5d.header, segments: 1}`), "segments is an option of io.l5d.path and io.l5d.header.path only"},
		{router, edge(`namers: [{kind: io.l5d.consul}]`), "spec.namers[0].kind: Unsupported value"},
		{router, edge(`namers: [{kind: io.l5d.k8s, rootDir: x}]`), "rootDir is an option of io.l5d.fs only"},
		{router, edge(`namers: [{kind: io.l5d.k8s.ns, namespace: A}]`), "spec.namers[0].namespace in body should match"},
		{router, edge(`namers: [{kind: io.l5d.fs}]`), "io.l5d.fs needs rootDir"},
		{router, edge(`namers: [{kind: io.l5d.rewrite, prefix: /x, name: /y}]`), "io.l5d.rewrite needs pattern"},
		{router, edge(`namers: [{kind: io.l5d.rewrite, pattern: /x, name: /y}]`), "io.l5d.rewrite needs prefix"},
		{router, edge(`namers: [{kind: io.l5d.rewrite, prefix: /x, pattern: /y}]`), "io.l5d.rewrite needs name"},
		{router, edge(`namers: [{kind: io.l5d.fs, rootDir: x, labelSelector: a}]`), "labelSelector is an option of io.l5d.k8s, io.l5d.k8s.ns, io.l5d.k8s.external only"},
		{router, edge(`namers: [{kind: io.l5d.k8s, name: /a}]`), "name is an option of io.l5d.rewrite only"},
		{router, edge(`namers: [{kind: io.l5d.k8s, pattern: /a}]`), "pattern is an option of io.l5d.rewrite only"},
		{router, edge(`namers: [{kind: io.l5d.k8s, namespace: a}]`), "namespace is an option of io.l5d.k8s.ns only"},
		{router, edge(`namers: [{kind: io.l5d.k8s, transformers: [{kind: x}]}]`), "spec.namers[0].transformers[0].kind: Unsupported value"},
		{router, edge(`transformers: [{kind: io.l5d.port}]`), "io.l5d.port and io.l5d.k8s.daemonset need port"},
		{router, edge(`transformers: [{kind: io.l5d.port, port: http}]`), "port of io.l5d.port is a number from 1 to 65535"},
		{router, edge(`transformers: [{kind: io.l5d.port, port: "65536"}]`), "port of io.l5d.port is a number from 1 to 65535"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, port: "1"}]`), "port is an option of io.l5d.port and io.l5d.k8s.daemonset only"},
		{router, edge(`transformers: [{kind: io.l5d.specificHost, host: x}]`), "host is an IP address"},
		{router, edge(`transformers: [{kind: io.l5d.const}]`), "io.l5d.replace and io.l5d.const need path"},
		{router, edge(`transformers: [{kind: io.l5d.k8s.daemonset, service: l5d, port: incoming}]`), "io.l5d.k8s.daemonset needs namespace"},
		{router, edge(`transformers: [{kind: io.l5d.k8s.daemonset, namespace: a, port: incoming}]`), "io.l5d.k8s.daemonset needs service"},
		{router, edge(`transformers: [{kind: io.l5d.specificHost}]`), "io.l5d.specificHost needs host"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, host: "::1"}]`), "host is an option of io.l5d.specificHost only"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, hostNetwork: true}]`), "hostNetwork is an option of io.l5d.k8s.daemonset and io.l5d.k8s.localnode only"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, namespace: a}]`), "namespace is an option of io.l5d.k8s.daemonset only"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, service: a}]`), "service is an option of io.l5d.k8s.daemonset only"},
		{router, edge(`transformers: [{kind: io.l5d.localhost, path: /a}]`), "path is an option of io.l5d.replace and io.l5d.const only"},
		{router, edge(`onDemand: {declared: ["world:80"]}`), "spec.onDemand.declared[0] in body should match"},
		{router, edge(`onDemand: {declared: [""]}`), "spec.onDemand.declared[0] in body should match"},
		{router, edge(`adHocOverrides: {allow: [host]}`), "spec.adHocOverrides.allow: Invalid value: a path begins with /"},
		{router, edge(`carriers: [l5d-ctx, l5d-ctx]`), `spec.carriers[1]: Duplicate value: "l5d-ctx"`},
		{router, edge(`carriers: [tracestate]`), `spec.carriers[0]: Unsupported value: "tracestate"`},
		{dtab, `{}`, "the table is missing"},
		{dtab, `{dtab: /a => /b, dentries: []}`, "dtab and dentries cannot both be set"},
		{dtab, `{dentries: [{prefix: "", dst: /b}]}`, "spec.dentries[0].prefix in body should be at least 1 chars long"},
		{router, edge(`responses: [{path: a}]`), "spec.responses[0].path in body should match"},
		{router, edge(`responses: [{path: /a, pathPrefix: /b}]`), "write path or pathPrefix, not both"},
		{router, edge(`responses: [{unrouted: true, path: /a}]`), "unrouted is for all hosts and paths"},
		{router, edge(`responses: [{host: a b}]`), "spec.responses[0].host in body should match"},
		{router, edge(`responses: [{status: 99}]`), "spec.responses[0].status in body should be greater than or equal to 200"},
		{router, edge(`responses: [{status: 301, redirect: {path: /b}}]`), "a redirect has no use for status"},
		{router, edge(`responses: [{redirect: {stripQuery: false}}]`), "the redirect leads to the same place"},
		{router, edge(`responses: [{redirect: {pathPrefix: /b}}]`), "there is no prefix"},
		{router, edge(`responses: [{redirect: {path: /b, status: 200}}]`), "spec.responses[0].redirect.status: Unsupported value: 200"},
		{policy, `{override: /a => /b, join: {path: a b}, when: {cookie: {name: a, exact: b}}}`, "spec.join.path in body should match"},
		{policy, `{override: "\n", when: {}}`, "override is missing: a dtab, or grant: adHoc"},
		{policy, `{override: /a => /b, grant: adhoc}`, `spec.grant: Unsupported value: "adhoc"`},
		{policy, `{override: /a => /b, fallback: none}`, `spec.fallback: Unsupported value: "none"`},
		{policy, `{override: /a => /b, routers: [ok, Ä]}`, "spec.routers[1] in body should match"},
		{policy, when(`{cookie: {name: a;b, exact: x}}`), "name cannot be the name of a cookie"},
		{policy, when(`{header: {name: "", exact: x}}`), "spec.when.header.name in body should be at least 1 chars long"},
		{policy, when(`{header: {name: a}}`), "set one of exact, prefix, suffix, contains, regex"},
		{policy, when(`{cookie: {name: a, exact: x, regex: z}}`), "set one of exact, prefix, suffix, contains, regex"},
		{policy, when(`{sourceRanges: [10.0.0.1]}`), "a network is written as in 10.0.0.0/8"},
		{policy, when(`{percent: {of: "100.1", cookie: id}}`), "spec.when.percent.of in body should match"},
		{policy, when(`{percent: {of: "10", cookie: id, header: id}}`), "set one of cookie, header and claim"},
		{policy, when(`{percent: {of: "10"}}`), "set one of cookie, header and claim"},
		{policy, when(`{percent: {of: "10", claim: sub}}`), "percent.claim needs jwt beside percent"},
		{policy, when(`{jwt: {issuer: "", jwks: "{}"}}`), "spec.when.jwt.issuer in body should be at least 1 chars long"},
		{policy, jwt(`audiences: [a]`), "the keys that sign the tokens: set one of"},
		{policy, jwt(`jwks: "{}", jwksFile: a`), "the keys that sign the tokens: set one of"},
		{policy, jwt(`jwks: "{}", header: a, cookie: b`), "header and cookie cannot both be set"},
		{policy, jwt(`jwksUrl: keys.json`), "a URL to fetch keys from"},
		{policy, jwt(`jwksSecretRef: {name: A, key: k}`), "spec.when.jwt.jwksSecretRef.name in body should match"},
		{policy, jwt(`jwksSecretRef: {name: a, key: a/b}`), "spec.when.jwt.jwksSecretRef.key in body should match"},
		{policy, when(`{all: [{header: {name: a}}]}`), "spec.when.all[0].header: Invalid value: set one of exact"},
		{policy, when(`{not: {any: [], sourceRanges: [x]}}`), "spec.when.not.sourceRanges: Invalid value: a network"},
	}
}

func checkWrong(t *testing.T, client dynamic.Interface) {
	var all strings.Builder
	for _, test := range wrong() {
		o := written(t, test.kind, test.spec)
		_, err := create(t, client, o)
		fmt.Fprintln(&all, err)
		if said := strings.ReplaceAll(fmt.Sprint(err), `Invalid value: "object": `, "Invalid value: "); !strings.Contains(said, test.want) {
			t.Errorf("%s %s: the API server says %q, want %q", test.kind, test.spec, said, test.want)
		}
		if len(validate(t, o)) == 0 {
			t.Errorf("%s %s: Validate finds nothing", test.kind, test.spec)
		}
		compareRefusals(t, client, o)
	}
	for _, kind := range kinds() {
		eachRule(specSchema(t, kind), func(message string) {
			if !strings.Contains(all.String(), message) {
				t.Errorf("no object breaks the rule of a %s: %s", kind, message)
			}
		})
	}
}

// eachRule visits the messages of the rules in CEL of a schema, and inside.
func eachRule(s any, visit func(message string)) {
	switch s := s.(type) {
	case mapping:
		for word, value := range s {
			if rules, ok := value.([]any); ok && word == "x-kubernetes-validations" {
				for _, r := range rules {
					visit(r.(mapping)["message"].(string))
				}
			} else {
				eachRule(value, visit)
			}
		}
	case []any:
		for _, inner := range s {
			eachRule(inner, visit)
		}
	}
}

// What Validate takes, the API server takes too, where it looks odd.
func checkOdd(t *testing.T, client dynamic.Interface) {
	for _, test := range []struct{ kind, spec string }{
		{v1alpha1.KindRouter, `{proxyClass: edge, port: 1, bind: "", trust: "", dstPrefix: " /svc ", identifier: {kind: io.l5d.header.token, header: ":authority", segments: 0, consume: false, path: ""}}`},
		{v1alpha1.KindRouter, `{proxyClass: edge, port: 65535, transformers: [{kind: io.l5d.specificHost, host: "::1"}, {kind: io.l5d.port, port: "0080"}], namers: []}`},
		{v1alpha1.KindRouter, `{proxyClass: edge, port: 1, carriers: [baggage, l5d-ctx], xffNumTrustedHops: 2, adHocOverrides: {}}`},
		{v1alpha1.KindRouter, `{proxyClass: sidecar, port: 4140, onDemand: {}}`},
		{v1alpha1.KindRouter, `{proxyClass: sidecar, port: 4140, onDemand: {declared: [World, "*.shop", "/#/io.l5d.k8s/default/http/world"]}}`},
		{v1alpha1.KindDtab, `{dentries: []}`},
		{v1alpha1.KindDtab, `{dtab: "/a => /b ; # and more"}`},
		{v1alpha1.KindRouter, `{proxyClass: edge, port: 1, responses: [{body: b}, {host: "*.Example.org", status: 404}, {pathPrefix: /a, redirect: {pathPrefix: /b}}, {unrouted: true}]}`},
		{v1alpha1.KindDogfoodPolicy, `{override: /a => /b, join: {}, when: {cookie: {name: a, exact: b}}}`},
		{v1alpha1.KindDogfoodPolicy, `{grant: adHoc}`},
		{v1alpha1.KindDogfoodPolicy, `{override: /a => /b, fallback: "", priority: -3, expiresAt: "2030-01-02T03:04:05Z", when: {header: {name: ":authority", exact: ""}}}`},
		{v1alpha1.KindDogfoodPolicy, `{override: /a => /b, when: {percent: {of: "012.5", cookie: id}, sourceRanges: ["2001:db8::/32"]}}`},
		{v1alpha1.KindDogfoodPolicy, `{override: /a => /b, forEach: {namespaceSelector: {matchExpressions: [{key: a, operator: Exists}]}}, when: {cookie: {name: e, exact: "{namespace}"}}}`},
	} {
		o := written(t, test.kind, test.spec)
		if errs := validate(t, o); len(errs) > 0 {
			t.Errorf("%s %s: Validate finds %v", test.kind, test.spec, errs)
		}
		if _, err := create(t, client, o); err != nil {
			t.Errorf("%s %s: %v", test.kind, test.spec, err)
		}
	}
}

// A condition deeper than the schema is stored as it was written.
func checkNested(t *testing.T, client dynamic.Interface) {
	const deep = `{not: {any: [{all: [{not: {cookie: {name: a, exact: b}}}]}]}}`
	o := written(t, v1alpha1.KindDogfoodPolicy, `{override: /a => /b, when: `+deep+`}`)
	stored, err := create(t, client, o)
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := unstructured.NestedMap(o.Object, "spec", "when")
	got, _, _ := unstructured.NestedMap(stored.Object, "spec", "when")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func written(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	return toObject(t, "apiVersion: kibble.dev/v1alpha1\nkind: "+kind+"\nmetadata: {name: x, namespace: default}\nspec: "+spec)
}

// validate gives what Go finds in an object.
func validate(t *testing.T, o *unstructured.Unstructured) []v1alpha1.FieldError {
	t.Helper()
	var into interface{ Validate() []v1alpha1.FieldError }
	switch o.GetKind() {
	case v1alpha1.KindRouter:
		into = &v1alpha1.Router{}
	case v1alpha1.KindDtab:
		into = &v1alpha1.Dtab{}
	default:
		into = &v1alpha1.DogfoodPolicy{}
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, into); err != nil {
		t.Fatal(err)
	}
	return into.Validate()
}

// What kubectl get shows.
func checkTable(t *testing.T, config *rest.Config, client dynamic.Interface) {
	objects := []struct{ kind, spec, want string }{
		{v1alpha1.KindRouter, `{proxyClass: edge, port: 4142, trust: untrusted}`, "Name:x Class:edge Port:4142 Trust:untrusted Accepted:True Programmed:False"},
		{v1alpha1.KindDtab, `{dtab: /a => /b}`, "Name:x Accepted:True"},
		{v1alpha1.KindDogfoodPolicy, `{override: /a => /b, expiresAt: "2030-01-02T03:04:05Z"}`,
			"Name:x Fallback:baseline Priority:0 Expires:2030-01-02T03:04:05Z Accepted:True Programmed:False"},
	}
	for _, test := range objects {
		resources := client.Resource(v1alpha1.ResourceOf(test.kind)).Namespace("default")
		stored, err := resources.Create(t.Context(), written(t, test.kind, test.spec), metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		now := metav1.Now().UTC().Format("2006-01-02T15:04:05Z")
		condition := func(typ, status string) any {
			return map[string]any{"type": typ, "status": status, "reason": "Because", "message": "", "lastTransitionTime": now, "observedGeneration": int64(1)}
		}
		stored.Object["status"] = map[string]any{"conditions": []any{
			condition(v1alpha1.ConditionAccepted, "True"), condition(v1alpha1.ConditionProgrammed, "False"),
		}}
		if _, err := resources.UpdateStatus(t.Context(), stored, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := row(t, config, v1alpha1.ResourceOf(test.kind).Resource); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.kind, got, test.want)
		}
	}
}

// row gives the columns of the only object of a kind, as `name:value`, without
// those for -o wide and its age.
func row(t *testing.T, config *rest.Config, plural string) string {
	t.Helper()
	var table metav1.Table
	body := ask(t, config, "/apis/kibble.dev/v1alpha1/namespaces/default/"+plural, "application/json;as=Table;v=v1;g=meta.k8s.io")
	if err := json.Unmarshal(body, &table); err != nil {
		t.Fatal(err)
	}
	if len(table.Rows) != 1 {
		t.Fatalf("%s: %d rows", plural, len(table.Rows))
	}
	var columns []string
	for i, c := range table.ColumnDefinitions {
		if c.Priority == 0 && c.Name != "Age" {
			columns = append(columns, fmt.Sprintf("%s:%v", c.Name, table.Rows[0].Cells[i]))
		}
	}
	if last := table.ColumnDefinitions[len(table.ColumnDefinitions)-1].Name; last != "Age" {
		t.Errorf("the last column of %s is %s", plural, last)
	}
	return strings.Join(columns, " ")
}

// What kubectl explain reads.
func checkExplain(t *testing.T, config *rest.Config) {
	for _, text := range []string{
		"Router is one logical router", "ProxyClass selects the proxies", "Override is a dtab that is appended",
		"Percent holds for a share of the people", "Dentries is the table as a list",
	} {
		waittest.Until(t, "OpenAPI, which gets kind by kind, has "+text, func() bool {
			return strings.Contains(string(ask(t, config, "/openapi/v3/apis/kibble.dev/v1alpha1", "application/json")), text)
		})
	}
}

func ask(t *testing.T, config *rest.Config, path, accept string) []byte {
	t.Helper()
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
