package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// manyPolicies is a router with services, and environments by policies of their own
// that may change each of them.
func manyPolicies(services, policies int) *Inventory {
	inv := &Inventory{Services: map[Key]*Service{}}
	for i := range services {
		inv.withService("default", fmt.Sprintf("s%d", i))
	}
	r := &Sourced[v1alpha1.Router]{}
	r.Object.Name, r.Object.Namespace = "out", "default"
	r.Object.Spec = v1alpha1.RouterSpec{
		ProxyClass: "sidecar", Port: 1, Trust: v1alpha1.TrustInternal, DstPrefix: "/svc",
		Dtab: "/srv => /#/io.l5d.k8s/default/http ; /host => /srv ; /svc => /host ;",
	}
	inv.Routers = append(inv.Routers, r)
	yes := "yes"
	for i := range policies {
		p := &Sourced[v1alpha1.DogfoodPolicy]{}
		p.Object.Name, p.Object.Namespace = fmt.Sprintf("env-%d", i), "default"
		p.Object.Spec = v1alpha1.DogfoodPolicySpec{
			When:     v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: p.Object.Name, Exact: &yes}},
			Override: fmt.Sprintf("/srv => /#/io.l5d.k8s/env-%d/http ;", i),
		}
		inv.Policies = append(inv.Policies, p)
		inv.withService(p.Object.Name, fmt.Sprintf("s%d", i))
	}
	return inv
}

func (inv *Inventory) withService(namespace, name string) {
	key := Key{namespace, name}
	inv.Services[key] = &Service{Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}}, Slices: []*Slice{{
		Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}},
		Endpoints: []Endpoint{{Addresses: []string{"10.0.0.1"}, Ready: true, Serving: true}},
	}}}
}

// However many combinations of policies there are, every host is served, with what
// each policy says. That not all combinations were looked at is told.
func TestPoliciesCostNoHosts(t *testing.T) {
	const services, policies = 65, 10
	inv := manyPolicies(services, policies)
	m := NewModel(inv, time.Time{})
	s, found := m.SnapshotAfter(nil)
	hosts := s.Classes["sidecar"].Resources[VirtualHostType]
	for i := range services {
		if hosts[fmt.Sprintf("default/out/s%d", i)] == nil {
			t.Errorf("host s%d is not served", i)
		}
	}
	for i := range policies {
		to := fmt.Sprintf("/#/io.l5d.k8s/env-%d/http/s%d", i, i)
		if !slices.ContainsFunc(hosts[fmt.Sprintf("default/out/s%d", i)].Clusters, func(c string) bool { return strings.Contains(c, to) }) {
			t.Errorf("its host does not lead to %s", to)
		}
	}
	if len(found) != 1 || found[0].Code != codeTooMany || found[0].Severity != dtab.Warning || !strings.Contains(found[0].Message, "env-9") {
		t.Errorf("%v", found)
	}

	// What is made of it when something changes is what is made of nothing.
	next := *inv
	next.Services = maps.Clone(inv.Services)
	next.withService("env-3", "s50")
	m = m.Next(&next, time.Time{})
	got, gotFound := m.SnapshotAfter(s)
	want, wantFound := NewModel(m.inventory, time.Time{}).Snapshot()
	if diff := differ(got, want); diff != "" || fmt.Sprint(gotFound) != fmt.Sprint(wantFound) {
		t.Errorf("%s\n%v\n%v", diff, gotFound, wantFound)
	}
	if n := reused(s, got); n == 0 {
		t.Error("all was explored again")
	}
	few := *inv
	few.Policies = slices.Clone(inv.Policies[:4])
	if _, found := m.Next(&few, time.Time{}).SnapshotAfter(got); len(found) > 0 {
		t.Errorf("with few policies: %v", found)
	}
}
