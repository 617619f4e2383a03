package importer

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// readNamers carries over the namers that answer for this router: linkerd's
// own, or namerd's where that is its interpreter.
func (r *router) readNamers() {
	c, here := r.namerConfig()
	if !here {
		i, _ := r.get("interpreter")
		i.find(dtab.Warning, CodeAssumed, "the namers of router "+r.label+" are namerd's: without its configuration the usual ones are assumed (io.l5d.k8s, io.l5d.k8s.ns, io.l5d.k8s.external)",
			"give namerd's configuration too, if it has other namers, prefixes or transformers")
		return
	}
	v, ok := c.get("namers")
	if !ok {
		return
	}
	list := sequence()
	for _, item := range v.list() {
		if n := r.namer(item, c.namespace); n != nil {
			list.Content = append(list.Content, n)
		}
	}
	if len(list.Content) > 0 {
		r.namers = list
	}
}

// namerConfig is the configuration whose namers answer for this router. It
// reports whether that is among the files: namerd's may not be.
func (r *router) namerConfig() (config, bool) {
	if r.ref == "" || !r.remote() {
		return r.config, true
	}
	if len(r.p.namerds) == 0 {
		return r.config, false
	}
	return r.p.namerds[0], true
}

// remote tells whether names are bound by namerd.
func (r *router) remote() bool {
	i, ok := r.get("interpreter")
	if !ok {
		return false
	}
	switch kind, _ := i.kinded(); kind {
	case "io.l5d.namerd", "io.l5d.namerd.http", "io.l5d.mesh":
		return true
	}
	return false
}

func (r *router) namer(v value, namespace string) *yaml.Node {
	kind, m := v.kinded()
	n := kindNode(kind)
	m.copyText(n, "prefix")
	switch kind {
	case "io.l5d.k8s", "io.l5d.k8s.external", "io.l5d.k8s.ns":
		m.copyText(n, "labelSelector")
		m.notNeeded("Kibble asks the API of Kubernetes itself", "host", "port", "tls", "authTokenFile")
		if kind == "io.l5d.k8s.ns" {
			r.ownNamespace(m, n, namespace)
		}
	case "io.l5d.rewrite":
		if m.text("prefix") == "" { // ours has no prefix of its own
			set(n, "prefix", text("/"+kind))
		}
		m.copyText(n, "pattern", "name")
	case "io.l5d.fs":
		m.copyText(n, "rootDir")
		if dir, ok := m.get("rootDir"); ok && !strings.HasPrefix(dir.node.Value, "/") {
			dir.find(dtab.Info, CodeDiffers, "a relative rootDir begins at the directory of the manifests, not where linkerd was started", "take the directory along; Kibble reads it")
		}
	default:
		r.noNamer(m, kind)
		return nil
	}
	m.get("experimental") // nothing here is
	if ts := r.transformerList(m); ts != nil {
		set(n, "transformers", ts)
		n.Style = 0
	}
	m.rest("namer " + kind)
	if c := comments(&yaml.Node{HeadComment: v.node.HeadComment}); c != "" {
		n.HeadComment = c
	}
	return n
}

// ownNamespace finds the namespace that io.l5d.k8s.ns reads from the environment.
func (r *router) ownNamespace(m *mapping, n *yaml.Node, namespace string) {
	if namespace != "" {
		set(n, "namespace", text(namespace))
	}
	if e, ok := m.get("envVar"); ok || namespace == "" {
		if !ok {
			e = m.value
		}
		e.find(dtab.Info, CodeDiffers, "io.l5d.k8s.ns takes its namespace from the namer's namespace, or else from the Router's own, not from the environment", "set namespace if the proxies run elsewhere")
	}
}

// noNamer reports a namer that Kibble does not have: important if the table
// leads to it.
func (r *router) noNamer(m *mapping, kind string) {
	prefix := cmp.Or(m.text("prefix"), "/"+kind)
	severity, effect := dtab.Warning, "no name of this router's table leads to it"
	if r.leadsTo("/#" + prefix) {
		severity, effect = dtab.Error, "names that router "+r.label+" leads there reach nobody"
	}
	m.find(severity, CodeLost, "Kibble has no namer "+kind+": "+effect, instead(kind))
}

// instead says what may stand in for a namer.
func instead(kind string) string {
	files := "write the addresses to files for io.l5d.fs"
	switch {
	case strings.HasPrefix(kind, "io.l5d.consul"):
		return files + " (consul-template does), or ask Consul's DNS: /svc => /$/io.buoyant.rinet/80 and names such as web.service.consul"
	case strings.HasPrefix(kind, "io.l5d.k8s.istio"):
		return "the Services of Kubernetes answer by io.l5d.k8s; versions are Services or labels of their own (labelSelector)"
	case strings.HasPrefix(kind, "io.l5d.marathon"):
		return files + ", or ask Mesos-DNS: /$/io.buoyant.rinet/80 and names such as web.marathon.mesos"
	}
	return files + ", or ask DNS: /$/inet/HOST/PORT"
}

// leadsTo tells whether the table has a destination below a prefix.
func (r *router) leadsTo(prefix string) bool {
	return slices.ContainsFunc(r.table, func(d dtab.Dentry) bool {
		return strings.Contains(d.Dst.String()+"/", prefix+"/") || strings.Contains(d.Dst.String(), prefix+" ")
	})
}

// transformerList carries over the transformers of an interpreter or namer.
func (r *router) transformerList(m *mapping) *yaml.Node {
	v, ok := m.get("transformers")
	if !ok {
		return nil
	}
	list := sequence()
	for _, item := range v.list() {
		if t := r.transformer(item); t != nil {
			list.Content = append(list.Content, t)
		}
	}
	if len(list.Content) == 0 {
		return nil
	}
	return list
}

func (r *router) transformer(v value) *yaml.Node {
	kind, m := v.kinded()
	n := kindNode(kind)
	m.copyText(n, "namespace", "service", "port", "host", "path")
	m.copyYes(n, "hostNetwork")
	m.notNeeded("Kibble asks the API of Kubernetes itself", "k8sHost", "k8sPort")
	switch kind {
	case "io.l5d.k8s.daemonset", "io.l5d.k8s.localnode":
		r.nodes = true
	case "io.l5d.port", "io.l5d.localhost", "io.l5d.specificHost", "io.l5d.replace", "io.l5d.const":
	default:
		v.find(dtab.Error, CodeLost, "there is no transformer "+kind+" here: endpoints stay as they are", "")
		return nil
	}
	m.get("experimental") // nothing here is
	m.rest("transformer " + kind)
	return n
}
