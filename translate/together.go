package translate

import (
	"slices"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// together gives the answer to a name where several policies hold, as the routes have it
// that proxies are told: with by, those that decide. It is not ok where every combination
// of the policies was looked at: then it is what the table says.
func (m *Model) together(r *router, name dtab.Path, context []string) (a answer, by []string, ok bool) {
	active := dogfood.Context(context).Active(m.policies)
	if len(active) < 2 {
		return answer{}, nil, false
	}
	e, c := newExplorer(r, m.names, m.overlays), &cell{name: name}
	e.frugal = true
	all := e.evaluate(&sample{marks: e.marks}, c)
	if all || e.at.combined > 0 && !m.isFrugal(r) {
		return answer{}, nil, false
	}
	a, deciding := c.where(func(p int) bool {
		return slices.ContainsFunc(active, func(a dogfood.Policy) bool { return a.ID == m.overlays[p].id })
	})
	for _, p := range deciding {
		by = append(by, m.overlays[p].id)
	}
	return a, by, true
}

// isFrugal tells that not all combinations of policies were looked at where a router
// is explored, or would be.
func (m *Model) isFrugal(r *router) bool {
	all := map[int]bool{}
	for i := range m.overlays {
		all[i] = true
	}
	if few(alternatives(m.overlays, all)) {
		return false
	}
	if _, known := m.frugal.Load(r.key); !known {
		m.explore(r, nil, nil)
	}
	frugal, _ := m.frugal.Load(r.key)
	return frugal == true
}

// tellTogether says in an explanation what is different for proxies, because not all
// combinations of the policies that hold were looked at.
func (m *Model) tellTogether(r *router, x *Explanation, name dtab.Path, a answer) answer {
	told, by, ok := m.together(r, name, x.Context)
	if !ok || told.key() == a.key() {
		return a
	}
	x.Notes = append(x.Notes, "of the policies that hold, these alone count here: "+strings.Join(by, ", ")+
		". So many can change this name that not all combinations of them are told apart ("+codeTooMany+")")
	return told
}
