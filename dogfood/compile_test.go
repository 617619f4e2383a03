package dogfood

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

var namespaces = map[string]map[string]string{
	"default": {},
	"pr-2":    {"kibble.dev/preview": "true"},
	"pr-1":    {"kibble.dev/preview": "true"},
}

var now = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// read makes a policy of the spec's YAML.
func read(t testing.TB, spec string) v1alpha1.DogfoodPolicy {
	t.Helper()
	var obj v1alpha1.DogfoodPolicy
	if err := yaml.UnmarshalStrict([]byte(spec), &obj.Spec); err != nil {
		t.Fatalf("%v in %s", err, spec)
	}
	obj.Name, obj.Namespace = "p", "default"
	return obj
}

func fieldSource(field string) dtab.Source { return dtab.Source{Name: field} }

func compileSpec(t testing.TB, spec string) ([]Policy, []dtab.Finding) {
	t.Helper()
	return Compile(read(t, spec), fieldSource, Facts{Namespaces: namespaces}, now)
}

// condition compiles the YAML of a condition.
func condition(t testing.TB, when string) Condition {
	t.Helper()
	policies, found := compileSpec(t, "{when: "+when+", override: /a => /b}")
	if len(policies) != 1 {
		t.Fatalf("%s: %v", when, found)
	}
	return policies[0].When
}

func TestCompileFindings(t *testing.T) {
	const override = ", override: /a => /b}"
	for _, test := range []struct {
		spec, field, message string
		active               int
	}{
		{"{when: {}" + override, "spec.when", "empty", 0},
		{"{when: {any: [{cookie: {name: a, exact: b}}, {}]}" + override, "spec.when.any[1]", "empty", 0},
		{"{when: {cookie: {name: a, regex: '('}}" + override, "spec.when.cookie.regex", "missing closing )", 0},
		{"{when: {cookie: {name: a, regex: 'é'}}" + override, "spec.when.cookie.regex", "not ASCII", 0},
		{"{when: {cookie: {name: a, regex: '([a-z]{9}){99}([a-z]{9}){99}'}}" + override, "spec.when.cookie.regex", "steps", 0},
		{"{when: {cookie: {name: a, exact: ''}}" + override, "spec.when.cookie.exact", "empty cookie", 0},
		{"{when: {cookie: {name: a%b, exact: c}}" + override, "spec.when.cookie.name", "%", 0},
		{"{when: {header: {name: a, prefix: ''}}" + override, "spec.when.header.prefix", "nothing to compare", 0},
		{"{when: {header: {name: L5d-Dtab, regex: .}}" + override, "spec.when.header.name", "removes", 0},
		{"{when: {header: {name: Cookie, regex: .}}" + override, "spec.when.header.name", "cookies", 0},
		{"{when: {header: {name: x_y, regex: .}}" + override, "spec.when.header.name", "refuses", 0},
		{"{when: {header: {name: X-Forwarded-For, regex: .}}" + override, "spec.when.header.name", "changes", 0},
		{"{when: {header: {name: ':scheme', regex: .}}" + override, "spec.when.header.name", ":scheme", 0},
		{"{when: {sourceRanges: [10.0.0.0/33]}" + override, "spec.when.sourceRanges[0]", "not a network", 0},
		{"{when: {jwt: {issuer: a, jwks: '{'}}" + override, "spec.when.jwt.jwks", "not JSON", 0},
		{"{when: {jwt: {issuer: a, jwks: '{\"keys\":[]}'}}" + override, "spec.when.jwt.jwks", "no key", 0},
		{"{when: {jwt: {issuer: a, jwks: '{\"keys\":[{}]}'}}" + override, "spec.when.jwt.jwks", "kty", 0},
		{"{when: {percent: {of: '101', cookie: a}}" + override, "spec.when.percent.of", "percentage", 0},
		{"{when: {cookie: {name: a, exact: b}}, override: /a = /b}", "spec.override:1:5", "expected", 0},
		{"{when: {cookie: {name: a, exact: b}}, override: '/a => /{namespace}'}", "spec.override:1:8", "expected", 0},
		{"{when: {cookie: {name: a, exact: b}}, grant: adHoc}", "spec.when", "gets the grant", 1},
		{"{when: {any: [{sourceRanges: [10.0.0.0/8]}, {not: {header: {name: a, exact: b}}}]}, grant: adHoc}", "spec.when", "gets the grant", 1},
		{"{when: {sourceRanges: [10.0.0.0/8]}, join: {}" + override, "spec.join", "which cookie", 0},
		{"{when: {any: [{cookie: {name: a, exact: b}}, {cookie: {name: c, exact: d}}]}, join: {}" + override, "spec.join", "which cookie", 0},
		{"{when: {all: [{cookie: {name: a, exact: b}}, {cookie: {name: c, exact: d}}]}, join: {}" + override, "spec.join", "which cookie", 0},
		{"{when: {cookie: {name: a, regex: b}}, join: {}" + override, "spec.join.value", "which value", 0},
		{"{when: {cookie: {name: a, regex: b}}, join: {value: c}" + override, "spec.join.value", "does not hold", 0},
		{"{when: {cookie: {name: a, exact: 'b;c'}}, join: {}" + override, "spec.join.value", "a cookie cannot", 0},
		{"{when: {cookie: {name: a, exact: b}}, join: {path: 'a b'}" + override, "spec.join.path", "not the path", 0},
		{"{when: {cookie: {name: a, exact: b}}, join: {path: /a/}" + override, "spec.join.path", "ends with a slash", 0},
		{"{when: {cookie: {name: a, exact: b}}, override: '# nothing'}", "spec.override", "no entry", 0},
		{"{when: {cookie: {name: a, exact: b}}, expiresAt: 2026-06-01T00:00:00Z" + override, "spec.expiresAt", "ended", 0},
		{"{forEach: {namespaceSelector: {}}, when: {cookie: {name: a, exact: '{namespace}'}}, override: '/a => /{namespace}'}", "spec.forEach.namespaceSelector", "every namespace", 0},
		{"{forEach: {namespaceSelector: {matchLabels: {no: such}}}, when: {cookie: {name: a, exact: '{namespace}'}}, override: '/a => /{namespace}'}", "spec.forEach.namespaceSelector", "no namespace", 0},
		{"{forEach: {namespaceSelector: {matchLabels: {kibble.dev/preview: 'true'}}}, when: {cookie: {name: a, exact: b}}, override: '/a => /{namespace}'}", "spec.when", "does not mention", 2},
		{"{forEach: {namespaceSelector: {matchLabels: {kibble.dev/preview: 'true'}}}, when: {cookie: {name: a, exact: '{namespace}'}}" + override, "spec.override", "does not mention", 2},
		{"{forEach: {namespaceSelector: {matchLabels: {kibble.dev/preview: 'true'}}}, when: {cookie: {name: a, exact: '{namespace}'}}, override: '/{namespace} = /b'}", "spec.override:1:15", "expected", 0},
	} {
		policies, found := compileSpec(t, test.spec)
		if len(policies) != test.active {
			t.Errorf("%s: %d active policies, want %d", test.spec, len(policies), test.active)
		}
		if len(found) != 1 {
			t.Errorf("%s: want one finding, got %v", test.spec, found)
			continue
		}
		if pos := found[0].Pos.String(); !strings.HasPrefix(pos, test.field) {
			t.Errorf("%s: found at %s, want %s: %v", test.spec, pos, test.field, found[0])
		}
		if !strings.Contains(found[0].Message, test.message) {
			t.Errorf("%s: %v, want %q", test.spec, found[0], test.message)
		}
	}
}

func TestCompileFamily(t *testing.T) {
	policies, found := compileSpec(t, `
forEach: {namespaceSelector: {matchLabels: {kibble.dev/preview: "true"}}}
when: {cookie: {name: preview, exact: "{namespace}"}, sourceRanges: [10.1.2.3/8]}
override: |
  /srv => /#/io.l5d.k8s/{namespace}/http ; /x => /y
priority: 3
expiresAt: 2026-06-01T00:00:01Z
`)
	if len(found) > 0 {
		t.Fatal(found)
	}
	var got []string
	for _, p := range policies {
		got = append(got, p.ID, p.Family, p.Member, p.When.String(), p.Override.String(), p.Override[1].Pos.String(), p.Override[1].Origin)
	}
	var want []string
	for _, n := range []string{"pr-1", "pr-2"} {
		want = append(want, "p."+n, "p", n,
			`(cookie preview is "`+n+`") and (source address in 10.0.0.0/8)`,
			"/srv=>/#/io.l5d.k8s/"+n+"/http;/x=>/y", "spec.override:1:42", "policy p."+n)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A condition that cannot be used is not asked whether the links' value holds.
func TestJoinOfBrokenCondition(t *testing.T) {
	policies, found := compileSpec(t, `{join: {value: dogfood}, when: {cookie: {name: a, regex: "("}}, override: "/a => /b"}`)
	if len(policies) > 0 || len(found) != 1 || found[0].Code != codeRegex {
		t.Errorf("%v, %v", policies, found)
	}
}
