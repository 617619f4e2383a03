package discovery

import (
	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
)

// recall gives the objects of ours in an inventory, which may be nil.
func recall(inv *translate.Inventory) map[id]object {
	all := map[id]object{}
	if inv == nil {
		return all
	}
	add := func(kind, namespace, name string, fact any) {
		i := id{kind, namespace, name}
		all[i] = object{id: i, fact: fact}
	}
	for _, r := range inv.Routers {
		add(v1alpha1.KindRouter, r.Object.Namespace, r.Object.Name, r)
	}
	for _, d := range inv.Dtabs {
		add(v1alpha1.KindDtab, d.Object.Namespace, d.Object.Name, d)
	}
	for _, p := range inv.Policies {
		add(v1alpha1.KindDogfoodPolicy, p.Object.Namespace, p.Object.Name, p)
	}
	return all
}

// recallFiles gives the same by the file that they were written in.
func recallFiles(inv *translate.Inventory) map[string][]object {
	all := map[string][]object{}
	for _, o := range recall(inv) {
		var from translate.Origin
		switch fact := o.fact.(type) {
		case *translate.Sourced[v1alpha1.Router]:
			from = fact.Origin
		case *translate.Sourced[v1alpha1.Dtab]:
			from = fact.Origin
		case *translate.Sourced[v1alpha1.DogfoodPolicy]:
			from = fact.Origin
		}
		o.pos.Source, o.pos.Line = from.Name, from.Line
		all[from.Name] = append(all[from.Name], o)
	}
	return all
}
