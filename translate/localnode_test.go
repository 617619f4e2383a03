package translate

import (
	"fmt"
	"testing"
	"time"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
)

// Where the sender has chosen, a node's proxy goes on to a pod that is no longer
// ready, or not yet, if there is no other: the two hear of it at different
// times. A router that names requests itself knows ready pods only.
func TestNodeKnowsPodsThatWereChosen(t *testing.T) {
	for _, c := range []struct {
		chosen bool
		ready  []bool
		want   string
	}{
		{true, []bool{true, false}, "[0 10.0.0.1] [1 10.0.0.2]"},
		{true, []bool{false, false}, "[0 10.0.0.1 10.0.0.2]"},
		{true, []bool{true, true}, "[0 10.0.0.1 10.0.0.2]"},
		{false, []bool{true, false}, "[0 10.0.0.1]"},
		{false, []bool{false, false}, ""},
	} {
		slice := &Slice{Name: "a", Ports: []SlicePort{{Name: "http", Port: 80}}}
		for i, ready := range c.ready {
			slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", i+1)}, NodeName: "n", Ready: ready, Serving: ready})
		}
		key := Key{"default", "a"}
		spec := v1alpha1.RouterSpec{
			ProxyClass: "node", Port: 1, Dtab: "/svc => /#/io.l5d.k8s ;",
			Transformers: []v1alpha1.Transformer{{Kind: transformLocalnode, HostNetwork: true}},
		}
		if c.chosen {
			spec.Identifier = &v1alpha1.Identifier{Kind: identifyHeader, Header: HeaderDst}
		} else {
			spec.Dtab = "/svc/a => /#/io.l5d.k8s/default/http/a ;"
		}
		m := NewModel(&Inventory{
			Services: map[Key]*Service{key: {Key: key, Exists: true, Slices: []*Slice{slice}}},
			Routers:  []*Sourced[v1alpha1.Router]{{Object: v1alpha1.Router{ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"}, Spec: spec}}},
		}, time.Now())
		s, found := m.Snapshot()
		r := s.Classes["node"].Local["/%/io.l5d.k8s.localnode/#/io.l5d.k8s/default/http/a"][NodeScope("n")]
		got := ""
		if r != nil {
			var cla endpointv3.ClusterLoadAssignment
			if err := r.Body.UnmarshalTo(&cla); err != nil {
				t.Fatal(err)
			}
			for i, group := range cla.Endpoints {
				if i > 0 {
					got += " "
				}
				got += fmt.Sprint("[", group.Priority)
				for _, e := range group.LbEndpoints {
					got += " " + e.GetEndpoint().Address.GetSocketAddress().Address
				}
				got += "]"
			}
		}
		if got != c.want {
			t.Errorf("chosen %t, ready %v: the node's proxy knows %q, want %q (findings: %v %v)", c.chosen, c.ready, got, c.want, m.Findings(), found)
		}
	}
}
