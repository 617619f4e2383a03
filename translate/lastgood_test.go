package translate

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

func worldOf(routerDtab, override string) *Inventory {
	key := Key{"default", "a"}
	inv := &Inventory{Services: map[Key]*Service{key: {
		Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}},
		Slices: []*Slice{{
			Ports:     []SlicePort{{Name: "http", Port: 8080}},
			Endpoints: []Endpoint{{Addresses: []string{"127.0.0.1"}, Ready: true, Serving: true}},
		}},
	}}}
	inv.Routers = []*Sourced[v1alpha1.Router]{{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"},
		Spec:       v1alpha1.RouterSpec{ProxyClass: "edge", Port: 4142, Dtab: routerDtab},
	}}}
	yes := "yes"
	inv.Policies = []*Sourced[v1alpha1.DogfoodPolicy]{{Object: v1alpha1.DogfoodPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "default"},
		Spec: v1alpha1.DogfoodPolicySpec{
			When:     v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: "c", Exact: &yes}},
			Override: override,
		},
	}}}
	return inv
}

// TestBrokenObjectsGoOn: an object that somebody broke is served as it was, and
// a finding says so; mended, it is served as it is.
func TestBrokenObjectsGoOn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const good, other = "/svc => /#/io.l5d.k8s/default/http", "/svc => /$/inet/127.0.0.1/80"
	first := NewModel(worldOf(good, "/svc/a => /$/nil"), now)
	before, _ := first.Snapshot()
	for name, inv := range map[string]*Inventory{
		"router": worldOf("/svc => =>", "/svc/a => /$/nil"),
		"policy": worldOf(good, "=> /a"),
	} {
		m := first.Next(inv, now)
		if !broken(m.Findings()) {
			t.Errorf("%s: no finding of severity error", name)
		}
		after, _ := m.Snapshot()
		for _, typ := range []string{RouteType, ClusterType, ExtensionType, ListenerType} {
			for key, r := range before.Classes["edge"].Resources[typ] {
				if now := after.Classes["edge"].Resources[typ][key]; now == nil || now.Version != r.Version {
					t.Errorf("%s: %s %s changed, though nothing good did", name, typ, key)
				}
			}
		}
	}
	mended := first.Next(worldOf("/svc => =>", "/svc/a => /$/nil"), now).Next(worldOf(other, "/svc/a => /$/nil"), now)
	x, err := mended.Explain(Question{Router: "r", Request: Request{Host: "a", Path: "/"}})
	if err != nil || len(x.Destinations) != 1 || x.Destinations[0].Cluster != "/$/inet/127.0.0.1/80" {
		t.Errorf("the mended router leads to %+v, %v", x, err)
	}
	if found := NewModel(worldOf("/svc => =>", "/svc/a => /$/nil"), now).Findings(); !broken(found) || found[0].Severity != dtab.Error {
		t.Errorf("a router that never was good: %v", found)
	}
}
