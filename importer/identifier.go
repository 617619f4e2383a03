package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// readIdentifier reads one identifier, or the first of a list.
func (r *router) readIdentifier() {
	v, ok := r.get("identifier")
	old := r.oldPrefix()
	if !ok || len(v.list()) == 0 {
		if old && r.protocol == "http" {
			r.identifier = kindNode("io.l5d.methodAndHost")
		}
		r.plainHTTP2(v)
		return
	}
	list := v.list()
	kind := r.identify(list[0])
	r.plainHTTP2(list[0])
	if len(list) == 1 {
		return
	}
	switch kind {
	case "io.l5d.header.token", "io.l5d.methodAndHost", "io.l5d.path", "io.l5d.static":
		list[1].find(dtab.Warning, CodeDiffers, "a Router has one identifier: "+kind+", which names nearly every request, is the one; those behind it are left out",
			"if requests without what it reads matter, give them a Router on a port of their own")
	default:
		list[1].find(dtab.Error, CodeLost, "a Router has one identifier: "+kind+" is carried over, and requests that it does not name get no answer",
			"make a Router on a port of its own for the other ones, or a DogfoodPolicy on the header if it chooses a version")
	}
}

// plainHTTP2 tells what of h2 is not carried over.
func (r *router) plainHTTP2(v value) {
	if r.protocol != "h2" || r.identifier != nil && r.identifier.Content[1].Value == "io.l5d.header.path" {
		return
	}
	if v.node == nil {
		v, _ = r.get("protocol")
	}
	v.find(dtab.Error, CodeLost, "router "+r.label+" speaks HTTP/2 to services: Kibble takes HTTP/2 on every port, but sends it on only where the identifier is io.l5d.header.path; others get HTTP/1.1",
		"for gRPC use io.l5d.header.path; services that take HTTP/1.1 too need nothing")
}

// oldPrefix knows configurations of before linkerd 1.0, whose names began with
// the protocol by default: /http/1.1/METHOD/HOST.
func (r *router) oldPrefix() bool {
	known := heads(r.table)
	if r.dstPrefix != "" || r.own == nil || slices.Contains(known, "svc") || !slices.Contains(known, r.protocol) {
		return false
	}
	r.dstPrefix = "/" + r.protocol
	message := "the table is one of before linkerd 1.0, for names below " + r.dstPrefix + ": dstPrefix " + r.dstPrefix
	if r.protocol == "http" {
		message += " and identifier io.l5d.methodAndHost, if there is no other, are assumed"
	} else {
		message += " is assumed"
	}
	r.p.find(r.own.pos, dtab.Warning, CodeAssumed, message, "check it with kibble explain")
	return true
}

// currentIdentifier is what an identifier of before linkerd 1.0 is called now.
func currentIdentifier(kind string) string {
	switch kind {
	case "default", "methodAndHost":
		return "io.l5d.methodAndHost"
	case "io.l5d.headerToken":
		return "io.l5d.header.token"
	case "io.l5d.headerPath":
		return "io.l5d.header.path"
	}
	return kind
}

func kindNode(kind string) *yaml.Node {
	n := block()
	set(n, "kind", text(kind))
	return flow(n)
}

// identify carries an identifier over, and gives its kind.
func (r *router) identify(v value) string {
	kind, m := v.kinded()
	kind = currentIdentifier(kind)
	n := kindNode(kind)
	copyText := func(names ...string) {
		for _, name := range names {
			if t := m.text(name); t != "" {
				set(n, name, text(t))
			}
		}
	}
	copyYes := func(name string) {
		if f, ok := m.get(name); ok && f.yes() {
			set(n, name, yes())
		}
	}
	switch kind {
	case "io.l5d.header.token":
		if h := strings.ToLower(m.text("header")); h == "" || h == "host" || h == ":authority" {
			m.rest("an identifier")
			return kind
		}
		copyText("header")
	case "io.l5d.header", "io.l5d.static":
		copyText("header", "path")
	case "io.l5d.methodAndHost":
		copyYes("httpUriInDst")
	case "io.l5d.path":
		r.segments(m, n)
		copyYes("consume")
	case "io.l5d.header.path":
		if h, ok := m.get("header"); ok && h.text() != ":path" {
			h.find(dtab.Error, CodeLost, "io.l5d.header.path reads the request's path only, not "+h.text(), "io.l5d.header reads a name from a header")
		}
		if s, ok := m.get("segments"); !ok || s.text() == "" {
			v.find(dtab.Error, CodeDiffers, "without segments the whole path is the name; here the first segment is",
				"for gRPC set segments: 1 (the service) or 2 (the method too)")
		}
		r.segments(m, n)
	case "io.l5d.ingress":
		r.ingress = true
		class := m.text("ingressClassAnnotation")
		if class == "" {
			class = "linkerd"
		}
		set(n, "ingressClass", text(class))
		copyText("namespace")
		copyYes("ignoreDefaultBackends")
		m.notNeeded("Kibble asks the API of Kubernetes itself", "host", "port")
	default:
		v.find(dtab.Error, CodeLost, "there is no identifier "+kind+" here: the Host header names requests instead",
			"the identifiers are io.l5d.header.token, io.l5d.methodAndHost, io.l5d.path, io.l5d.header, io.l5d.static, io.l5d.header.path and io.l5d.ingress")
		return kind
	}
	r.identifier = n
	m.rest("identifier " + kind)
	return kind
}

func (r *router) segments(m *mapping, n *yaml.Node) {
	s, ok := m.get("segments")
	if !ok {
		return
	}
	if count, isNumber := s.number(); isNumber {
		set(n, "segments", number(count))
		return
	}
	s.find(dtab.Error, CodeSyntax, s.path+" is not a number", "")
}
