package importer

import (
	"cmp"
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// table is a delegation table: a text, or a list of dentries.
type table struct {
	name    string
	text    string
	src     dtab.Source
	pos     dtab.Pos
	comment string
	// listed says that the table is a list; dentries are its entries.
	listed bool
	// pinned says that only the beginning of the text has a place in the file.
	pinned   bool
	dentries []dentry
}

type dentry struct {
	prefix, dst value
	comment     string
}

// textTable is the table that a field holds as text.
func textTable(name string, v value) *table {
	return &table{name: name, text: v.text(), src: v.page.source(v.node), pos: v.place(), comment: comments(v.key, v.node),
		pinned: v.page.pinned || folded(v.node)}
}

// spec gives the table as the spec of a Dtab.
func (t *table) spec() *yaml.Node {
	spec := block()
	if !t.listed && t.text != "" {
		set(spec, "dtab", tableText(t.text))
		return spec
	}
	list := sequence()
	for _, d := range t.dentries {
		item := block()
		set(item, "prefix", text(d.prefix.text()))
		set(item, "dst", text(d.dst.text()))
		if flow(item); d.comment != "" {
			item.HeadComment = d.comment
		}
		list.Content = append(list.Content, item)
	}
	if len(list.Content) == 0 {
		list.Style = yaml.FlowStyle
	}
	set(spec, "dentries", list)
	return spec
}

// parse gives the table's meaning. A mistake in it is a finding.
func (t *table) parse(p *pool) dtab.Dtab {
	if !t.listed {
		all, err := dtab.Parse(t.src, t.text)
		if bad, ok := errors.AsType[*dtab.SyntaxError](err); ok && t.pinned {
			bad.Pos = t.src.At(1, 1)
		}
		p.syntax(err, dtab.Source{}, false, t.text)
		return all
	}
	var all dtab.Dtab
	for _, d := range t.dentries {
		prefix, err := dtab.ParsePrefix(d.prefix.text())
		p.syntax(err, d.prefix.page.source(d.prefix.node), true, d.prefix.text())
		tree, err2 := dtab.ParseTree(d.dst.text())
		p.syntax(err2, d.dst.page.source(d.dst.node), true, d.dst.text())
		if err == nil && err2 == nil {
			all = append(all, dtab.Dentry{Prefix: prefix, Dst: tree})
		}
	}
	return all
}

// syntax reports a mistake in a text; relative places are counted from src.
func (p *pool) syntax(err error, src dtab.Source, relative bool, text string) {
	var bad *dtab.SyntaxError
	if !errors.As(err, &bad) {
		return
	}
	f := bad.Finding()
	f.Code = CodeSyntax
	f.Hint = cmp.Or(fillIn(text), f.Hint)
	if relative {
		f.Pos = src.At(max(f.Pos.Line, 1), max(f.Pos.Col, 1))
	}
	p.result.Findings = append(p.result.Findings, f)
}

// tables makes a Dtab of every table that stands outside of a router.
func (p *pool) tables() {
	for _, ask := range p.later {
		ask()
	}
	for _, tell := range p.stores {
		if len(p.found) == 0 {
			tell()
		}
	}
	for _, t := range p.found {
		name := nameOf(t.name)
		o := newObject(v1alpha1.KindDtab, p.unique(v1alpha1.KindDtab, name), t.comment)
		if o.Name != name {
			p.find(t.pos, dtab.Error, CodeAssumed, "there are several tables "+name+": this one is called "+o.Name,
				"keep one of them, or rename it where Routers refer to it")
		} else if name != t.name {
			p.find(t.pos, dtab.Info, CodeDiffers, "the table "+t.name+" is called "+name+", which the API can hold", "")
		}
		for _, head := range unknownNamers(t.parse(p)) {
			p.find(t.pos, dtab.Warning, CodeDiffers, "the table "+t.name+" leads to /"+head+", as before namers were named below /#: nothing answers there",
				"write /#/"+head+" for /"+head)
		}
		o.spec = t.spec()
		p.result.Objects = append(p.result.Objects, o)
	}
}

// tableOf finds the table that an interpreter names.
func (p *pool) tableOf(name string) *table {
	i := slices.IndexFunc(p.found, func(t *table) bool { return nameOf(t.name) == nameOf(name) })
	if i < 0 {
		return nil
	}
	return p.found[i]
}

// heads are the first segments of a table's prefixes, in their order.
func heads(t dtab.Dtab) []string {
	var all []string
	for _, d := range t {
		if len(d.Prefix) == 0 || d.Prefix[0].Any {
			continue
		}
		switch head := d.Prefix[0].Label; head {
		case "#", "$", "%":
		default:
			if !slices.Contains(all, head) {
				all = append(all, head)
			}
		}
	}
	return all
}
