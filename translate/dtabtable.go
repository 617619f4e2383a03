package translate

import (
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// dtabTable is the table of a Dtab object, and what it was read from. It is
// immutable.
type dtabTable struct {
	table dtab.Dtab
	text  *dtab.Text // of spec.dtab
	// list is spec.dentries, if each of them is one entry of the table.
	list []v1alpha1.Dentry
}

// ReadDtab reads the table of a Dtab object. Each entry's Origin names the
// object and its Pos the line.
func ReadDtab(src *Sourced[v1alpha1.Dtab]) (dtab.Dtab, []dtab.Finding) {
	t, found := readDtab(src, nil)
	return t.table, found
}

// readDtab is ReadDtab, given what was read before, which may be nil: what an edit
// has left is shared.
func readDtab(src *Sourced[v1alpha1.Dtab], last *dtabTable) (*dtabTable, []dtab.Finding) {
	if last == nil {
		last = &dtabTable{}
	}
	origin := "dtab " + src.Object.Namespace + "/" + src.Object.Name
	if len(src.Object.Spec.Dentries) > 0 {
		return readList(src, origin, last)
	}
	text, err := last.text.Next(src.Origin.Field("spec.dtab"), origin, src.Object.Spec.Dtab)
	if err != nil {
		return &dtabTable{}, []dtab.Finding{syntaxFinding(err)}
	}
	return &dtabTable{table: text.Dtab(), text: text}, nil
}

func readList(src *Sourced[v1alpha1.Dtab], origin string, last *dtabTable) (*dtabTable, []dtab.Finding) {
	list := src.Object.Spec.Dentries
	table := make(dtab.Dtab, 0, len(list))
	var found []dtab.Finding
	single := true
	for i, d := range list {
		at := src.Origin.Field(field("spec.dentries", i) + ".prefix")
		if e := last.entry(list, i); e != nil {
			table = append(table, dtab.Dentry{Prefix: e.Prefix, Dst: e.Dst, Pos: at.At(1, 1)})
			continue
		}
		t, err := dtab.Parse(at, d.Prefix+" => "+d.Dst)
		if err != nil {
			found = append(found, syntaxFinding(err))
		}
		single = single && len(t) == 1
		table = append(table, t...)
	}
	next := &dtabTable{table: named(table, origin)}
	if single {
		next.list = list
	}
	return next, found
}

// entry gives what was read of an equal dentry that stood as far from the beginning,
// or from the end, as number i of a list; nil if none did. It begins where its text
// does.
func (t *dtabTable) entry(list []v1alpha1.Dentry, i int) *dtab.Dentry {
	for _, j := range [2]int{i, i + len(t.list) - len(list)} {
		if j >= 0 && j < len(t.list) && t.list[j] == list[i] && strings.HasPrefix(list[i].Prefix, "/") {
			return &t.table[j]
		}
	}
	return nil
}

func named(table dtab.Dtab, origin string) dtab.Dtab {
	for i := range table {
		table[i].Origin = origin
	}
	return table
}
