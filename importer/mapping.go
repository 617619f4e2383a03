package importer

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// value is something written in a page.
type value struct {
	p    *pool
	page *page
	key  *yaml.Node // the field's name; nil in a list
	node *yaml.Node
	path string
}

// place is where a person would look for it.
func (v value) place() dtab.Pos {
	if v.key != nil {
		return v.page.at(v.key)
	}
	return v.page.at(v.node)
}

func (v value) find(s dtab.Severity, code, message, hint string) {
	v.p.find(v.place(), s, code, message, hint)
}

// text of a scalar, "" of anything else.
func (v value) text() string {
	if v.node != nil && v.node.Kind == yaml.ScalarNode && v.node.ShortTag() != "!!null" {
		return v.node.Value
	}
	return ""
}

// yes tells whether it says true.
func (v value) yes() bool {
	switch strings.ToLower(v.text()) {
	case "true", "yes", "on":
		return true
	}
	return false
}

func (v value) number() (int, bool) {
	n, err := strconv.Atoi(v.text())
	return n, err == nil
}

// list gives the elements of a list; one value is a list of one.
func (v value) list() []value {
	if v.node == nil || v.node.ShortTag() == "!!null" {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		return []value{v}
	}
	var all []value
	for i, n := range v.node.Content {
		all = append(all, value{p: v.p, page: v.page, node: follow(n), path: v.path + "[" + strconv.Itoa(i) + "]"})
	}
	return all
}

// mapping is a value with fields, which knows those that nobody has asked for.
type mapping struct {
	value
	used map[string]bool
}

// fields gives the value as a mapping. Where it is something else, that is a
// finding, and no field is there.
func (v value) fields() *mapping {
	v.node = merged(v.node, maxMerges)
	m := &mapping{value: v, used: map[string]bool{}}
	if v.node.Kind != yaml.MappingNode {
		if v.node.ShortTag() != "!!null" {
			v.p.find(v.page.at(v.node), dtab.Error, CodeSyntax, v.path+" is not a mapping", "")
		}
		m.node = &yaml.Node{Kind: yaml.MappingNode, Line: v.node.Line, Column: v.node.Column}
	}
	return m
}

// maxMerges is how deep merges in merges are followed: a file may nest them in a
// circle, or so that there are very many.
const maxMerges = 4

// merged gives a mapping with the fields that it takes from others by <<: those
// that it has itself count first.
func merged(n *yaml.Node, depth int) *yaml.Node {
	i := slices.IndexFunc(n.Content, func(k *yaml.Node) bool { return k.Tag == "!!merge" })
	if n.Kind != yaml.MappingNode || i < 0 || i%2 != 0 || depth == 0 {
		return n
	}
	all := *n
	all.Content = slices.Concat(n.Content[:i], n.Content[i+2:])
	for _, from := range deep(n.Content[i+1]) {
		from = merged(follow(from), depth-1)
		for j := 0; j+1 < len(from.Content) && from.Kind == yaml.MappingNode; j += 2 {
			if k := from.Content[j]; k.Tag != "!!merge" && !hasKey(&all, k.Value) {
				all.Content = append(all.Content, k, from.Content[j+1])
			}
		}
	}
	return &all
}

func hasKey(n *yaml.Node, key string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return true
		}
	}
	return false
}

// kinded is fields for what has a kind; `x: K` stands for `x: {kind: K}`.
func (v value) kinded() (string, *mapping) {
	if t := v.text(); t != "" {
		return plainKind(t), &mapping{value: value{p: v.p, page: v.page, key: v.key, path: v.path,
			node: &yaml.Node{Kind: yaml.MappingNode, Line: v.node.Line, Column: v.node.Column}}, used: map[string]bool{}}
	}
	m := v.fields()
	kind, _ := m.get("kind")
	return plainKind(kind.text()), m
}

// get gives a field, and notes that somebody has asked for it.
func (m *mapping) get(name string) (value, bool) {
	m.used[name] = true
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if m.node.Content[i].Value == name {
			return value{p: m.p, page: m.page, key: m.node.Content[i], node: follow(m.node.Content[i+1]), path: m.below(name)}, true
		}
	}
	return value{}, false
}

func (m *mapping) below(name string) string {
	if m.path == "" {
		return name
	}
	return m.path + "." + name
}

// text gives a field's text, "" if it is not there.
func (m *mapping) text(name string) string {
	v, _ := m.get(name)
	return v.text()
}

// copyText sets fields that have a text in another mapping too.
func (m *mapping) copyText(to *yaml.Node, names ...string) {
	for _, name := range names {
		if t := m.text(name); t != "" {
			set(to, name, text(t))
		}
	}
}

// copyYes sets a field in another mapping too, if it says true.
func (m *mapping) copyYes(to *yaml.Node, name string) {
	if v, ok := m.get(name); ok && v.yes() {
		set(to, name, yes())
	}
}

// has tells whether there is one of these fields, without asking for it.
func (m *mapping) has(names ...string) bool {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if slices.Contains(names, m.node.Content[i].Value) {
			return true
		}
	}
	return false
}

// each asks for all fields.
func (m *mapping) each(do func(name string, v value)) {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		name := m.node.Content[i].Value
		if v, ok := m.get(name); ok {
			do(name, v)
		}
	}
}

// notNeeded asks for fields that Kibble has no need of.
func (m *mapping) notNeeded(why string, names ...string) {
	for _, name := range names {
		if v, ok := m.get(name); ok {
			v.find(dtab.Info, CodeNotNeeded, v.path+" is not needed: "+why, "")
		}
	}
}

// rest reports the fields that nobody has asked for.
func (m *mapping) rest(of string) {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		name := m.node.Content[i].Value
		if m.used[name] {
			continue
		}
		v, _ := m.get(name)
		v.find(dtab.Warning, CodeUnknown, v.path+" is not known here as an option of "+of+", and is left out", "see whether anything depends on it")
	}
}

// deep gives what stands in a mapping below the fields: the elements, if that is
// a list.
func deep(n *yaml.Node, fields ...string) []*yaml.Node {
	n = follow(n)
	if len(fields) == 0 {
		if n.Kind == yaml.SequenceNode {
			return n.Content
		}
		return []*yaml.Node{n}
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == fields[0] {
				return deep(n.Content[i+1], fields[1:]...)
			}
		}
	}
	return nil
}

// follow gives the node that an alias stands for.
func follow(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && i < 100; i++ {
		n = n.Alias
	}
	return n
}
