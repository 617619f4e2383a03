package importer

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// readIdentifier reads one identifier, or the first of a list that is known.
func (r *router) readIdentifier() {
	v, _ := r.get("identifier")
	old, list, kind := r.oldPrefix(), v.list(), ""
	for len(list) > 0 && kind == "" {
		kind = r.identify(list[0], len(list) > 1)
		list = list[1:]
	}
	if kind == "" {
		r.oldIdentifier(old)
	}
	r.plainHTTP2(v)
	if len(list) == 0 {
		return
	}
	switch kind {
	case "io.l5d.header.token", "io.l5d.methodAndHost", "io.l5d.path", "io.l5d.static":
		list[0].find(dtab.Warning, CodeDiffers, "a Router has one identifier: "+kind+", which names nearly every request, is the one; those behind it are left out",
			"if requests without what it reads matter, give them a Router on a port of their own")
	default:
		list[0].find(dtab.Error, CodeLost, "a Router has one identifier: "+kind+" is carried over, and requests that it does not name get no answer",
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
	severity, others := dtab.Warning, "others get HTTP/1.1"
	if outside := []string{"/$/inet", "/$/io.buoyant.rinet", "/#/io.l5d.fs"}; slices.ContainsFunc(outside, r.leadsTo) {
		severity, others = dtab.Error, "others, and what is found by DNS or in files, get HTTP/1.1"
	}
	v.find(severity, CodeDiffers, "router "+r.label+" speaks HTTP/2 to services: Kibble does to ports that are named grpc, h2, h2c or http2 (or so with a dash and more), and where the identifier is io.l5d.header.path; "+others,
		"name the ports so; for gRPC use io.l5d.header.path; services that take HTTP/1.1 too need nothing")
}

func kindNode(kind string) *yaml.Node {
	n := block()
	set(n, "kind", text(kind))
	return flow(n)
}

// identify carries an identifier over, and gives its kind: "" if it is not known.
func (r *router) identify(v value, more bool) string {
	kind, m := v.kinded()
	kind = currentIdentifier(kind)
	n := kindNode(kind)
	switch kind {
	case "io.l5d.header.token":
		if h := strings.ToLower(m.text("header")); h == "" || h == "host" || h == ":authority" {
			m.rest("an identifier")
			return kind
		}
		m.copyText(n, "header")
	case "io.l5d.header":
		if h, ok := m.get("header"); ok {
			set(n, "header", text(r.currentHeader(h)))
		}
	case "io.l5d.static":
		m.copyText(n, "path")
	case "io.l5d.methodAndHost":
		m.copyYes(n, "httpUriInDst")
	case "io.l5d.path":
		r.segments(m, n)
		m.copyYes(n, "consume")
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
		set(n, "ingressClass", text(cmp.Or(m.text("ingressClassAnnotation"), "linkerd")))
		m.copyText(n, "namespace")
		m.copyYes(n, "ignoreDefaultBackends")
		m.notNeeded("Kibble asks the API of Kubernetes itself", "host", "port")
	default:
		instead := "the Host header names requests instead"
		if more {
			instead = "the next one names requests instead"
		}
		v.find(dtab.Error, CodeLost, "there is no identifier "+kind+" here: "+instead,
			"the identifiers are io.l5d.header.token, io.l5d.methodAndHost, io.l5d.path, io.l5d.header, io.l5d.static, io.l5d.header.path and io.l5d.ingress")
		return ""
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
