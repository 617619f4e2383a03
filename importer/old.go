package importer

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// What the files of old versions say in another way: linkerd 0.6 renamed kinds
// and put namers below /#, 0.9 renamed baseDtab and changed the default names of
// requests from /http/1.1/METHOD/HOST to /svc/HOST, 1.0 renamed identifiers and
// headers.

// plainKind is today's name of a kind: what is experimental was called so.
func plainKind(kind string) string {
	for _, was := range []string{"io.buoyant.namerd.storage.experimental.", "io.buoyant.namerd.storage.", "io.l5d.experimental."} {
		if rest, ok := strings.CutPrefix(kind, was); ok {
			return "io.l5d." + rest
		}
	}
	return kind
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
	case "io.l5d.http.ingress", "io.l5d.h2.ingress":
		return "io.l5d.ingress"
	}
	return kind
}

// currentHeader is what a header that linkerd itself writes is called now. Those
// that no proxy writes any more are findings.
func (r *router) currentHeader(v value) string {
	switch header := strings.ToLower(v.text()); header {
	case "l5d-dst-concrete":
		v.find(dtab.Info, CodeDiffers, "proxies call l5d-dst-concrete l5d-dst-client, as linkerd does since 1.0: the Router reads that", "")
		return "l5d-dst-client"
	case "l5d-dst-logical", "l5d-dst-service", "l5d-dst-residual":
		v.find(dtab.Error, CodeLost, "no proxy writes "+header+": requests that lack it get no answer",
			"they write l5d-dst-client, the name that was chosen; io.l5d.header.token names requests by their host again")
	}
	return v.text()
}

// topTable is the table of before linkerd 0.1, which stood beside the routers
// and counted for each that has none of its own.
func (r *router) topTable() {
	for _, name := range []string{"baseDtab", "dtab"} {
		if v, ok := r.config.get(name); ok && r.own == nil {
			r.own = textTable(r.label, v)
		}
	}
}

// oldPrefix knows configurations of before linkerd 0.9, whose names began with
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

// oldIdentifier is that of before linkerd 0.9 for a router without any: where the
// prefix or the table is of that time. r.identifier stays nil for others.
func (r *router) oldIdentifier(oldPrefix bool) {
	uri, withURI := r.get("httpUriInDst")
	if r.protocol != "http" {
		return
	}
	if longer := r.longerThanHost(); longer != "" && !oldPrefix {
		r.p.find(r.own.pos, dtab.Warning, CodeAssumed, "the table knows names such as "+longer+", as before linkerd 1.0: identifier io.l5d.methodAndHost is assumed",
			"check it with kibble explain")
		oldPrefix = true
	}
	if !oldPrefix && !withURI {
		return
	}
	r.identifier = kindNode("io.l5d.methodAndHost")
	if withURI && uri.yes() {
		set(r.identifier, "httpUriInDst", yes())
	}
}

// longerThanHost gives a prefix of the table that begins as names of
// io.l5d.methodAndHost do, and that no name which ends in a host can have.
func (r *router) longerThanHost() string {
	first, err := dtab.ParsePrefix(cmp.Or(r.dstPrefix, "/svc"))
	if r.own == nil || err != nil {
		return ""
	}
	for _, d := range r.table {
		if len(d.Prefix) < len(first)+2 || !slices.Equal(d.Prefix[:len(first)], first) {
			continue
		}
		if version := d.Prefix[len(first)]; version.Any || version.Label == "1.1" || version.Label == "1.0" {
			return d.Prefix.String()
		}
	}
	return ""
}

// oldNamers knows tables of before namers were named below /#. Where there is
// such a namer, an entry that leads to it is put above the table.
func (r *router) oldNamers() {
	if r.own == nil {
		return
	}
	entries := ""
	for _, head := range unknownNamers(r.table) {
		if !slices.Contains(r.namerPrefixes(), "/"+head) {
			r.p.find(r.own.pos, dtab.Error, CodeDiffers, "the table leads to /"+head+", as before namers were named below /#: nothing answers there",
				"write /#/"+head+" for /"+head)
			continue
		}
		r.p.find(r.own.pos, dtab.Warning, CodeDiffers, "the table leads to /"+head+", as before namers were named below /#: an entry that leads on to /#/"+head+" was put above it",
			"write /#/"+head+" for /"+head+", and take the entry away")
		entries += "/" + head + " => /#/" + head + " ;\n"
	}
	if entries == "" {
		return
	}
	above, err := dtab.Parse(dtab.Source{}, entries)
	if err != nil { // a prefix that was read is one that can be written
		return
	}
	r.table = append(above, r.table...)
	r.own.text = entries + r.own.text
}

// unknownNamers are the names of linkerd's namers that a table leads to without
// /#, and that it does not know itself.
func unknownNamers(t dtab.Dtab) []string {
	var all []string
	known := heads(t)
	for _, d := range t {
		for part := range strings.FieldsSeq(d.Dst.String()) {
			head, _, _ := strings.Cut(strings.TrimPrefix(part, "/"), "/")
			if strings.HasPrefix(part, "/io.l5d.") && !slices.Contains(known, head) && !slices.Contains(all, head) {
				all = append(all, head)
			}
		}
	}
	return all
}

// namerPrefixes are the prefixes of the namers that answer for this router.
func (r *router) namerPrefixes() []string {
	c, _ := r.namerConfig()
	v, _ := c.get("namers")
	var all []string
	for _, item := range v.list() {
		if item.node.Kind == yaml.MappingNode {
			kind, m := item.kinded()
			all = append(all, cmp.Or(m.text("prefix"), "/"+kind))
		}
	}
	return all
}
