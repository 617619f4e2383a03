package translate

import (
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// texts are what a router's table was read from: the Dtab that it refers to, nil
// for none, and its own text.
type texts struct {
	ref *dtabTable
	own *dtab.Text
}

// ref gives the Dtab that the router refers to, nil if there is none.
func (r *router) ref() *Sourced[v1alpha1.Dtab] {
	if r.spec.DtabRef == nil {
		return nil
	}
	i := slices.IndexFunc(r.dtabs, func(d *Sourced[v1alpha1.Dtab]) bool {
		return d.Object.Name == r.spec.DtabRef.Name && d.Object.Namespace == r.key.Namespace
	})
	if i < 0 {
		return nil
	}
	return r.dtabs[i]
}

// readsAs tells that the router's table is read from the same texts as before, in
// the same places.
func (r *router) readsAs(was *router) bool {
	a, b := r.ref(), was.ref()
	return r.spec.Dtab == was.spec.Dtab && a == b && (a != nil || r.spec.DtabRef == nil) &&
		r.origin.Field("spec.dtab") == was.origin.Field("spec.dtab")
}

// readTable reads the table that the router stands for: the entries of its DtabRef,
// then its own. Of what the router was before, which may be nil, it shares what an
// edit has left.
func (r *router) readTable(was *router) []dtab.Finding {
	if was == nil {
		was = &router{}
	}
	var ref dtab.Dtab
	var found []dtab.Finding
	if name := r.spec.DtabRef; name != nil {
		src := r.ref()
		if src == nil {
			return []dtab.Finding{{
				Code: codeRef, Severity: dtab.Error,
				Pos:     r.origin.Field("spec.dtabRef.name").At(1, 1),
				Message: "there is no Dtab " + r.key.Namespace + "/" + name.Name,
				Hint:    "create it, or take dtabRef away",
			}}
		}
		r.texts.ref, found = readDtab(src, was.texts.ref)
		ref = r.texts.ref.table
	}
	own, err := was.texts.own.Next(r.origin.Field("spec.dtab"), "router "+r.key.String(), r.spec.Dtab)
	if err != nil {
		return append(found, syntaxFinding(err))
	}
	r.texts.own = own
	table := own.Dtab()
	if len(table) == 0 {
		table = ref
	} else if len(ref) > 0 {
		table = slices.Concat(ref, table)
	}
	if was.table == nil {
		r.table = dtab.NewIndex(table)
	} else {
		r.table, _ = was.table.With(table)
	}
	return found
}
