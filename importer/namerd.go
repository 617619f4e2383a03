package importer

import (
	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// dtabFields reads what has a table in its fields: an object of kind DTab, or
// an answer with a version and a table.
func (p *pool) dtabFields(m *mapping, name string) {
	v, ok := m.get("dentries")
	if !ok {
		v, ok = m.get("dtab")
	}
	if !ok {
		if spec, has := m.get("spec"); has && spec.node.Kind == yaml.MappingNode {
			p.dtabFields(spec.fields(), name)
			return
		}
		m.find(dtab.Error, CodeSyntax, "the table "+name+" has no dentries", "")
		return
	}
	if v.node.Kind == yaml.ScalarNode && v.text() != "" {
		p.found = append(p.found, textTable(name, v))
		return
	}
	p.jsonTable(v, name)
}

// jsonTable reads a list of {prefix, dst}.
func (p *pool) jsonTable(v value, name string) {
	t := &table{name: name, listed: true, pos: v.place(), comment: comments(v.key)}
	for _, item := range v.list() {
		if item.node.Kind != yaml.MappingNode {
			if item.node.ShortTag() == "!!str" {
				item.find(dtab.Error, CodeUnknown, "this is a list of names of tables, not a table",
					"ask for each by its name: GET /api/1/dtabs/"+item.text())
				return
			}
			item.find(dtab.Error, CodeSyntax, "an entry has prefix and dst", "")
			continue
		}
		m := item.fields()
		prefix, hasPrefix := m.get("prefix")
		dst, hasDst := m.get("dst")
		if !hasPrefix || !hasDst {
			item.find(dtab.Error, CodeSyntax, "an entry has prefix and dst: this one is left out", "")
			continue
		}
		m.rest("an entry")
		t.dentries = append(t.dentries, dentry{prefix, dst, comments(item.node, prefix.key, prefix.node, dst.key, dst.node)})
	}
	p.found = append(p.found, t)
}

// storage reads the tables that namerd keeps in its own configuration.
func (p *pool) storage(m *mapping) {
	v, ok := m.get("storage")
	if !ok {
		return
	}
	kind, s := v.kinded()
	if spaces, has := s.get("namespaces"); has {
		spaces.fields().each(func(name string, v value) { p.found = append(p.found, textTable(name, v)) })
		return
	}
	hint := "get each with namerctl dtab get NAME, or from GET /api/1/dtabs/NAME, and import what is printed"
	if kind == "io.l5d.k8s" {
		hint = "kubectl get dtabs.l5d.io -o yaml prints them; import that file too"
	}
	s.each(func(string, value) {})
	p.stores = append(p.stores, func() {
		v.find(dtab.Warning, CodeMissing, "the tables are in namerd's storage ("+kind+"), not in these files", hint)
	})
}
