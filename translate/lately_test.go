package translate

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// Who receives requests by the name of their destination knows a name for a while
// that has ceased to exist, with whom it led to; who sends them does not.
func TestGoneLately(t *testing.T) {
	sends := v1alpha1.RouterSpec{ProxyClass: "side", Port: 1, Dtab: "/svc => /#/io.l5d.k8s/default/web | /#/io.l5d.k8s/default/http"}
	receives := v1alpha1.RouterSpec{
		ProxyClass: "side", Port: 2, DstPrefix: "/in", Dtab: "/in/#/io.l5d.k8s => /#/io.l5d.k8s",
		Identifier: &v1alpha1.Identifier{Kind: identifyHeader, Header: HeaderDst}, Transformers: []v1alpha1.Transformer{{Kind: transformLocalhost}},
	}
	router := func(name string, spec v1alpha1.RouterSpec) *Sourced[v1alpha1.Router] {
		return &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: spec}}
	}
	world := func(port string) *Inventory {
		inv := &Inventory{Services: map[Key]*Service{}, Routers: []*Sourced[v1alpha1.Router]{router("in", receives), router("out", sends)}}
		if port != "" {
			inv.Services[Key{"default", "a"}] = &Service{
				Key: Key{"default", "a"}, Exists: true, Ports: []ServicePort{{Name: port, Port: 80, TargetPort: 8080}},
				Slices: []*Slice{{Name: "a", Ports: []SlicePort{{Name: port, Port: 8080}}, Endpoints: []Endpoint{{Addresses: []string{"10.0.0.1"}, Ready: true}}}},
			}
		}
		return inv
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := NewModel(world("http"), start)
	step := func(port string, after time.Duration, sender string, receiver ...string) {
		t.Helper()
		m = m.Next(world(port), start.Add(after))
		if x, err := m.Explain(Question{Router: "out", Request: Request{Host: "a", Path: "/"}}); err != nil {
			t.Fatal(err)
		} else if got := destination(x); got != sender {
			t.Errorf("port %q after %v: who sends goes to %q, want %q", port, after, got, sender)
		}
		knows := map[string]bool{}
		for _, name := range receiver {
			knows[name] = true
		}
		for _, name := range []string{"http", "web", "80"} {
			dst := "/#/io.l5d.k8s/default/" + name + "/a"
			x, err := m.Explain(Question{Router: "in", Request: Request{Host: "a", Path: "/", Header: map[string][]string{HeaderDst: {dst}}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := destination(x) != ""; got != knows[name] {
				t.Errorf("port %q after %v: who receives knows %s: %v", port, after, name, got)
			}
			s, _ := m.Snapshot()
			own := s.Classes["side"].Local["/%/io.l5d.localhost"+dst][PodScope("10.0.0.1")]
			if got := own != nil; got != knows[name] {
				t.Errorf("port %q after %v: the pod that is %s is told so: %v", port, after, name, got)
			}
		}
		if end, ok := m.NextEnd(); ok != (len(receiver) > 2 || len(receiver) > 0 && port == "") {
			t.Errorf("port %q after %v: something ends at %v: %v", port, after, end, ok)
		}
	}
	const http, web = "/#/io.l5d.k8s/default/http/a", "/#/io.l5d.k8s/default/web/a"
	step("http", 0, http, "http", "80")
	step("web", time.Second, web, "http", "web", "80")
	step("web", time.Second+goneFor, web, "web", "80") // by itself
	step("http", 20*time.Second, http, "http", "web", "80")
	step("web", 21*time.Second, web, "http", "web", "80")
	step("web", 20*time.Second+goneFor, web, "http", "web", "80") // the time of web began anew
	step("web", 21*time.Second+goneFor, web, "web", "80")
	step("", 40*time.Second, "", "web", "80")
	step("web", 41*time.Second, web, "web", "80")
	step("", 42*time.Second, "", "web", "80")
	step("", 42*time.Second+goneFor, "")
}

func destination(x *Explanation) string {
	if len(x.Destinations) == 0 {
		return ""
	}
	return x.Destinations[0].Cluster
}
