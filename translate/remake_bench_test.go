package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// BenchmarkTranslate translates a router of many hosts from nothing ("all"), and
// then one change of each kind, of which it reports what part of all that costs.
// In one of the inventories hosts are names of Services, in the others each has a
// rule of its own: in the Router, in a Dtab that it refers to, or in a list there.
func BenchmarkTranslate(b *testing.B) {
	for _, hosts := range []int{1_000, 10_000} {
		for _, w := range []benchWorld{{hosts, "services"}, {hosts, "rules"}, {hosts, "ref"}, {hosts, "list"}} {
			b.Run(fmt.Sprintf("%s-%d", w.kind, hosts), w.run)
		}
	}
}

type benchWorld struct {
	hosts int
	kind  string
}

func (w benchWorld) run(b *testing.B) {
	inv := w.inventory()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	all := 0.0
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if s, found := NewModel(inv, now).SnapshotAfter(nil); len(found) > 0 || len(s.Classes["side"].Resources[VirtualHostType]) <= w.hosts {
				b.Fatal(found)
			}
		}
		all = b.Elapsed().Seconds() / float64(b.N)
	})
	for _, change := range w.changes() {
		b.Run(change.name, func(b *testing.B) {
			inventories := []*Inventory{inv, change.of(inv)}
			m := NewModel(inv, now)
			s, _ := m.SnapshotAfter(nil)
			b.ReportAllocs()
			n := 0
			for b.Loop() { // there and back
				n++
				m = m.Next(inventories[n%2], now)
				next, _ := m.SnapshotAfter(s)
				if next.Classes["side"] == s.Classes["side"] {
					b.Fatal("nothing has changed")
				}
				s = next
			}
			if all > 0 {
				b.ReportMetric(100*b.Elapsed().Seconds()/float64(b.N)/all, "%-of-all")
			}
		})
	}
}

func (w benchWorld) service(i int) *Service {
	name := fmt.Sprintf("service-%d", i)
	slice := &Slice{Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}}}
	for k := range 10 {
		slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", i/200, i%200, k)}, Ready: true, Serving: true})
	}
	return &Service{Key: Key{"default", name}, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}}, Slices: []*Slice{slice}}
}

func (w benchWorld) rules() []string {
	rules := []string{"/srv => /#/io.l5d.k8s/default/http"}
	for i := range w.hosts {
		rules = append(rules, fmt.Sprintf("/svc/host-%d.example.com => /srv/service-%d", i, i))
	}
	return rules
}

func (w benchWorld) inventory() *Inventory {
	inv := &Inventory{Services: map[Key]*Service{}, Namespaces: map[string]Labels{"default": {}}}
	for i := range w.hosts {
		s := w.service(i)
		inv.Services[s.Key] = s
	}
	spec := v1alpha1.RouterSpec{ProxyClass: "side", Port: 1, Dtab: "/svc => /#/io.l5d.k8s/default/http"}
	switch w.kind {
	case "rules":
		spec.Dtab = strings.Join(w.rules(), " ;\n")
	case "ref", "list":
		spec.Dtab, spec.DtabRef = "", &v1alpha1.LocalRef{Name: "d"}
	}
	inv.Routers = []*Sourced[v1alpha1.Router]{{
		Object: v1alpha1.Router{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"}, Spec: spec}, Origin: Origin{Name: "router default/r"},
	}}
	w.setRules(inv, w.rules())
	return w.withPolicy(inv, "before", "/svc/host-7.example.com => /srv/service-8 ; /svc/service-7 => /#/io.l5d.k8s/default/http/service-8", nil)
}

// setRules writes rules where they are kept.
func (w benchWorld) setRules(inv *Inventory, rules []string) {
	switch w.kind {
	case "rules":
		r := *inv.Routers[0]
		r.Object.Spec.Dtab = strings.Join(rules, " ;\n")
		inv.Routers = []*Sourced[v1alpha1.Router]{&r}
	case "ref":
		w.setDtab(inv, v1alpha1.DtabSpec{Dtab: strings.Join(rules, " ;\n")})
	case "list":
		var spec v1alpha1.DtabSpec
		for _, r := range rules {
			prefix, dst, _ := strings.Cut(r, " => ")
			spec.Dentries = append(spec.Dentries, v1alpha1.Dentry{Prefix: prefix, Dst: dst})
		}
		w.setDtab(inv, spec)
	}
}

func (w benchWorld) setDtab(inv *Inventory, spec v1alpha1.DtabSpec) {
	inv.Dtabs = []*Sourced[v1alpha1.Dtab]{{
		Object: v1alpha1.Dtab{ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: "default"}, Spec: spec},
		Origin: Origin{Name: "dtab default/d"},
	}}
}

func (w benchWorld) withPolicy(inv *Inventory, name, override string, each *v1alpha1.ForEach) *Inventory {
	next, value := *inv, "{namespace}"
	if each == nil {
		value = name
	}
	p := v1alpha1.DogfoodPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: v1alpha1.DogfoodPolicySpec{
		ForEach: each, When: v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: "c", Exact: &value}}, Override: override,
	}}
	next.Policies = append(slices.Clone(inv.Policies), &Sourced[v1alpha1.DogfoodPolicy]{Object: p, Origin: Origin{Name: "dogfoodpolicy default/" + name}})
	return &next
}

type benchChange struct {
	name string
	of   func(*Inventory) *Inventory
}

func (w benchWorld) changes() []benchChange {
	half := w.hosts / 2
	changes := []benchChange{
		{"policy", func(inv *Inventory) *Inventory {
			return w.withPolicy(inv, "more", "/svc/host-9.example.com => /srv/service-1 ; /svc/service-9 => /#/io.l5d.k8s/default/http/service-1", nil)
		}},
		{"namespace", func(inv *Inventory) *Inventory {
			next := w.withPolicy(inv, "each", "/svc/host-9.example.com => /#/io.l5d.k8s/{namespace}/http/service-9 ; /svc/service-9 => /#/io.l5d.k8s/{namespace}/http/service-9",
				&v1alpha1.ForEach{NamespaceSelector: metav1.LabelSelector{MatchLabels: map[string]string{"preview": "true"}}})
			next.Namespaces = maps.Clone(inv.Namespaces)
			next.Namespaces["pr-1"] = Labels{"preview": "true"}
			s := w.service(9)
			s.Namespace = "pr-1"
			next.Services = maps.Clone(inv.Services)
			next.Services[s.Key] = s
			return next
		}},
		{"service-added", func(inv *Inventory) *Inventory {
			next, s := *inv, w.service(w.hosts)
			next.Services = maps.Clone(inv.Services)
			next.Services[s.Key] = s
			return &next
		}},
		{"service-removed", func(inv *Inventory) *Inventory {
			next := *inv
			next.Services = maps.Clone(inv.Services)
			delete(next.Services, Key{"default", fmt.Sprintf("service-%d", half)})
			return &next
		}},
		{"port", func(inv *Inventory) *Inventory {
			next, s := *inv, w.service(half)
			s.Ports[0].Name, s.Slices[0].Ports[0].Name = "web", "web"
			next.Services = maps.Clone(inv.Services)
			next.Services[s.Key] = s
			return &next
		}},
	}
	if w.kind != "services" {
		changes = append(changes, w.ruleChanges("start", 1)...)
		changes = append(changes, w.ruleChanges("middle", half)...)
		changes = append(changes, w.ruleChanges("end", w.hosts)...)
	}
	return changes
}

// ruleChanges edits the rules at a place.
func (w benchWorld) ruleChanges(where string, at int) []benchChange {
	rule := func(name string, edit func([]string) []string) benchChange {
		return benchChange{"rule-" + name + "-" + where, func(inv *Inventory) *Inventory {
			next := *inv
			w.setRules(&next, edit(w.rules()))
			return &next
		}}
	}
	return []benchChange{
		rule("edited", func(r []string) []string {
			prefix, _, _ := strings.Cut(r[at], " => ")
			r[at] = prefix + " => /srv/service-2"
			return r
		}),
		rule("added", func(r []string) []string {
			return slices.Insert(r, at, "/svc/new.example.com => /srv/service-1")
		}),
		rule("removed", func(r []string) []string { return slices.Delete(r, at, at+1) }),
	}
}
