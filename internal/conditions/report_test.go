package conditions

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// What is told of proxies by a report says the same as the proxies themselves,
// in whatever order they come.
func TestReport(t *testing.T) {
	router := Object{Kind: v1alpha1.KindRouter, Namespace: "default", Name: "in", Generation: 3, Classes: []string{"edge"}, Routers: []string{"default/in"}}
	refused := publish.Status{Behind: 1, Refused: []publish.Refusal{{
		Name: "default/in", Version: "v1", Words: "Envoy says no", Source: "router default/in (spec:1:1)", Since: time.Unix(9, 0),
	}}}
	var proxies []Proxy
	for i := range 30 {
		p := Proxy{Class: []string{"edge", "sidecar"}[i%2], Node: fmt.Sprintf("n-%02d", i), Status: []publish.Status{{Acked: i}}}
		switch {
		case i%5 == 0:
			p.Status = append(p.Status, refused)
		case i%7 == 0:
			p.Status = append(p.Status, publish.Status{Behind: i})
		}
		proxies = append(proxies, p)
	}
	for n := range len(proxies) {
		want := Of(router, Facts{Proxies: proxies[:n]}, nil, time.Unix(0, 0))
		shuffled := slices.Clone(proxies[:n])
		rand.Shuffle(n, func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		text := ReportOf("x", shuffled).Encode()
		if again := ReportOf("x", proxies[:n]).Encode(); again != text {
			t.Fatalf("in another order it is another text:\n%s\n%s", text, again)
		}
		report, err := DecodeReport(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, Of(router, Facts{Proxies: report.All("x")}, nil, time.Unix(0, 0))); diff != "" {
			t.Errorf("with %d proxies (-of themselves +of the report):\n%s", n, diff)
		}
	}
}

// However much is refused, a report is short, and says of no proxy that it has
// what it has not.
func TestReportIsBounded(t *testing.T) {
	var proxies []Proxy
	for i := range 1000 {
		name := fmt.Sprintf("default/r-%d", i)
		proxies = append(proxies, Proxy{Class: "edge", Node: fmt.Sprintf("n-%d", i), Status: []publish.Status{{
			Behind: 1, Refused: []publish.Refusal{{Name: name, Words: strings.Repeat("no ", 100), Source: "router " + name + " (at)"}},
		}}})
	}
	r := ReportOf("x", proxies)
	if n := len(r.Encode()); n > 2*reportBound {
		t.Errorf("it has %d bytes", n)
	}
	count := 0
	for _, p := range r.All("x") {
		if count += 1 + p.More; !behind(p) && len(p.Status[0].Refused) == 0 {
			t.Errorf("%+v has everything", p)
		}
	}
	if count != len(proxies) {
		t.Errorf("it is about %d proxies", count)
	}
}

// A replica that has read something else than who asks may tell of an older form
// of an object: what was found out of this form stays, what was not is awaited.
func TestEarlierReport(t *testing.T) {
	o := Object{Kind: v1alpha1.KindRouter, Namespace: "default", Name: "in", Generation: 2, Classes: []string{"edge"}, Routers: []string{"default/in"}}
	report := ReportOf("old", []Proxy{{Class: "edge", Node: "a"}})
	said := func(read string, before []metav1.Condition) (string, []metav1.Condition) {
		after := Of(o, Facts{Proxies: report.All(read)}, before, time.Unix(0, 0))
		return after[2].Reason, after
	}
	first, before := said("old", nil)
	other, before := said("new", before)
	o.Generation = 3
	edited, before := said("new", before)
	still, before := said("new", before)
	report.Read = "new"
	there, _ := said("new", before)
	if got, want := []string{first, other, edited, still, there}, []string{"Programmed", "Programmed", "Pending", "Pending", "Programmed"}; !slices.Equal(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
}

// What changes all the time is told when it lasts.
func TestNextReport(t *testing.T) {
	now := time.Unix(1000, 0)
	since := func(ago time.Duration) []Proxy {
		return []Proxy{{Class: "edge", Node: "a", Status: []publish.Status{{Behind: 1, Since: now.Add(-ago)}}}}
	}
	there := ReportOf("x", []Proxy{{Class: "edge", Node: "a"}})
	for _, test := range []struct {
		name    string
		last    Report
		read    string
		proxies []Proxy
		behind  bool
	}{
		{"just now", there, "x", since(time.Second), false},
		{"for a while", there, "x", since(time.Minute), true},
		{"just now, after something was read", there, "y", since(time.Second), true},
		{"it was not there before", ReportOf("x", since(time.Minute)), "x", since(time.Second), true},
	} {
		if got := test.last.Next(test.read, test.proxies, now); got.Proxies[0].Behind != test.behind {
			t.Errorf("%s: it says behind %v", test.name, got.Proxies[0].Behind)
		}
	}
}

// An object that proxies have stays so while something else changes, unless that
// lasts; endpoints may change for ever.
func TestProgrammedStays(t *testing.T) {
	o := Object{Kind: v1alpha1.KindRouter, Namespace: "default", Name: "in", Generation: 2, Classes: []string{"edge"}, Routers: []string{"default/in"}}
	now := time.Unix(1000, 0)
	there := Of(o, Facts{Proxies: []Proxy{{Class: "edge", Node: "a"}}}, nil, now)
	for _, test := range []struct {
		name   string
		before []metav1.Condition
		status publish.Status
		want   string
	}{
		{"a route, just now", there, publish.Status{Type: translate.VirtualHostType, Behind: 1, Since: now.Add(-time.Second)}, "Programmed"},
		{"a route, for a while", there, publish.Status{Type: translate.VirtualHostType, Behind: 1, Since: now.Add(-time.Minute)}, "Pending"},
		{"endpoints, for a while", there, publish.Status{Type: translate.EndpointType, Behind: 1, Since: now.Add(-time.Minute)}, "Programmed"},
		{"endpoints that are not answered", there, publish.Status{Type: translate.EndpointType, Behind: 1, Since: now.Add(-time.Minute), Overdue: true}, "Pending"},
		{"endpoints, with a new form of the object", nil, publish.Status{Type: translate.EndpointType, Behind: 1, Since: now.Add(-time.Second)}, "Pending"},
	} {
		after := Of(o, Facts{Proxies: []Proxy{{Class: "edge", Node: "a", Status: []publish.Status{test.status}}}}, test.before, now)
		if after[2].Reason != test.want {
			t.Errorf("%s: it says %s, want %s", test.name, after[2].Reason, test.want)
		}
	}
}
