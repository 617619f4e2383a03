package translate

import (
	"net/netip"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// A policy ends at the time that NextEnd gives, without any change of the inventory.
func TestPolicyEndsByItself(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	first, second := now.Add(time.Hour), now.Add(2*time.Hour)
	inv := &Inventory{Routers: []*Sourced[v1alpha1.Router]{{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "default"},
		Spec:       v1alpha1.RouterSpec{ProxyClass: "edge", Port: 1, Dtab: "/svc => /$/inet/127.0.0.1/1"},
	}}}}
	for name, end := range map[string]time.Time{"a": first, "b": second} {
		src := &Sourced[v1alpha1.DogfoodPolicy]{}
		src.Object.Name, src.Object.Namespace = name, "default"
		src.Object.Spec = v1alpha1.DogfoodPolicySpec{
			When:      v1alpha1.Condition{SourceRanges: []string{"0.0.0.0/0"}},
			Override:  "/svc => /$/inet/127.0.0.1/2",
			ExpiresAt: &metav1.Time{Time: end},
		}
		inv.Policies = append(inv.Policies, src)
	}
	m := NewModel(inv, now)
	for _, want := range []struct {
		end  time.Time
		held int
	}{{first, 2}, {second, 1}, {time.Time{}, 0}} {
		x, err := m.Explain(Question{Router: "edge", Request: Request{Method: "GET", Host: "a", Path: "/"}, Source: netip.MustParseAddr("10.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		end, ok := m.NextEnd()
		if len(x.Context) != want.held || !end.Equal(want.end) || ok != (want.held > 0) {
			t.Errorf("%v hold until %v, want %d until %v", x.Context, end, want.held, want.end)
		}
		m = m.Next(inv, end)
	}

	// The clock was wrong, and is set back: they have not ended.
	for _, at := range []time.Time{second.AddDate(1, 0, 0), now} {
		m = NewModel(inv, at)
		if m.Outdated(at) || m.Outdated(at.Add(time.Minute)) {
			t.Errorf("what was read at %v is outdated", at)
		}
	}
	if m = NewModel(inv, second.AddDate(1, 0, 0)); !m.Outdated(now) {
		t.Error("what has ended in a year from now has ended")
	}
	if end, _ := m.Next(inv, now).NextEnd(); !end.Equal(first) {
		t.Errorf("the first ends at %v, want %v", end, first)
	}
}
