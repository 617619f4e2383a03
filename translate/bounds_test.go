package translate

import (
	"strings"
	"testing"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// boundsModel is an internal router that takes overrides within bounds. Its
// table leads out in some ways that linkerd's users know.
func boundsModel(t *testing.T, a v1alpha1.AdHocOverrides, failover bool) *Model {
	t.Helper()
	src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{Spec: v1alpha1.RouterSpec{
		ProxyClass: "sidecar", Port: 1, DstPrefix: "/svc", AdHocOverrides: &a, Failover: failover,
		Dtab: `
/srv     => /#/io.l5d.k8s/default/http ;
/ph      => /$/io.buoyant.rinet ;
/hp      => /$/io.buoyant.hostportPfx/port ;
/port    => /$/inet ;
/any     => /ph/80 | /srv ;
/safe    => /srv | /ph/80 ;
/partner => /ph/80/partner.example.com ;
/fixed   => /$/inet/127.0.0.1/81 ;
/dom     => /$/io.buoyant.http.domainToPathPfx/rev ;
/rev     => /$/inet ;
/host    => /srv ;
/svc     => /host ;
/svc/own => /ph/80/own.example.com ;
`,
	}}}
	src.Object.Name, src.Object.Namespace = "r", "default"
	inv := &Inventory{Routers: []*Sourced[v1alpha1.Router]{src}, Services: map[Key]*Service{}}
	for _, name := range []string{"a", "b"} {
		key := Key{"default", name}
		inv.Services[key] = &Service{Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}}, Slices: []*Slice{{
			Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}},
			Endpoints: []Endpoint{{Addresses: []string{"127.0.0.1"}, Ready: true, Serving: true}},
		}}}
	}
	m := NewModel(inv, time.Time{})
	if found := m.Findings(); broken(found) {
		t.Fatal(found)
	}
	return m
}

// Where rules may lead, by the prefixes of to. Answers are the cluster, or the
// status and what is said.
func TestBounds(t *testing.T) {
	inside := []string{"/srv", "/host", "/any", "/safe", "/hp", "/partner", "/fixed", "/dom", "/svc", "/out"}
	for _, test := range []struct {
		to         []string
		rule, want string
	}{
		{inside, "/host/x => /srv/a", "/#/io.l5d.k8s/default/http/a"},
		{inside, "/host => /srv", "502"},
		{inside, "/host/* => /srv/a", "/#/io.l5d.k8s/default/http/a"},
		{inside, "/host/x => /srv/gone | /srv/b", "/#/io.l5d.k8s/default/http/b"},
		// The table says address and port itself.
		{inside, "/host/x => /partner", "/$/io.buoyant.rinet/80/partner.example.com"},
		{inside, "/host/x => /fixed", "/$/inet/127.0.0.1/81"},
		{inside, "/host/x => /svc/own", "/$/io.buoyant.rinet/80/own.example.com"},
		// The rule says it, by way of the table.
		{inside, "/host/x => /any/evil", "403 leads out to /$/io.buoyant.rinet/80/evil"},
		{inside, "/host/x => /any/evil & /srv/a", "403 leads out to /$/io.buoyant.rinet/80/evil"},
		{inside, "/host/x => /safe/evil", "403 leads out to /$/io.buoyant.rinet/80/evil"},
		{inside, "/host/x => /safe/a", "/#/io.l5d.k8s/default/http/a"},
		{inside, "/host/x => /hp/evil:80", "403 leads out to /$/inet/evil/80"},
		{inside, "/host/x => /dom/80.evil", "403 leads out to /$/inet/evil/80"},
		{inside, "/svc => /any", "403 leads out to /$/io.buoyant.rinet/80/x"},
		{inside, "/host/x => /host/y ; /host/y => /any/z", "403 leads out to /$/io.buoyant.rinet/80/z"},
		// Rules that say it themselves, or rewrite what they must not.
		{inside, "/host/x => /$/inet/evil/80", "403 leads to /$/inet/evil/80"},
		{inside, "/host/x => /$", "403 leads to /$"},
		{inside, "/host/x => /", "403 leads to /"},
		{inside, "/host/x => 0.1 * /srv/a & ( /srv/b | /ph/80/evil )", "403 leads to /ph/80/evil"},
		{inside, "/srv => /host", "403 rewrites /srv"},
		{inside, "/* => /srv", "403 rewrites /*"},
		{inside, "/ => /srv", "403 rewrites /"},
		{inside, "/*/x => /srv/a", "403 rewrites /*/x"},
		{inside, "/hosts/x => /srv/a", "403 rewrites /hosts/x"},
		// Everything below / is not a namer of /$.
		{[]string{"/"}, "/host/x => /srv/a", "/#/io.l5d.k8s/default/http/a"},
		{[]string{"/"}, "/host/x => /#/io.l5d.k8s/default/http/b", "/#/io.l5d.k8s/default/http/b"},
		{[]string{"/"}, "/host/x => /$/inet/evil/80", "403 leads to /$/inet/evil/80"},
		{[]string{"/$"}, "/host/x => /$/inet/evil/80", "403 leads to /$/inet/evil/80"},
		{[]string{"/"}, "/host => / ; /host/x => /host/$/inet/evil/80", "403 leads out to /$/inet/evil/80"},
		{[]string{"/"}, "/host/x => /ph/80/evil", "403 leads out to /$/io.buoyant.rinet/80/evil"},
		// A namer that is named.
		{[]string{"/$/inet"}, "/host/x => /$/inet/good/80", "/$/inet/good/80"},
		{[]string{"/$/inet/good"}, "/host/x => /$/inet/good/80", "/$/inet/good/80"},
		{[]string{"/$/inet/good"}, "/host/x => /$/inet/evil/80", "403 leads to /$/inet/evil/80"},
		{[]string{"/$/inet"}, "/host/x => /$/io.buoyant.rinet/80/evil", "403 leads to /$/io.buoyant.rinet/80/evil"},
		{[]string{"/any", "/$/inet"}, "/host/x => /any/evil", "403 leads out to /$/io.buoyant.rinet/80/evil"},
		{[]string{"/any", "/$/io.buoyant.rinet/80"}, "/host/x => /any/evil", "/$/io.buoyant.rinet/80/evil"},
		// No to: those of allow.
		{nil, "/host/x => /host/a", "/#/io.l5d.k8s/default/http/a"},
		{nil, "/host/x => /srv/a", "403 leads to /srv/a"},
	} {
		m := boundsModel(t, v1alpha1.AdHocOverrides{Allow: []string{"/host", "/svc"}, To: test.to}, false)
		req := Request{Method: "GET", Host: "x", Path: "/", Header: map[string][]string{HeaderDtab: {test.rule}}}
		res := m.Resolve(Override{Router: "r", Class: "sidecar", Request: req})
		x, err := m.Explain(Question{Router: "r", Request: req})
		if err != nil || x.Status != res.Status || res.Status == 403 && res.Body != x.Reason+"\n" {
			t.Errorf("%s: the resolver says %d %q, explain %+v (%v)", test.rule, res.Status, res.Body, x, err)
		}
		status, text, failed := strings.Cut(test.want, " ")
		switch {
		case res.Status == 200 && res.Branches[0].Cluster == test.want:
		case res.Status == 502 && test.want == "502":
		case failed && res.Status == 403 && status == "403" && strings.Contains(res.Body, text+";"):
		default:
			t.Errorf("to %q, %s: %d %q %+v, want %s", test.to, test.rule, res.Status, res.Body, res.Branches, test.want)
		}
	}
}

// What stands in for others is left out when a rule has put its address there.
func TestBoundsOfFailover(t *testing.T) {
	m := boundsModel(t, v1alpha1.AdHocOverrides{Allow: []string{"/host"}, To: []string{"/srv", "/safe"}}, true)
	req := Request{Method: "GET", Host: "x", Path: "/", Header: map[string][]string{HeaderDtab: {"/host/x => /safe/a | /srv/b"}}}
	res := m.Resolve(Override{Router: "r", Class: "sidecar", Request: req})
	if res.Status != 200 || strings.Contains(res.Branches[0].Cluster, "rinet") || !strings.Contains(res.Branches[0].Cluster, "http/b") {
		t.Errorf("%d %q %+v", res.Status, res.Body, res.Branches)
	}
}

func TestUselessGrants(t *testing.T) {
	takes := &v1alpha1.AdHocOverrides{Allow: []string{"/host"}}
	for _, test := range []struct {
		edge, out *v1alpha1.AdHocOverrides
		routers   []string
		want      string
	}{
		{takes, nil, nil, ""},
		{takes, nil, []string{"edge"}, ""},
		{nil, takes, nil, "no Router that decides the policy takes overrides"},
		{nil, nil, []string{"edge"}, "Router edge takes no overrides"},
		{takes, takes, []string{"out"}, "Router out is internal"},
	} {
		inv := &Inventory{}
		for i, a := range []*v1alpha1.AdHocOverrides{test.edge, test.out} {
			r := &Sourced[v1alpha1.Router]{}
			r.Object.Name, r.Object.Namespace = []string{"edge", "out"}[i], "default"
			r.Object.Spec = v1alpha1.RouterSpec{ProxyClass: r.Object.Name, Port: int32(i + 1), AdHocOverrides: a}
			inv.Routers = append(inv.Routers, r)
		}
		p := &Sourced[v1alpha1.DogfoodPolicy]{}
		p.Object.Name, p.Object.Namespace = "p", "default"
		p.Object.Spec = v1alpha1.DogfoodPolicySpec{
			Routers: test.routers, Grant: v1alpha1.GrantAdHoc, When: v1alpha1.Condition{SourceRanges: []string{"10.0.0.0/8"}},
		}
		inv.Policies = append(inv.Policies, p)
		var texts []string
		for _, f := range NewModel(inv, time.Time{}).Findings() {
			if f.Severity != dtab.Info {
				texts = append(texts, f.Message)
			}
		}
		if got := strings.Join(texts, "|"); test.want == "" && got != "" || !strings.HasPrefix(got, test.want) || len(texts) > 1 {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
