package translate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// besidePods gives the listeners of a router beside pods, on demand or not.
func besidePods(t testing.TB, onDemand *v1alpha1.OnDemand) *PodListener {
	t.Helper()
	r := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "out", Namespace: "default"},
		Spec: v1alpha1.RouterSpec{
			ProxyClass: "sidecar", Port: 4140, Bind: v1alpha1.BindPod, Dtab: "/svc => /#/io.l5d.k8s/default/http ;", OnDemand: onDemand,
			AdHocOverrides: &v1alpha1.AdHocOverrides{Allow: []string{"/svc"}},
		},
	}}
	s, found := NewModel(&Inventory{Routers: []*Sourced[v1alpha1.Router]{r}}, time.Time{}).Snapshot()
	at := s.Classes["sidecar"].AtPods["default/out"]
	if at == nil {
		t.Fatalf("the router has no listener at pods: %v", found)
	}
	return at
}

// The listener at a pod is the one that is made for its address of nothing.
func TestPodListener(t *testing.T) {
	for _, onDemand := range []*v1alpha1.OnDemand{nil, {}} {
		at := besidePods(t, onDemand)
		for _, ip := range []string{"10.1.2.3", "fd00::7"} {
			for scope, spec := range at.spec.atPod(ip) {
				l, err := newListener(spec, ip)
				if err != nil {
					t.Fatal(err)
				}
				want, err := spec.encoded(l, spec.source)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, at.At(scope), cmp.AllowUnexported(Resource{}), protocmp.Transform()); diff != "" {
					t.Errorf("at %s (-want +got):\n%s", scope, diff)
				}
			}
		}
		for _, scope := range []Scope{"pod/", "pod/nowhere", "node/a", "net/10.1.2"} {
			if r := at.At(scope); r != nil {
				t.Errorf("there is a listener at %s: %s", scope, r.Version)
			}
		}
	}
}

// BenchmarkPodListener is the listener of one more proxy beside a pod.
func BenchmarkPodListener(b *testing.B) {
	at := besidePods(b, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		at.At(PodScope(fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255)))
	}
}
