package translate

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"kibble.dev/api/v1alpha1"
)

// Good is what a model serves, each object in the form in which it is served,
// in a form that can be written as JSON and read back. There are no Secrets and
// no files of keys in it: what needs them is not served by a model that is made
// of it. It must not be changed.
type Good struct {
	Services   []*Service                         `json:"services"`
	Namespaces map[string]Labels                  `json:"namespaces"`
	Files      map[string]map[string]*File        `json:"files,omitempty"`
	Ingresses  []*Sourced[HTTPIngress]            `json:"ingresses,omitempty"`
	Routers    []GoodRouter                       `json:"routers"`
	Policies   []*Sourced[v1alpha1.DogfoodPolicy] `json:"policies,omitempty"`
	// Dtabs are lists of them, each as it was at one time; the first is the newest.
	Dtabs [][]*Sourced[v1alpha1.Dtab] `json:"dtabs"`
}

// GoodRouter is a Router with the Dtabs that its table was made with.
type GoodRouter struct {
	Router *Sourced[v1alpha1.Router] `json:"router"`
	// Dtabs is the number of a list in Good.Dtabs.
	Dtabs int `json:"dtabs,omitempty"`
}

// Good gives what the model serves.
func (m *Model) Good() *Good {
	g := &Good{
		Namespaces: m.inventory.Namespaces, Files: m.inventory.Files, Ingresses: m.inventory.Ingresses,
		Dtabs: [][]*Sourced[v1alpha1.Dtab]{m.inventory.Dtabs},
	}
	for _, s := range m.inventory.Services {
		g.Services = append(g.Services, s)
	}
	slices.SortFunc(g.Services, func(a, b *Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range m.routers {
		g.Routers = append(g.Routers, GoodRouter{Router: r.src, Dtabs: g.list(r.dtabs)})
	}
	for _, p := range m.written {
		g.Policies = append(g.Policies, p)
	}
	slices.SortFunc(g.Policies, func(a, b *Sourced[v1alpha1.DogfoodPolicy]) int {
		return cmp.Or(cmp.Compare(a.Object.Namespace, b.Object.Namespace), cmp.Compare(a.Object.Name, b.Object.Name))
	})
	return g
}

// list gives the number of a list of Dtabs, which is added if it is a new one.
func (g *Good) list(dtabs []*Sourced[v1alpha1.Dtab]) int {
	for i, known := range g.Dtabs {
		if slices.Equal(known, dtabs) {
			return i
		}
	}
	g.Dtabs = append(g.Dtabs, dtabs)
	return len(g.Dtabs) - 1
}

// Model gives a model that serves what the one did that this is of, but for
// what needs a Secret or a file of keys. The time decides which policies are over.
func (g *Good) Model(now time.Time) *Model {
	inv := g.Inventory()
	last := &Model{}
	for _, r := range g.Routers {
		then := *inv
		if r.Dtabs < 0 || r.Dtabs >= len(g.Dtabs) {
			continue
		}
		if then.Dtabs = g.Dtabs[r.Dtabs]; reflect.DeepEqual(then.Dtabs, inv.Dtabs) {
			continue
		}
		if old, _ := newRouter(&then, r.Router); old != nil {
			last.routers = append(last.routers, old)
		}
	}
	return newModel(inv, now, last)
}

// Inventory gives the facts, with the newest Dtabs.
func (g *Good) Inventory() *Inventory {
	inv := &Inventory{
		Services: make(map[Key]*Service, len(g.Services)), Namespaces: g.Namespaces, Files: g.Files, Ingresses: g.Ingresses, Policies: g.Policies,
	}
	for _, s := range g.Services {
		if s != nil {
			inv.Services[s.Key] = s
		}
	}
	for _, r := range g.Routers {
		if r.Router != nil {
			inv.Routers = append(inv.Routers, r.Router)
		}
	}
	// A model's routers are in the order of its inventory, which is this one.
	slices.SortFunc(inv.Routers, func(a, b *Sourced[v1alpha1.Router]) int {
		return cmp.Or(cmp.Compare(a.Object.Namespace, b.Object.Namespace), cmp.Compare(a.Object.Name, b.Object.Name))
	})
	if len(g.Dtabs) > 0 {
		inv.Dtabs = g.Dtabs[0]
	}
	return inv
}
