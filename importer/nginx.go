package importer

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/dtab"
)

// Nginx imports what an nginx in front of linkerd decides about overrides:
// conditions on cookies and headers that set l5d-dtab, or let it through,
// become DogfoodPolicies.
func Nginx(files []File, o Options) *Result {
	p := &pool{files: files, options: o, result: &Result{}, namespaces: map[string]bool{}, taken: map[string]bool{}}
	for _, f := range files {
		for _, page := range nginxPages(p, f) {
			all, bad := readNginx(page)
			if bad != nil {
				p.result.Findings = append(p.result.Findings, *bad)
			}
			n := &nginx{pool: p, maps: map[string][]assignment{}}
			n.servers(all)
		}
	}
	if len(p.result.Objects) == 0 && len(p.result.Findings) == 0 {
		p.nothing("there is nothing about overrides in these files", "give the configuration with proxy_set_header l5d-dtab, or the manifest of the ConfigMap that holds it")
	}
	return p.finish()
}

// nginxPages are the texts of a file: itself, or those in its ConfigMaps.
func nginxPages(p *pool, f File) []*page {
	whole := p.page(f)
	docs, bad := whole.documents()
	var pages []*page
	manifest := false
	for _, doc := range docs {
		v := value{p: p, page: whole, node: follow(doc)}
		if v.node.Kind != yaml.MappingNode {
			continue
		}
		m := v.fields()
		manifest = manifest || m.has("apiVersion")
		if data, ok := m.get("data"); ok && m.text("kind") == "ConfigMap" {
			data.fields().each(func(key string, v value) {
				if strings.HasSuffix(key, ".conf") || strings.Contains(v.text(), "server {") {
					pages = append(pages, whole.inner(v.node))
				}
			})
		}
	}
	if manifest && bad == nil {
		return pages
	}
	return []*page{whole}
}

// nginx is one configuration.
type nginx struct {
	*pool
	maps map[string][]assignment
}

// assignment is a value that a variable has under a condition; nil: always.
type assignment struct {
	when  *yaml.Node
	value string
	pos   dtab.Pos
}

// servers finds the servers, in http or at the top.
func (n *nginx) servers(all []*directive) {
	for _, d := range all {
		if d.name == "map" && len(d.args) == 2 {
			n.readMap(d)
		}
	}
	for _, d := range all {
		switch d.name {
		case "http":
			n.servers(d.block)
		case "server":
			n.server(d)
		case "include":
			n.find(d.pos, dtab.Warning, CodeMissing, "include "+strings.Join(d.args, " ")+" is not followed", "give those files too")
		}
	}
}

// readMap reads map $cookie_x $var { pattern value; }.
func (n *nginx) readMap(d *directive) {
	for _, line := range d.block {
		if len(line.args) != 1 || line.name == "default" || line.name == "hostnames" || line.name == "volatile" {
			continue
		}
		op, pattern := "=*", line.name // map takes case for nothing
		switch {
		case strings.HasPrefix(pattern, "~*"):
			op, pattern = "~*", pattern[2:]
		case strings.HasPrefix(pattern, "~"):
			op, pattern = "~", pattern[1:]
		}
		if when := n.condition(line.pos, d.args[0], op, pattern); when != nil {
			n.maps[d.args[1]] = append(n.maps[d.args[1]], assignment{when, line.args[0], line.pos})
		}
	}
}

// scope is what holds in one location: the server's directives and its own.
type scope struct {
	host   *yaml.Node
	vars   map[string][]assignment
	header []assignment // what l5d-dtab is set to
	clears []assignment // where l5d-dtab of the client is removed
}

func (n *nginx) server(d *directive) {
	var shared []*directive
	var locations []*directive
	host, known := n.host(d)
	if !known {
		return
	}
	for _, c := range d.block {
		switch c.name {
		case "location":
			locations = append(locations, c)
		case "listen":
			if strings.Contains(strings.Join(c.args, " "), "ssl") {
				n.find(c.pos, dtab.Warning, CodeDiffers, "HTTPS is for the edge Router to take: spec.tls", "kubectl create secret tls makes the Secret of the certificate; see docs/how-to/ingress.md")
			}
		default:
			shared = append(shared, c)
		}
	}
	if len(locations) == 0 {
		locations = []*directive{{pos: d.pos}}
	}
	for _, l := range locations {
		path, ok := n.location(l, len(locations) > 1)
		if !ok {
			continue
		}
		s := &scope{host: both(host, path), vars: map[string][]assignment{}}
		n.read(s, nil, append(inherited(shared, l.block), l.block...))
		n.policies(s)
	}
}

// inherited are the server's directives that hold in a location: headers only
// where it sets none of its own.
func inherited(shared, own []*directive) []*directive {
	sets := func(d *directive) bool { return d.name == "proxy_set_header" }
	all := slices.Clone(shared)
	if slices.ContainsFunc(own, sets) {
		all = slices.DeleteFunc(all, sets)
	}
	return all
}

// location is the condition that a location's path makes; nil for /.
func (n *nginx) location(l *directive, several bool) (*yaml.Node, bool) {
	op, path := "", "/"
	switch len(l.args) {
	case 1:
		path = l.args[0]
	case 2:
		op, path = l.args[0], l.args[1]
	}
	match := block()
	set(match, "name", text(":path"))
	switch {
	case path == "/" && op != "=":
		if several {
			n.find(l.pos, dtab.Warning, CodeDiffers, "the conditions of location / count for the other locations of the host, too", "")
		}
		return nil, true
	case op == "" && strings.HasPrefix(path, "/"), op == "^~":
		set(match, "prefix", text(path))
	case op == "=":
		set(match, "regex", text("^"+regexp.QuoteMeta(path)+`(\?|$)`))
	default:
		n.find(l.pos, dtab.Error, CodeLost, "location "+strings.Join(l.args, " ")+" is not carried over, nor what is in it", "a policy asks for paths by header: {name: :path}")
		return nil, false
	}
	m := block()
	set(m, "header", flow(match))
	return m, true
}

// read goes through the directives that hold under a condition.
func (n *nginx) read(s *scope, when *yaml.Node, all []*directive) {
	for _, d := range all {
		switch d.name {
		case "if":
			if c := n.readIf(d); c != nil {
				n.read(s, c, d.block)
			}
		case "set":
			if len(d.args) == 2 {
				s.vars[d.args[0]] = append(s.vars[d.args[0]], assignment{when, d.args[1], d.pos})
			}
		case "proxy_set_header":
			if len(d.args) == 2 && strings.EqualFold(d.args[0], "l5d-dtab") {
				s.header = append(s.header, assignment{when, d.args[1], d.pos})
			}
		case "more_set_input_headers":
			for _, a := range d.args {
				if name, v, ok := strings.Cut(a, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "l5d-dtab") {
					s.header = append(s.header, assignment{when, strings.TrimSpace(v), d.pos})
				}
			}
		case "more_clear_input_headers":
			for _, a := range d.args {
				if a = strings.ToLower(a); a == "l5d-dtab" || a == "l5d-*" {
					s.clears = append(s.clears, assignment{when, "", d.pos})
				}
			}
		case "return", "rewrite":
			n.find(d.pos, dtab.Warning, CodeLost, d.name+" "+strings.Join(d.args, " ")+" is not carried over", "a Router's spec.responses answers and redirects")
		case "proxy_pass":
			if s.host == nil {
				n.find(d.pos, dtab.Warning, CodeLost, "proxy_pass "+strings.Join(d.args, " ")+" for all other hosts is not carried over", "a rule of the edge Router's table leads there, such as /svc => /$/inet/HOST/PORT, or spec.responses answers")
			}
		}
	}
}

// host is the condition that server_name makes; nil for every host. Where it
// cannot be said, what is in the server must not hold for more hosts.
func (n *nginx) host(d *directive) (*yaml.Node, bool) {
	var names []string
	for _, c := range d.block {
		if c.name != "server_name" {
			continue
		}
		for _, name := range c.args {
			switch {
			case name == "_" || name == "":
			case strings.HasPrefix(name, "~"):
				n.find(c.pos, dtab.Error, CodeLost, "server_name "+name+" is not carried over, nor what is in this server", "write its hosts one by one")
				return nil, false
			case strings.HasPrefix(name, "*."):
				names = append(names, `.+`+regexp.QuoteMeta(name[1:]))
			case strings.HasPrefix(name, "."):
				names = append(names, `(.+\.)?`+regexp.QuoteMeta(name[1:]))
			default:
				names = append(names, regexp.QuoteMeta(name))
			}
		}
	}
	if len(names) == 0 {
		return nil, true
	}
	pattern := strings.Join(names, "|")
	if len(names) > 1 {
		pattern = "(" + pattern + ")"
	}
	match := block()
	set(match, "name", text("host"))
	set(match, "regex", text(`(?i)^`+pattern+`\.?(:[0-9]+)?$`))
	m := block()
	set(m, "header", flow(match))
	return m, true
}
