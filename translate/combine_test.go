package translate

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
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
	if len(found) > 0 { // no two of them have a service for one host
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

// Policies that lead a name to the same place take no variants for their combinations:
// the strongest decides.
func TestPoliciesThatSayTheSame(t *testing.T) {
	const policies = 10
	inv := manyPolicies(3, policies)
	for _, p := range inv.Policies {
		p.Object.Spec.Override = "/host/s1 => /srv/s2 ;"
	}
	m := NewModel(inv, time.Time{})
	for _, c := range m.explore(m.routers[0], nil, nil).all() {
		if c.name.String() != "/svc/s1" {
			continue
		}
		var says []string
		for _, v := range c.variants {
			says = append(says, fmt.Sprint(v.policies, v.answer.owner))
		}
		if want := "[9]env-9 [8]env-8 [7]env-7 [6]env-6 [5]env-5 [4]env-4 [3]env-3 [2]env-2 [1]env-1 [0]env-0"; strings.Join(says, " ") != want {
			t.Errorf("%v\nwant %s", says, want)
		}
		return
	}
	t.Error("there is no such host")
}

// Where not all combinations of policies are looked at, requests go where the table says
// as long as no more than four of those that hold lead their name somewhere; that of the
// others the strongest decides is told, and explain says what proxies do.
func TestCombinationsOfThoseThatCount(t *testing.T) {
	const services, policies = 15, 10
	inv := manyPolicies(services, policies)
	for seed := range uint64(12) {
		draw := rand.New(rand.NewPCG(seed, 0))
		inv := *inv
		inv.Services = maps.Clone(inv.Services)
		most := map[string]int{}
		inv.Policies = slices.Clone(inv.Policies)
		for i, p := range inv.Policies {
			counts := map[string]bool{fmt.Sprintf("s%d", i): true}
			for range draw.IntN(5) {
				host := fmt.Sprintf("s%d", draw.IntN(10))
				inv.withService(fmt.Sprintf("env-%d", i), host)
				counts[host] = true
			}
			with := *p
			for range draw.IntN(3) {
				host := fmt.Sprintf("s%d", draw.IntN(10))
				namespace := fmt.Sprintf("env-%d", i) // where it may not be
				if draw.IntN(2) == 0 {
					namespace = "default"
					counts[host] = true
				}
				with.Object.Spec.Override += fmt.Sprintf(" /srv/%s => /#/io.l5d.k8s/%s/http/%[1]s ;", host, namespace)
			}
			inv.Policies[i] = &with
			for host := range counts {
				most[host]++
			}
		}
		m := NewModel(&inv, time.Time{})
		r := m.routers[0]
		explored := m.explore(r, nil, nil)
		warned := len(explored.found) > 0
		if !explored.frugal {
			t.Fatal("all combinations were looked at")
		}
		told := map[string]*cell{}
		for _, c := range explored.all() {
			told[c.name.String()] = c
		}
		for range 30 {
			host := fmt.Sprintf("s%d", draw.IntN(12))
			var context dogfood.Context
			for i := range policies {
				if draw.IntN(3) == 0 {
					context = append(context, fmt.Sprintf("env-%d", i))
				}
			}
			x, err := m.ExplainName(r.key.String(), dtab.Path{"svc", host}, context)
			if err != nil {
				t.Fatal(err)
			}
			c := told["/svc/"+host]
			says := c.base
			for _, v := range c.variants {
				if !slices.ContainsFunc(v.policies, func(p int) bool { return !slices.Contains(context, m.overlays[p].id) }) {
					says = v.answer
					break
				}
			}
			if diff := cmp.Diff(m.destinations(says), x.Destinations); diff != "" {
				t.Errorf("%s with %v: -proxies +explained\n%s", host, context, diff)
			}
			_, table, _ := r.ask(dtab.Path{"svc", host}, context.Active(m.policies), nil)
			switch diff := cmp.Diff(m.destinations(table), x.Destinations); {
			case diff == "":
			case most[host] <= maxTogether:
				t.Errorf("%s with %v: -table +explained\n%s", host, context, diff)
			case !warned || len(x.Notes) == 0:
				t.Errorf("%s with %v: warned %v, notes %q:\n%s", host, context, warned, x.Notes, diff)
			}
		}
	}
}

// Two models with as many policies differ where one host leads elsewhere, and there
// only: it is proxies that are compared, not combinations that they do not tell apart.
func TestDiffOfManyPolicies(t *testing.T) {
	const services, policies = 65, 10
	inv := manyPolicies(services, policies)
	old := NewModel(inv, time.Time{})
	changed := *inv.Routers[0]
	changed.Object.Spec.Dtab += " /host/s60 => /srv/s1 ;"
	next := *inv
	next.Routers = []*Sourced[v1alpha1.Router]{&changed}
	d, err := Diff(old, NewModel(&next, time.Time{}), "")
	if err != nil {
		t.Fatal(err)
	}
	var hosts []string
	for _, m := range d.Moves {
		hosts = append(hosts, strings.Join(append(m.Policies, m.Host), " "))
	}
	if diff := cmp.Diff([]string{"s60", "env-1 s60"}, hosts); diff != "" || len(d.Notes) > 0 {
		t.Errorf("%s\n%v", diff, d.Notes)
	}
}
