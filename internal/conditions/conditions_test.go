package conditions

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/internal/golden"
	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// What conditions say, as one text.
func TestConditions(t *testing.T) {
	router := Object{Kind: v1alpha1.KindRouter, Namespace: "default", Name: "in", Generation: 3, Classes: []string{"edge"}, Routers: []string{"default/in"}}
	policy := Object{Kind: v1alpha1.KindDogfoodPolicy, Namespace: "default", Name: "v2", Generation: 1, Classes: []string{"edge"}, Routers: []string{"default/in"}}
	table := Object{Kind: v1alpha1.KindDtab, Namespace: "default", Name: "base", Generation: 1}
	finding := func(code string, severity dtab.Severity, source string) dtab.Finding {
		return dtab.Finding{Code: code, Severity: severity, Pos: dtab.Pos{Source: source, Line: 3, Col: 12}, Message: "something is wrong", Hint: "mend it"}
	}
	wrong := finding("KB1001", dtab.Error, "router default/in spec.dtab")
	proxy := func(node string, s ...publish.Status) Proxy { return Proxy{Class: "edge", Node: node, Status: s} }
	refusal := func(name string) publish.Status {
		return publish.Status{Behind: 1, Refused: []publish.Refusal{{Name: name, Words: "Envoy says no", Source: "router default/in (spec:1:1)"}}}
	}
	tests := []struct {
		name   string
		object Object
		facts  Facts
	}{
		{"all is well", router, Facts{Proxies: []Proxy{proxy("a"), {Class: "pod", Node: "z", Status: []publish.Status{refusal("x")}}}}},
		{"nobody is there", router, Facts{}},
		{"a mistake in a table", router, Facts{Findings: []dtab.Finding{wrong}, Proxies: []Proxy{proxy("a")}}},
		{"a mistake, and the last good form", router, Facts{
			Findings: []dtab.Finding{wrong, finding(translate.CodeKept, dtab.Info, "router default/in spec")}, Proxies: []Proxy{proxy("a")},
		}},
		{"a mistake of a router whose name begins alike", router, Facts{Findings: []dtab.Finding{finding("KB1001", dtab.Error, "router default/in-2 spec.dtab")}}},
		{"a warning", router, Facts{Findings: []dtab.Finding{finding("KB1", dtab.Warning, "router default/in spec.dtab")}, Proxies: []Proxy{proxy("a")}}},
		{"a reference that leads nowhere", router, Facts{Findings: []dtab.Finding{finding(translate.CodeRef, dtab.Error, "router default/in spec.dtabRef.name")}}},
		{"many mistakes", router, Facts{Findings: []dtab.Finding{wrong, wrong, wrong, wrong, wrong, wrong, wrong}}},
		{"refused by one of two", router, Facts{Proxies: []Proxy{proxy("b"), proxy("a", refusal("default/in"))}}},
		{"not there yet", router, Facts{Proxies: []Proxy{proxy("a", publish.Status{Behind: 1}), proxy("b")}}},
		{"a policy, with routes refused", policy, Facts{Proxies: []Proxy{proxy("a", publish.Status{Refused: refusal("default/in").Refused})}}},
		{"a policy, with its filter refused", policy, Facts{Proxies: []Proxy{proxy("a", refusal("default/in/policies"))}}},
		{"a table", table, Facts{Findings: []dtab.Finding{finding("KB1001", dtab.Error, "dtab default/base spec.dtab")}}},
	}
	var b strings.Builder
	for _, test := range tests {
		fmt.Fprintf(&b, "# %s\n", test.name)
		for _, c := range Of(test.object, test.facts, nil, time.Unix(0, 0)) {
			fmt.Fprintf(&b, "%s=%s %s (generation %d)\n", c.Type, c.Status, c.Reason, c.ObservedGeneration)
			for line := range strings.Lines(c.Message) {
				fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(line))
			}
		}
	}
	golden.Check(t, "testdata/conditions.golden", b.String())
}

// The time changes when the status does, others' conditions stay, and what was
// given is not changed.
func TestTransition(t *testing.T) {
	o := Object{Kind: v1alpha1.KindDtab, Namespace: "default", Name: "base"}
	first, later := time.Unix(100, 0), time.Unix(200, 0)
	before := Of(o, Facts{}, []metav1.Condition{{Type: "Theirs", Status: metav1.ConditionTrue}}, first)
	o.Generation = 2
	wrong := dtab.Finding{Severity: dtab.Error, Pos: dtab.Pos{Source: "dtab default/base spec"}, Message: "no"}
	after := Of(o, Facts{Findings: []dtab.Finding{wrong}}, before, later)
	var got []string
	for _, c := range append(before, after...) {
		got = append(got, fmt.Sprintf("%s %s %d %d", c.Type, c.Status, c.ObservedGeneration, max(0, c.LastTransitionTime.Unix())))
	}
	want := []string{
		"Theirs True 0 0", "Accepted True 0 100", "ResolvedRefs True 0 100",
		"Theirs True 0 0", "Accepted False 2 200", "ResolvedRefs True 2 100",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
