package translate

import (
	"slices"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Next reads the inventory that follows the model's own. An object that cannot
// be served any more, because somebody broke it, goes on in the form in which
// the model serves it, until it is mended or deleted: a finding says so.
func (m *Model) Next(inv *Inventory, now time.Time) *Model {
	if m.inventory != nil { // of one that was kept in a file, only the objects are known
		inv = inv.after(m.inventory, m.selectors(), now)
	}
	if next := m.afterMove(inv, now); next != nil {
		return next
	}
	return newModel(inv, now, m)
}

// lastRouter reads a router in the form in which the last model serves it, but
// with the services of now; nil if it serves none of that name.
func lastRouter(inv *Inventory, key Key, last *Model) *router {
	was := last.served(key)
	if was == nil {
		return nil
	}
	then := *inv
	then.Dtabs = was.dtabs
	r, _ := newRouterAfter(&then, was.src, was)
	return r
}

// served gives the router of a name that a model serves, nil if there is none, or
// no model.
func (m *Model) served(key Key) *router {
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.routers, func(r *router) bool { return r.key == key })
	if i < 0 {
		return nil
	}
	return m.routers[i]
}

// lastPolicies compiles a policy in the form in which the last model serves it,
// with the keys of then.
func lastPolicies(key Key, last *Model, spaces map[string]map[string]string, now time.Time) ([]dogfood.Policy, *Sourced[v1alpha1.DogfoodPolicy]) {
	if last == nil || last.good[key] == nil {
		return nil, nil
	}
	src := last.good[key]
	policies, _ := dogfood.Compile(src.Object, src.Origin.Field, dogfood.Facts{Namespaces: spaces}, now)
	return policies, src
}

// broken tells that a finding keeps an object from being served.
func broken(found []dtab.Finding) bool {
	return slices.ContainsFunc(found, func(f dtab.Finding) bool { return f.Severity == dtab.Error })
}

// keptFinding says that the last good form of an object goes on.
func keptFinding(what string, at dtab.Pos) dtab.Finding {
	return dtab.Finding{
		Code: codeKept, Severity: dtab.Info, Pos: at,
		Message: "the last good form of " + what + " goes on being served",
		Hint:    "mend the object, or delete it",
	}
}

// KeepFrom puts the resources of an earlier snapshot in place of those that
// could not be made for this one, because Envoy would refuse them.
func (s *Snapshot) KeepFrom(last *Snapshot) {
	if last == nil {
		return
	}
	for name, c := range s.Classes {
		before := last.Classes[name]
		if before == nil {
			continue
		}
		for _, f := range c.failed {
			if r := before.Resources[f.typ][f.name]; r != nil {
				c.Resources[f.typ][f.name] = r
			}
			if local := before.Local[f.name]; local != nil && c.Local[f.name] == nil {
				c.Local[f.name] = local
			}
			if at := before.AtPods[f.name]; at != nil && f.typ == ListenerType {
				c.AtPods[f.name] = at
			}
		}
	}
}

// failure is a resource that could not be made.
type failure struct{ typ, name string }
