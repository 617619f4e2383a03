package importer

import (
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// pool is all that the files hold.
type pool struct {
	files   []File
	options Options
	result  *Result

	// configs of linkerd, and of namerd.
	configs, namerds []config
	// found are the tables that stand outside of routers, in their order.
	found []*table
	// stores tell where else namerd's tables are, where there are none here.
	stores []func()
	// later are questions that wait until all files are read.
	later []func()
	// texts of ConfigMaps by "name/key", for interpreters that read them.
	texts map[string]value
	// namespaces that the inputs name.
	namespaces map[string]bool
	// onNodes are the ConfigMaps that DaemonSets read, with "" for a DaemonSet
	// that reads none.
	onNodes map[string]bool
	taken   map[string]bool
	// ports that Routers of a class have, by class:port.
	ports map[string]*mapping
}

// config is the configuration of a linkerd or namerd.
type config struct {
	*mapping
	// configMap that holds it, and its namespace, if any.
	configMap, namespace string
}

func newPool(files []File, o Options) *pool {
	p := &pool{files: files, options: o, result: &Result{}, texts: map[string]value{},
		namespaces: map[string]bool{}, onNodes: map[string]bool{}, taken: map[string]bool{}, ports: map[string]*mapping{}}
	for _, f := range files {
		p.read(f)
	}
	return p
}

func (p *pool) find(pos dtab.Pos, s dtab.Severity, code, message, hint string) {
	p.result.Findings = append(p.result.Findings, dtab.Finding{Code: code, Severity: s, Pos: pos, Message: message, Hint: hint})
}

// read tells what a file holds by how it begins: a table begins with / or a
// comment above one, everything else is YAML or JSON.
func (p *pool) read(f File) {
	page := p.page(f)
	if looksLikeTable(page.text) {
		p.found = append(p.found, &table{name: p.tableName(f.Name), text: page.text, src: page.src, pos: page.src.At(1, 1)})
		return
	}
	if strings.HasPrefix(page.text, "#!") && makesTables(page.text) {
		p.script(page)
		return
	}
	docs, bad := page.documents()
	if bad != nil {
		p.result.Findings = append(p.result.Findings, *bad)
	}
	for _, doc := range docs {
		p.document(value{p: p, page: page, node: follow(doc)}, f.Name)
	}
}

// page is a whole file as a text. What is not UTF-8 is a finding.
func (p *pool) page(f File) *page {
	page := newPage(dtab.Source{Name: f.Name, Line: 1}, strings.TrimPrefix(string(f.Data), "\ufeff"))
	for i, line := range page.lines {
		if !utf8.ValidString(line) {
			good := strings.ToValidUTF8(line, "\ufffd")
			page.text = strings.ToValidUTF8(page.text, "\ufffd")
			page.lines = strings.Split(page.text, "\n")
			col := 1 + utf8.RuneCountInString(good[:strings.IndexRune(good, utf8.RuneError)])
			p.find(page.src.At(i+1, col), dtab.Error, CodeSyntax, "this is not text in UTF-8", "save the file as UTF-8")
			break
		}
	}
	return page
}

// looksLikeTable tells whether the first thing that is not a comment is a /.
func looksLikeTable(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			return strings.HasPrefix(line, "/")
		}
	}
	return false
}

// tableName is the name of a table that stands in a file by itself.
func (p *pool) tableName(file string) string {
	if p.options.Name != "" {
		return p.options.Name
	}
	base := filepath.Base(file)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

func (p *pool) document(v value, file string) {
	switch {
	case v.node.Kind == yaml.SequenceNode:
		p.jsonTable(v, p.tableName(file))
		return
	case v.node.Kind != yaml.MappingNode:
		v.find(dtab.Error, CodeUnknown, "this is neither a configuration nor an object", "")
		return
	}
	m := v.fields()
	if m.has("kind") && m.has("apiVersion", "metadata", "items") {
		p.object(m, file)
		return
	}
	p.config(m, "", "", file)
}

// config tells configurations and other mappings apart by their fields.
func (p *pool) config(m *mapping, configMap, namespace, file string) {
	switch {
	case m.has("routers"):
		p.configs = append(p.configs, config{m, configMap, namespace})
	case m.isNamerd():
		p.namerds = append(p.namerds, config{m, configMap, namespace})
		p.storage(m)
	case m.has("dtab", "dentries"):
		p.dtabFields(m, p.tableName(file))
	default:
		m.find(dtab.Warning, CodeUnknown, "this is no configuration of linkerd or namerd, nor a table: it is left out", "")
	}
}

// isNamerd tells a configuration of namerd: others have a storage, too.
func (m *mapping) isNamerd() bool {
	if m.has("interfaces") {
		return true
	}
	v, ok := m.get("storage")
	if !ok || v.node.Kind != yaml.MappingNode {
		return false
	}
	return strings.HasPrefix(plainKind(v.fields().text("kind")), "io.l5d.")
}

// object reads a Kubernetes object, or a list of some.
func (p *pool) object(m *mapping, file string) {
	kind := m.text("kind")
	if items, ok := m.get("items"); ok {
		for _, item := range items.list() {
			if item.node.Kind == yaml.MappingNode {
				p.item(item.fields(), strings.TrimSuffix(kind, "List"), file)
			}
		}
		return
	}
	p.item(m, kind, file)
}

func (p *pool) item(m *mapping, kind, file string) {
	if k := m.text("kind"); k != "" {
		kind = k
	}
	name, namespace := "", ""
	if meta, ok := m.get("metadata"); ok {
		fields := meta.fields()
		name, namespace = fields.text("name"), fields.text("namespace")
	}
	switch kind {
	case "ConfigMap":
		p.configMap(m, name, namespace, file)
	case "DTab", "Dtab", "D-tab":
		if namespace != "" {
			p.namespaces[namespace] = true
		}
		if name == "" {
			name = p.tableName(file)
		}
		p.dtabFields(m, name)
	case "DaemonSet":
		p.daemonSet(m)
	}
}

// daemonSet notes the ConfigMaps that are read on each node.
func (p *pool) daemonSet(m *mapping) {
	maps := 0
	for _, v := range deep(m.node, "spec", "template", "spec", "volumes") {
		for _, name := range deep(v, "configMap", "name") {
			p.onNodes[name.Value] = true
			maps++
		}
	}
	if maps == 0 {
		p.onNodes[""] = true
	}
}

// onEachNode tells whether the manifests run a configuration on each node: their
// DaemonSet reads its ConfigMap, or which one it reads is not known.
func (p *pool) onEachNode(c config) bool {
	return p.onNodes[""] || p.onNodes[c.configMap] || c.configMap == "" && len(p.onNodes) > 0
}

// configMap looks for configurations, and scripts that make tables, in the data.
func (p *pool) configMap(m *mapping, name, namespace, file string) {
	data, ok := m.get("data")
	if !ok {
		return
	}
	data.fields().each(func(key string, v value) {
		p.texts[name+"/"+key] = v
		switch inner := v.page.inner(v.node); {
		case looksLikeTable(v.text()), strings.HasSuffix(key, ".conf"):
		case makesTables(v.text()):
			p.script(inner)
		case strings.Contains(v.text(), "routers:"), strings.Contains(v.text(), "interfaces:"), strings.Contains(v.text(), "storage:"):
			docs, bad := inner.documents()
			if bad != nil {
				p.result.Findings = append(p.result.Findings, *bad)
			}
			for _, doc := range docs {
				w := (value{p: p, page: inner, node: follow(doc)}).fields()
				if w.has("routers") || w.isNamerd() {
					if namespace != "" {
						p.namespaces[namespace] = true
					}
					p.config(w, name, namespace, file)
				}
			}
		}
	})
}

// namespace of all objects: what was asked for, or that of the inputs if it is
// the same for all.
func (p *pool) namespace() string {
	if p.options.Namespace != "" {
		return p.options.Namespace
	}
	if len(p.namespaces) == 1 {
		for n := range p.namespaces {
			return n
		}
	}
	return ""
}

// unique gives a name of a kind that no other object has.
func (p *pool) unique(kind string, candidates ...string) string {
	for _, c := range candidates {
		if !p.taken[kind+"/"+c] {
			p.taken[kind+"/"+c] = true
			return c
		}
	}
	return p.unique(kind, candidates[len(candidates)-1]+"-2")
}
