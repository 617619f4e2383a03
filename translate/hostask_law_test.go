package translate

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
)

// lean gives the table without the hosts that a proxy can do without: those that
// are on ask, and not within a host with a wildcard.
func (g generated) lean() *routev3.RouteConfiguration {
	hosts := g.class.snapshot.Resources[VirtualHostType]
	rc := proto.Clone(g.rc).(*routev3.RouteConfiguration)
	if !hosts["default/r/*"].Asks {
		return rc
	}
	within := func(host string) bool {
		return slices.ContainsFunc(rc.VirtualHosts, func(vh *routev3.VirtualHost) bool {
			suffix, wild := strings.CutPrefix(vh.Domains[0], "*.")
			return wild && strings.HasSuffix(host, "."+suffix)
		})
	}
	rc.VirtualHosts = slices.DeleteFunc(rc.VirtualHosts, func(vh *routev3.VirtualHost) bool {
		return hosts[vh.Name].OnAsk && !within(vh.Domains[0])
	})
	return rc
}

// genHosts gives a table as it is written for sidecars: services by name, and
// rules for a few hosts.
func genHosts(t *rapid.T) string {
	table := "/srv => /#/io.l5d.k8s/default/http ;\n/host => /srv ;\n/svc => /host ;\n"
	for range rapid.IntRange(0, 4).Draw(t, "hosts") {
		host, _, _ := strings.Cut(strings.ToLower(genHost(t)), ":")
		table += "/host/" + strings.TrimRight(host, ".!") + " => " + genTree(t, 1) + " ;\n"
	}
	return table
}

// does is what a route does, with what people and the receiver are told.
func does(r *routev3.Route) string {
	value := func(headers []*corev3.HeaderValueOption, name string) string {
		var all []string
		for _, h := range headers {
			if h.Header.Key == name {
				all = append(all, h.Header.Value)
			}
		}
		return strings.Join(all, " or ")
	}
	text := said(r) + " in " + value(r.ResponseHeadersToAdd, HeaderEnvironment)
	if r.GetRoute().GetCluster() != "" {
		text += " for " + strings.ReplaceAll(value(r.RequestHeadersToAdd, HeaderDst), "%%", "%") + " passed " + value(r.ResponseHeadersToAdd, HeaderFallback)
	}
	return text
}

// saysAnswer is the same of an answer.
func saysAnswer(a HostAnswer) string {
	branches := make([]branch, len(a.Branches))
	parts := make([]string, len(a.Branches))
	for i, b := range a.Branches {
		branches[i].share = b.Share
	}
	var sum float64
	weights := wholeWeights(branches)
	for _, w := range weights {
		sum += float64(w)
	}
	for i, b := range a.Branches {
		parts[i] = fmt.Sprintf("%.4f %s", float64(weights[i])/sum, b.Cluster)
	}
	text := strings.Join(parts, " & ") + " in " + a.Environment
	if len(a.Branches) == 1 {
		b := a.Branches[0]
		passed := slices.DeleteFunc([]string{b.All, b.Passed}, func(s string) bool { return s == "" })
		text += " for " + b.Dst + " passed " + strings.Join(passed, " or ")
	}
	return text
}

// A proxy that lacks hosts, and asks about requests that come to the host for all
// others, does with every request what one does that has all of them.
func TestAskingSaysTheSame(t *testing.T) {
	answered, refused, elsewhere := 0, 0, 0
	enough := func() bool { return answered > 300 && refused > 300 && elsewhere > 300 }
	checkUntil(t, enough, func(t *rapid.T) {
		g := generateOf(t, func(s *v1alpha1.RouterSpec) {
			s.ProxyClass, s.OnDemand, s.Identifier = "sidecar", &v1alpha1.OnDemand{}, nil
			if rapid.IntRange(0, 3).Draw(t, "meant for it") > 0 {
				s.Dtab = genHosts(t)
			}
			s.Responses = slices.DeleteFunc(s.Responses, func(r v1alpha1.Response) bool { return !r.Unrouted })
		})
		all, some := newAsEnvoy(g.rc), newAsEnvoy(g.lean())
		for range 40 {
			req := genRequest(t, g.overlays)
			want, route := does(all.route(req)), some.route(req)
			got := does(route)
			if route.TypedPerFilterConfig[hostFilter] != nil {
				a, ok := g.class.snapshot.Ask("default/r", req)
				switch {
				case !ok:
					t.Fatal("it asks, and nobody answers")
				case a.Known:
					got = saysAnswer(a)
					answered++
				default:
					refused++
				}
			} else {
				elsewhere++
			}
			if got != want {
				t.Fatalf("table:\n%v\noverlays: %v\nrequest: %+v\nwith all hosts: %s\nasking:         %s",
					g.router.table.Dtab().Indented("  "), g.overlays, req, want, got)
			}
		}
	})
}

// What is decided elsewhere than by the host, or anybody can have asked, is told in advance.
func TestWhoAsksAboutHosts(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.RouterSpec){
		"not on demand": func(s *v1alpha1.RouterSpec) { s.OnDemand = nil },
		"untrusted":     func(s *v1alpha1.RouterSpec) { s.Trust = v1alpha1.TrustUntrusted },
		"hands over":    func(s *v1alpha1.RouterSpec) { s.Transformers = []v1alpha1.Transformer{{Kind: transformLocalhost}} },
		"by path":       func(s *v1alpha1.RouterSpec) { s.Identifier = &v1alpha1.Identifier{Kind: identifyPath} },
		"by method":     func(s *v1alpha1.RouterSpec) { s.Identifier = &v1alpha1.Identifier{Kind: identifyMethod} },
		"has responses": func(s *v1alpha1.RouterSpec) { s.Responses = []v1alpha1.Response{{Path: "/", Status: 200}} },
		"sees ports":    func(s *v1alpha1.RouterSpec) { s.Dtab = "/svc => /$/io.buoyant.porthostPfx/host ;" },
		"asks":          func(*v1alpha1.RouterSpec) {},
	} {
		spec := v1alpha1.RouterSpec{ProxyClass: "sidecar", Dtab: "/svc => /#/io.l5d.k8s/default/http ;", OnDemand: &v1alpha1.OnDemand{}}
		change(&spec)
		r, found := newRouter(&Inventory{}, &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{Spec: spec}})
		if r == nil {
			t.Fatal(found)
		}
		r.seePorts(nil)
		if got := r.asksHosts(); got != (name == "asks") {
			t.Errorf("%s: %v", name, got)
		}
	}
}
