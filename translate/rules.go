package translate

import (
	"cmp"
	"slices"

	"kibble.dev/dtab"
)

// Rules gives every rule that names are looked up by, each once, in the order of
// their places: those of the routers' tables, of Dtab objects that no router
// names, and of policies' overrides. Of the members of a family, who have their
// rules from one text, it gives those of the first.
func (m *Model) Rules() []dtab.Dentry {
	var all []dtab.Dentry
	seen := map[dtab.Pos]bool{}
	add := func(table dtab.Dtab) {
		for _, d := range table {
			if !seen[d.Pos] {
				seen[d.Pos] = true
				all = append(all, d)
			}
		}
	}
	for _, r := range m.routers {
		add(r.table.Dtab())
	}
	for _, src := range m.inventory.Dtabs {
		table, _ := ReadDtab(src) // what does not parse is among the findings
		add(table)
	}
	for _, p := range m.policies {
		add(p.Override)
	}
	slices.SortStableFunc(all, func(a, b dtab.Dentry) int {
		return cmp.Or(cmp.Compare(a.Pos.Source, b.Pos.Source), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return all
}
