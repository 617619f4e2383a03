package translate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/anypb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// What is made of a change of endpoints is what would be made anew, whatever the
// change is, and says what it says about it.
func TestMovedIsMadeAnew(t *testing.T) {
	quick := 0
	checkUntil(t, func() bool { return quick > 0 }, func(t *rapid.T) {
		inv := movingWorld(t)
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		m := NewModel(inv, now)
		s, _ := m.SnapshotAfter(nil)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			inv, now = moveSomething(t, inv), later(t, now)
			m = m.Next(inv, now)
			if m.moved != nil {
				quick++
			}
			s, _ = m.SnapshotAfter(s)
			anew, _ := NewModel(m.inventory, now).Snapshot()
			if diff := differ(s, anew); diff != "" {
				t.Fatal(diff)
			}
			answers := func(m *Model) string {
				var all string
				for _, host := range []string{"a", "b", "in"} {
					for _, router := range []string{"side", "node", "edge"} {
						x, err := m.Explain(Question{Router: router, Request: Request{Host: host, Path: "/", Header: map[string][]string{}}})
						if err != nil {
							t.Fatal(err)
						}
						all += fmt.Sprintln(host, router, x.Status, x.Destinations)
					}
				}
				return all
			}
			if got, want := answers(m), answers(NewModel(m.inventory, now)); got != want {
				t.Fatalf("explained\n%swant\n%s", got, want)
			}
		}
	})
}

// differ names a resource in which two snapshots differ.
func differ(a, b *Snapshot) string {
	for name, class := range b.Classes {
		for typ, resources := range class.Resources {
			if len(resources) != len(a.Classes[name].Resources[typ]) {
				return fmt.Sprintf("%s of class %s: %d, made anew %d", typ, name, len(a.Classes[name].Resources[typ]), len(resources))
			}
			for key, r := range resources {
				if d := differs(a.Classes[name].Resources[typ][key], r); d != "" {
					return d
				}
			}
		}
		if len(class.AtPods) != len(a.Classes[name].AtPods) {
			return fmt.Sprintf("listeners at pods of class %s: %d, made anew %d", name, len(a.Classes[name].AtPods), len(class.AtPods))
		}
		for key, at := range class.AtPods {
			const elsewhere = "10.99.99.99"
			if was := a.Classes[name].AtPods[key]; was == nil {
				return key + " is at no pod"
			} else if d := differs(was.At(PodScope(elsewhere)), at.At(PodScope(elsewhere))); d != "" {
				return d
			}
		}
		for key, scopes := range class.Local {
			if len(scopes) != len(a.Classes[name].Local[key]) {
				return fmt.Sprintf("local %s of class %s: %d, made anew %d", key, name, len(a.Classes[name].Local[key]), len(scopes))
			}
			for scope, r := range scopes {
				if d := differs(a.Classes[name].Local[key][scope], r); d != "" {
					return d
				}
			}
		}
	}
	return ""
}

func differs(a, b *Resource) string {
	body := func(r *Resource) *anypb.Any { return r.Body }
	switch {
	case a == nil:
		return b.Name + " is not there"
	case a.Version != b.Version || a.Source != b.Source || !bytes.Equal(body(a).Value, body(b).Value):
		return fmt.Sprintf("%s is\n%v, made anew\n%v", b.Name, a.Body, b.Body)
	}
	return ""
}

// movingWorld has a router of each kind whose resources depend on endpoints.
func movingWorld(t *rapid.T) *Inventory {
	inv := &Inventory{Services: map[Key]*Service{}}
	for _, name := range []string{"a", "b", "gateway"} {
		inv.Services[Key{"default", name}] = movingService(t, name)
	}
	for i, spec := range []v1alpha1.RouterSpec{
		{ProxyClass: "edge", Port: 1, Transformers: []v1alpha1.Transformer{{Kind: transformDaemonset, Namespace: "default", Service: "gateway", Port: "http", HostNetwork: true}}},
		{ProxyClass: "node", Port: 2, Transformers: []v1alpha1.Transformer{{Kind: transformLocalnode}}},
		{ProxyClass: "node", Port: 5, Identifier: &v1alpha1.Identifier{Kind: identifyHeader, Header: HeaderDst}, Transformers: []v1alpha1.Transformer{{Kind: transformLocalnode, HostNetwork: true}}},
		{ProxyClass: "side", Port: 3, Bind: v1alpha1.BindPod, Transformers: []v1alpha1.Transformer{{Kind: transformLocalhost}}},
		{ProxyClass: "side", Port: 4, Namers: []v1alpha1.Namer{{Kind: dtab.KindK8s, LabelSelector: "v"}, {Kind: dtab.KindK8sNS, Namespace: "default"}}},
	} {
		name := []string{"edge", "node", "chosen", "side", "label"}[i]
		spec.Tracing = &v1alpha1.Tracing{Collector: v1alpha1.Collector{Service: "a", Port: "http"}}
		spec.Dtab = "/svc => /#/io.l5d.k8s/default/http ; /svc/in => /#/io.l5d.k8s/default/80/b"
		if name == "label" {
			spec.Dtab = "/svc => /#/io.l5d.k8s.ns/http ; /svc/a => /#/io.l5d.k8s/default/http/a/1 | /#/io.l5d.k8s/default/http/b/2"
		}
		inv.Routers = append(inv.Routers, &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: spec}})
	}
	return inv
}

func movingService(t *rapid.T, name string) *Service {
	s := &Service{Key: Key{"default", name}, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80, TargetPort: 8080}}}
	for i := range rapid.IntRange(0, 2).Draw(t, "slices") {
		slice := &Slice{Name: fmt.Sprint(name, i), Ports: []SlicePort{{Name: rapid.SampledFrom([]string{"http", "http", "web"}).Draw(t, "port"), Port: 8080}}}
		for range rapid.IntRange(0, 3).Draw(t, "endpoints") {
			host := rapid.IntRange(1, 4).Draw(t, "host")
			slice.Endpoints = append(slice.Endpoints, Endpoint{
				Addresses: []string{fmt.Sprintf("10.0.%d.%d", host%2, host)}, NodeName: fmt.Sprint("n", host%2),
				Ready: rapid.Bool().Draw(t, "ready"), Serving: true,
				Labels: Labels{"v": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "v")},
			})
		}
		s.Slices = append(s.Slices, slice)
	}
	return s
}

// moveSomething changes the slices of a Service, sometimes more.
func moveSomething(t *rapid.T, inv *Inventory) *Inventory {
	next := *inv
	next.Services = maps.Clone(inv.Services)
	name := rapid.SampledFrom([]string{"a", "b", "gateway"}).Draw(t, "service")
	s := movingService(t, name)
	next.Services[s.Key] = s
	switch rapid.IntRange(0, 9).Draw(t, "more") {
	case 0:
		s.Ports = nil
	case 1:
		delete(next.Services, s.Key)
	}
	return &next
}

// BenchmarkMovedEndpoint translates one endpoint's change among 5,000 Services of
// 10 endpoints, where listeners bind the addresses of pods too, and all of it for
// comparison.
func BenchmarkMovedEndpoint(b *testing.B) {
	inv := &Inventory{Services: map[Key]*Service{}}
	service := func(i, moved int) *Service {
		name := fmt.Sprintf("service-%d", i)
		slice := &Slice{Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}}}
		for k := range 10 {
			slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i/200, i%200, k+moved)}, Ready: true, Serving: true})
		}
		return &Service{Key: Key{"default", name}, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}}, Slices: []*Slice{slice}}
	}
	for i := range 5000 {
		s := service(i, 0)
		inv.Services[s.Key] = s
	}
	inv.Routers = []*Sourced[v1alpha1.Router]{{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"},
		Spec:       v1alpha1.RouterSpec{ProxyClass: "side", Port: 1, Dtab: "/svc => /#/io.l5d.k8s/default/http"},
	}}}
	pods := *inv
	pods.Routers = append(slices.Clone(inv.Routers), &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "in", Namespace: "default"},
		Spec: v1alpha1.RouterSpec{
			ProxyClass: "side", Port: 2, Bind: v1alpha1.BindPod, Dtab: "/svc => /#/io.l5d.k8s/default/http",
			Transformers: []v1alpha1.Transformer{{Kind: transformLocalhost}},
		},
	}})
	one := func(b *testing.B, inv *Inventory) {
		m := NewModel(inv, time.Time{})
		s, _ := m.Snapshot()
		for n := 0; b.Loop(); n++ {
			next := *inv
			next.Services = maps.Clone(inv.Services)
			moved := service(7, n%200)
			next.Services[moved.Key] = moved
			m = m.Next(&next, time.Time{})
			s, _ = m.SnapshotAfter(s)
		}
	}
	b.Run("one", func(b *testing.B) { one(b, inv) })
	b.Run("one/pods", func(b *testing.B) { one(b, &pods) })
	for name, inv := range map[string]*Inventory{"all": inv, "all/pods": &pods} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				NewModel(inv, time.Time{}).Snapshot()
			}
		})
	}
}
