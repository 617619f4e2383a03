package importer

import (
	"cmp"
	"path/filepath"
	"strings"

	"kibble.dev/dtab"
)

// readInterpreter finds the table that comes before the router's own, and the
// transformers of what is bound.
func (r *router) readInterpreter() {
	v, ok := r.get("interpreter")
	if !ok {
		return
	}
	kind, m := v.kinded()
	r.transformers = r.transformerList(m)
	m.get("experimental") // nothing here is
	switch kind {
	case "default", "io.l5d.default", "":
	case "io.l5d.namerd", "io.l5d.namerd.http":
		r.refer(v, cmp.Or(m.text("namespace"), "default"), "kibble import namerd makes it of what namerctl dtab get prints")
		r.noNamerd(m)
	case "io.l5d.mesh":
		r.refer(v, strings.Trim(cmp.Or(m.text("root"), "/default"), "/"), "kibble import namerd makes it of what namerctl dtab get prints")
		r.noNamerd(m)
	case "io.l5d.fs":
		file := m.text("dtabFile")
		r.refer(v, strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), "give the file "+file+" too: kibble import linkerd CONFIG "+file)
	case "io.l5d.k8s.configMap":
		name, key := m.text("name"), m.text("filename")
		if t, has := r.p.texts[name+"/"+key]; has && r.p.tableOf(name+"-"+key) == nil {
			r.p.found = append(r.p.found, textTable(name+"-"+key, t))
		}
		m.get("namespace")
		m.notNeeded("Kibble asks the API of Kubernetes itself", "host", "port")
		r.refer(v, name+"-"+key, "give the manifest of the ConfigMap "+name+" too")
	case "io.l5d.consul.interpreter", "io.l5d.consul.dtab":
		m.notNeeded("tables are objects of Kibble's", "host", "port", "pathPrefix", "token", "datacenter", "readConsistencyMode",
			"writeConsistencyMode", "failFast", "backoff", "tls")
		r.refer(v, cmp.Or(m.text("namespace"), "default"), "consul kv get prints the table; import it as a file of that name")
	default:
		v.find(dtab.Error, CodeLost, "there is no interpreter "+kind+" here: only the router's own table says what names mean", "")
		r.foreign = true
		return
	}
	m.rest("interpreter " + kind)
}

// noNamerd says what becomes of the connection to namerd.
func (r *router) noNamerd(m *mapping) {
	m.notNeeded("tables are objects, and Kibble evaluates them itself", "dst", "baseUrl", "periodSecs", "retry", "tls", "failureThreshold")
}

// refer notes the Dtab that comes first. Its table is known if it is among the files.
func (r *router) refer(v value, name, hint string) {
	r.ref = nameOf(name)
	t := r.p.tableOf(name)
	if t == nil {
		v.find(dtab.Error, CodeMissing, "router "+r.label+" is led by the table "+name+", which is not among these files", hint)
		return
	}
	quiet := &pool{result: &Result{}}
	r.table = t.parse(quiet)
}
