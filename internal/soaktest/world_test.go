package soaktest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
)

// facts are the objects of a cluster in which environments come and go.
type facts struct {
	services   map[translate.Key]*translate.Service
	namespaces map[string]translate.Labels
	routers    []*translate.Sourced[v1alpha1.Router]
	policies   []*translate.Sourced[v1alpha1.DogfoodPolicy]
}

// base is what always stays: an edge, sidecars, and some services.
func base() *facts {
	f := &facts{services: map[translate.Key]*translate.Service{}, namespaces: map[string]translate.Labels{"default": {}}}
	for i := range 20 {
		f.service("default", fmt.Sprintf("s%d", i), 0)
	}
	f.router("edge", "edge", 4142, "/svc => /#/io.l5d.k8s/default/http ;")
	f.router("outgoing", "sidecar", 4140, "/host => /#/io.l5d.k8s/default/http ; /svc => /host ;")
	return f
}

// service sets a service with endpoints, which are others for each round.
func (f *facts) service(namespace, name string, round int) {
	key := translate.Key{Namespace: namespace, Name: name}
	slice := &translate.Slice{Name: name, Ports: []translate.SlicePort{{Name: "http", Port: 8080}}}
	for i := range 5 {
		slice.Endpoints = append(slice.Endpoints, translate.Endpoint{
			Addresses: []string{fmt.Sprintf("10.0.%d.%d", round%250, i+1)}, Ready: true, Serving: true,
		})
	}
	f.services = maps.Clone(f.services)
	f.services[key] = &translate.Service{
		Key: key, Exists: true, Ports: []translate.ServicePort{{Name: "http", Port: 80}}, Slices: []*translate.Slice{slice},
	}
}

func (f *facts) router(name, class string, port int32, table string) {
	f.routers = sorted(f.routers, &translate.Sourced[v1alpha1.Router]{
		Object: v1alpha1.Router{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
			Spec:       v1alpha1.RouterSpec{ProxyClass: class, Port: port, Dtab: table},
		},
		Origin: translate.Origin{Name: "router default/" + name},
	}, func(r *translate.Sourced[v1alpha1.Router]) string { return r.Object.Name })
}

// environment adds one: a namespace with services, who gets into it, and a
// router of its own.
func (f *facts) environment(n int) {
	name := fmt.Sprintf("env-%d", n)
	f.namespaces = maps.Clone(f.namespaces)
	f.namespaces[name] = translate.Labels{"n": name}
	for i := range 3 {
		f.service(name, fmt.Sprintf("s%d", i), n)
	}
	f.policies = sorted(f.policies, &translate.Sourced[v1alpha1.DogfoodPolicy]{
		Object: v1alpha1.DogfoodPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"},
			Spec: v1alpha1.DogfoodPolicySpec{
				When:     v1alpha1.Condition{Cookie: &v1alpha1.Match{Name: "environment", Exact: &name}},
				Override: fmt.Sprintf("/host/s0 => /#/io.l5d.k8s/%s/http/s0 ;", name),
			},
		},
		Origin: translate.Origin{Name: "dogfoodpolicy default/" + name},
	}, func(p *translate.Sourced[v1alpha1.DogfoodPolicy]) string { return p.Object.Name })
	f.router(name, fmt.Sprintf("class-%d", n%7), 5000, "/svc => /#/io.l5d.k8s/"+name+"/http ;")
}

// sorted adds an object to a list that others may still read.
func sorted[T any](list []*translate.Sourced[T], o *translate.Sourced[T], name func(*translate.Sourced[T]) string) []*translate.Sourced[T] {
	list = append(slices.Clone(list), o)
	slices.SortFunc(list, func(a, b *translate.Sourced[T]) int { return strings.Compare(name(a), name(b)) })
	return list
}

func (f *facts) inventory() *translate.Inventory {
	return &translate.Inventory{Services: f.services, Namespaces: f.namespaces, Routers: f.routers, Policies: f.policies}
}
