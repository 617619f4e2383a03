package translate

import (
	"maps"
	"slices"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// EditedTable is the source that positions in a table of SupposeTable name.
const EditedTable = "edited table"

// SupposeTable gives a model of one router of m and all policies, as it would be
// if the text were the router's own table. Where the text has a mistake, the
// findings say so and the model has no router. The error names the routers
// there are.
func (m *Model) SupposeTable(router, text string, now time.Time) (*Model, error) {
	return m.suppose(router, now, func(_ *Inventory, src *Sourced[v1alpha1.Router]) {
		src.Object.Spec.Dtab = text
		src.Origin.Fields = maps.Clone(src.Origin.Fields)
		if src.Origin.Fields == nil {
			src.Origin.Fields = map[string]dtab.Source{}
		}
		src.Origin.Fields["spec.dtab"] = dtab.Source{Name: EditedTable, Line: 1}
	})
}

// SupposeNoPolicies gives a model of one router of m, as it would be if there
// were no policy.
func (m *Model) SupposeNoPolicies(router string, now time.Time) (*Model, error) {
	return m.suppose(router, now, func(inv *Inventory, _ *Sourced[v1alpha1.Router]) { inv.Policies = nil })
}

// suppose changes a copy of what the model serves, reduced to one router: of
// objects that somebody broke it has the last good form, as the model does.
func (m *Model) suppose(router string, now time.Time, change func(*Inventory, *Sourced[v1alpha1.Router])) (*Model, error) {
	r, err := m.router(router)
	if err != nil {
		return nil, err
	}
	inv, src := *m.inventory, *r.src
	inv.Dtabs = r.dtabs
	inv.Policies = slices.Clone(inv.Policies)
	for i, p := range inv.Policies {
		if good := m.good[Key{p.Object.Namespace, p.Object.Name}]; good != nil {
			inv.Policies[i] = good
		}
	}
	change(&inv, &src)
	inv.Routers = []*Sourced[v1alpha1.Router]{&src}
	return NewModel(&inv, now), nil
}
