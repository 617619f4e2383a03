package translate

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// Of routers that claim one port the oldest is served, whatever they are called:
// what is created later takes nothing from it. Who gives way claims nothing.
func TestFirstRouterKeepsPort(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		created []int // days, by name
		ports   []int32
		served  string
	}{
		{[]int{0, 0}, []int32{1, 1}, "a"},
		{[]int{1, 1}, []int32{1, 1}, "a"},
		{[]int{2, 1}, []int32{1, 1}, "b"},
		{[]int{1, 2}, []int32{1, 1}, "a"},
		{[]int{3, 2, 1}, []int32{1, 1, 1}, "c"},
		{[]int{2, 1}, []int32{1, 2}, "a b"},
	} {
		inv := worldOf("/svc => /#/io.l5d.k8s/default/http", "/svc/a => /$/nil")
		one := inv.Routers[0]
		inv.Routers = nil
		for i, created := range test.created {
			next := *one
			next.Object.Name, next.Object.Spec.Port = string(rune('a'+i)), test.ports[i]
			next.Origin.Name = next.Object.Name
			if created > 0 {
				next.Object.CreationTimestamp = metav1.NewTime(day.AddDate(0, 0, created))
			}
			inv.Routers = append(inv.Routers, &next)
		}
		m := NewModel(inv, day)
		var served, refused []string
		for _, name := range m.RouterNames() {
			served = append(served, strings.TrimPrefix(name, "default/"))
		}
		for _, f := range m.Findings() {
			if f.Code == codeConflict {
				refused = append(refused, f.Message)
			}
		}
		if got := strings.Join(served, " "); got != test.served || len(served)+len(refused) != len(test.created) {
			t.Errorf("created %v at ports %v: served is %s, and %q", test.created, test.ports, got, refused)
		}
	}
}

// A policy whose id somebody else's has, who came later, goes on.
func TestFirstPolicyKeepsID(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	inv := worldOf("/svc => /#/io.l5d.k8s/default/http", "/svc/a => /$/nil")
	ours := inv.Policies[0]
	ours.Object.CreationTimestamp = metav1.NewTime(day)
	theirs := *ours
	theirs.Object.Namespace, theirs.Object.CreationTimestamp = "a-team", metav1.NewTime(day.Add(time.Second))
	inv.Policies = []*Sourced[v1alpha1.DogfoodPolicy]{&theirs, ours}
	m := NewModel(inv, day)
	if len(m.policies) != 1 || m.policies[0].Namespace != "default" {
		t.Errorf("served are %v", m.policies)
	}
}
