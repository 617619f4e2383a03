package translate

import (
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// The appProtocol of a port says that its endpoints speak HTTP/2, or else its name does,
// whichever namer of Kubernetes has found it, and nothing else.
func TestPortsOfHTTP2(t *testing.T) {
	for _, c := range []struct {
		name, protocol string
		want           bool
	}{
		{"grpc", "", true}, {"h2", "", true}, {"h2c", "", true}, {"http2", "", true}, {"grpc-api", "", true}, {"h2-incoming", "", true},
		{"http", "", false}, {"grpcs", "", false}, {"https", "", false}, {"h22", "", false}, {"api-grpc", "", false}, {"grpc", "mine", true},
		{"http", "kubernetes.io/h2c", true}, {"http", "h2c", true}, {"web", "http2", true}, {"web", "grpc", true}, {"web", "https", false},
		{"grpc", "http", false}, {"h2", "kubernetes.io/ws", false},
	} {
		service := &Service{Exists: true, Ports: []ServicePort{
			{Name: "other", Port: 1, AppProtocol: "http"}, {Name: c.name, Port: 80, AppProtocol: c.protocol},
		}}
		// The namespace would be one of HTTP/2 if it were a port's name.
		inv := &Inventory{Services: map[Key]*Service{{"grpc", "web"}: service}}
		for kind, id := range map[string]dtab.Path{
			dtab.KindK8s: {"grpc", c.name, "web"}, dtab.KindK8sNS: {c.name, "web"}, dtab.KindK8sExternal: {"grpc", c.name, "web"},
		} {
			n := namer{namerSpec: &namerSpec{config: v1alpha1.Namer{Kind: kind}, namespace: "grpc", prefix: dtab.Path{kind}}, view: View{Inventory: inv}}
			if got := n.speaksHTTP2(append(dtab.Path{"#", kind}, id...)); got != c.want {
				t.Errorf("port %s of %s, %q: %t", c.name, kind, c.protocol, got)
			}
		}
		n := namer{namerSpec: &namerSpec{config: v1alpha1.Namer{Kind: dtab.KindK8s}, prefix: dtab.Path{"k8s"}}, view: View{Inventory: inv}}
		if byNumber := n.speaksHTTP2(dtab.Path{"#", "k8s", "grpc", "80", "web"}); c.protocol == "kubernetes.io/h2c" && !byNumber {
			t.Errorf("port 80, %q: %t", c.protocol, byNumber)
		}
		// A Service that is away says what it said for those who still know its names.
		n.view = View{Inventory: &Inventory{lately: map[Key][]gone{{"grpc", "web"}: {{service: service}}}}, late: true}
		if got := n.speaksHTTP2(dtab.Path{"#", "k8s", "grpc", c.name, "web"}); got != c.want {
			t.Errorf("port %s, %q, of a Service that is away: %t", c.name, c.protocol, got)
		}
	}
	files := namer{namerSpec: &namerSpec{config: v1alpha1.Namer{Kind: dtab.KindFS}, prefix: dtab.Path{"files"}}}
	if files.speaksHTTP2(dtab.Path{"#", "files", "grpc"}) {
		t.Error("a file speaks HTTP/2")
	}
}

// What a Service says of its port counts for all hosts that lead to it, also when it says
// something else, or is known later than its endpoints.
func TestProtocolOfServiceChanges(t *testing.T) {
	inv := manyPolicies(1, 0)
	inv.Routers[0].Object.Spec.Dtab += "/host/other => /srv/s0 ;"
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := NewModel(inv, now)
	s, _ := m.SnapshotAfter(nil)
	key := Key{"default", "s0"}
	for _, protocol := range []string{"kubernetes.io/h2c", "", "http2", "http"} {
		next, service := *inv, *inv.Services[key]
		service.Ports = []ServicePort{{Name: "http", Port: 80, AppProtocol: protocol}}
		next.Services = map[Key]*Service{key: &service}
		m = m.Next(&next, now)
		s, _ = m.SnapshotAfter(s)
		anew, _ := NewModel(&next, now).Snapshot()
		if diff := differ(s, anew); diff != "" {
			t.Errorf("once it says %q: %s", protocol, diff)
		}
	}
}
