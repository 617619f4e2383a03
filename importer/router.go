package importer

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// router is one of linkerd's on its way to become Routers, one for each server.
type router struct {
	*mapping
	config   config
	protocol string
	label    string

	own   *table    // its own table
	ref   string    // the Dtab before it
	table dtab.Dtab // both, as far as they are known

	// foreign says that something else than a table led its names.
	foreign bool

	// logged says that every request was logged.
	logged bool

	dstPrefix    string
	identifier   *yaml.Node
	ingress      bool
	namers       *yaml.Node
	transformers *yaml.Node
	// nodes says that it chooses among endpoints by their nodes.
	nodes bool
}

// routers makes Routers of all configurations.
func (p *pool) routers() {
	for _, c := range p.configs {
		list, _ := c.get("routers")
		routers := list.list()
		if len(routers) == 0 {
			list.find(dtab.Error, CodeUnknown, "there is no router in this configuration", "")
		}
		nodes := p.onEachNode(c)
		var all []*router
		for _, v := range routers {
			if r := p.router(c, v); r != nil {
				all, nodes = append(all, r), nodes || r.nodes
			}
		}
		for _, r := range all {
			r.emit(nodes)
		}
		p.process(c, "linkerd")
	}
}

// router reads one. Protocols that Kibble does not route are findings.
func (p *pool) router(c config, v value) *router {
	r := &router{mapping: v.fields(), config: c}
	r.protocol = r.text("protocol")
	r.label = r.text("label")
	if r.label == "" {
		r.label = r.protocol
	}
	switch r.protocol {
	case "http", "h2":
	case "thrift", "mux", "thriftmux":
		r.find(dtab.Error, CodeLost, "router "+r.label+" routes "+r.protocol+", which Kibble does not: it is left out",
			"keep linkerd for it, or move these services to HTTP or gRPC")
		return nil
	case "":
		r.find(dtab.Error, CodeUnknown, "router "+cmp.Or(r.label, v.path)+" has no protocol", "write protocol: http, or h2")
		return nil
	default:
		r.find(dtab.Error, CodeUnknown, "router "+r.label+" is of a protocol that is not known here: "+strconv.Quote(r.protocol), "http and h2 can be imported")
		return nil
	}
	r.readTable()
	r.readInterpreter()
	if r.own != nil {
		r.table = append(r.table, r.own.parse(p)...)
	}
	r.oldNamers()
	r.dstPrefix = r.text("dstPrefix")
	r.readIdentifier()
	r.noTable()
	r.readNamers()
	r.knobs()
	return r
}

func (r *router) readTable() {
	for _, name := range []string{"baseDtab", "dtab"} {
		if v, ok := r.get(name); ok {
			r.own = textTable(r.label, v)
		}
	}
	r.topTable()
}

// noTable reports a router whose names lead nowhere: it has no table, or none of
// its entries is for names as they begin.
func (r *router) noTable() {
	first, err := dtab.ParsePath(cmp.Or(r.dstPrefix, "/svc"))
	switch {
	case r.foreign || r.ref != "" && len(r.table) == 0 || err != nil || len(first) == 0:
	case len(r.table) == 0 && (r.own == nil || strings.TrimSpace(r.own.text) == ""):
		r.find(dtab.Warning, CodeAssumed, "router "+r.label+" has no table: no request reaches anybody, here as there", "give it a dtab")
	case len(r.table) > 0 && !slices.ContainsFunc(r.table, func(d dtab.Dentry) bool {
		return len(d.Prefix) == 0 || d.Prefix[0].Any || d.Prefix[0].Label == first[0]
	}):
		r.find(dtab.Warning, CodeAssumed, "the names of router "+r.label+" begin with /"+first[0]+", for which its table has no entry: no request reaches anybody, here as there",
			"add an entry such as /"+first[0]+" => /srv, or set dstPrefix")
	}
}

// emit makes a Router for each server.
func (r *router) emit(nodes bool) {
	servers := []value{}
	if v, ok := r.get("servers"); ok {
		servers = v.list()
	}
	if len(servers) == 0 {
		r.find(dtab.Warning, CodeAssumed, "router "+r.label+" has no servers: the default port of "+r.protocol+" is assumed", "")
		servers = append(servers, value{p: r.p, page: r.page, node: block(), path: r.below("servers[0]")})
		servers[0].node.Line, servers[0].node.Column = r.node.Line, r.node.Column
	}
	for i, v := range servers {
		s := r.server(v)
		comment := ""
		if i == 0 {
			comment = r.comment()
		}
		label := nameOf(r.label)
		candidates := []string{label, label + "-" + strconv.Itoa(s.port)}
		if len(servers) > 1 && i > 0 {
			candidates = candidates[1:]
		}
		name := r.p.unique(v1alpha1.KindRouter, candidates...)
		if i > 0 {
			v.find(dtab.Info, CodeDiffers, "a Router has one port: the other servers of router "+r.label+" are Routers of their own: "+name, "")
		}
		o := newObject(v1alpha1.KindRouter, name, comment)
		class := r.class(s, nodes)
		r.write(o.spec, s, class)
		r.claim(v, s, class)
		r.p.result.Objects = append(r.p.result.Objects, o)
	}
	r.rest("a router")
}

// comment is what stands above the router.
func (r *router) comment() string {
	var first *yaml.Node
	if len(r.node.Content) > 0 {
		first = &yaml.Node{HeadComment: r.node.Content[0].HeadComment}
	}
	return comments(&yaml.Node{HeadComment: r.node.HeadComment}, first)
}

// claim notes the port of a class. Two processes may have one each, which the
// proxies of a class may not.
func (r *router) claim(v value, s server, class string) {
	port := class + ":" + strconv.Itoa(s.port)
	other, taken := r.p.ports[port]
	if !taken {
		r.p.ports[port] = r.config.mapping
	} else if other != r.config.mapping {
		v.find(dtab.Warning, CodeAssumed, "another process has port "+strconv.Itoa(s.port)+" too, by the configuration at "+other.place().String()+"; here both are of class "+class,
			"import them one by one, each with a --proxy-class of its own")
	}
}

func (r *router) write(spec *yaml.Node, s server, class string) {
	set(spec, "proxyClass", text(class))
	set(spec, "port", number(s.port))
	if s.bind != v1alpha1.BindAny {
		set(spec, "bind", text(string(s.bind)))
	}
	if len(s.families) > 0 {
		families := sequence()
		families.Style = yaml.FlowStyle
		for _, f := range s.families {
			families.Content = append(families.Content, text(string(f)))
		}
		set(spec, "ipFamilies", families)
	}
	trust := v1alpha1.TrustInternal
	if class == v1alpha1.ClassEdge {
		trust = v1alpha1.TrustUntrusted
	}
	set(spec, "trust", text(string(trust)))
	if r.identifier != nil {
		set(spec, "identifier", r.identifier)
	}
	if r.dstPrefix != "" && r.dstPrefix != "/svc" {
		set(spec, "dstPrefix", text(r.dstPrefix))
	}
	if r.namers != nil {
		set(spec, "namers", r.namers)
	}
	if r.transformers != nil {
		set(spec, "transformers", r.transformers)
	}
	if allow := heads(r.table); trust == v1alpha1.TrustInternal && len(allow) > 0 {
		list := sequence()
		for _, h := range allow {
			list.Content = append(list.Content, text(dtab.Path{h}.String()))
		}
		list.Style = yaml.FlowStyle
		adHoc := block()
		set(adHoc, "allow", list)
		set(spec, "adHocOverrides", adHoc, "# What callers may rewrite by l5d-dtab; in linkerd, any name to anywhere.")
	}
	if r.logged {
		set(spec, "accessLog", text(string(v1alpha1.AccessLogAll)))
	}
	if r.ref != "" {
		ref := block()
		set(ref, "name", text(r.ref))
		set(spec, "dtabRef", flow(ref))
	}
	if r.own != nil && r.own.text != "" {
		set(spec, "dtab", tableText(r.own.text), r.own.comment)
	}
}

// class is the proxy class: edge for what takes requests from outside.
func (r *router) class(s server, nodes bool) string {
	switch {
	case s.clear, r.ingress:
		return v1alpha1.ClassEdge
	case slices.ContainsFunc([]string{"ingress", "edge", "external", "public", "gateway"}, func(word string) bool { return strings.Contains(strings.ToLower(r.label), word) }):
		r.find(dtab.Warning, CodeAssumed, "router "+r.label+" is an edge by its name, so it is untrusted here: it takes l5d-dtab and l5d-ctx-* from nobody, where linkerd took them from everybody",
			"if nobody outside can reach it, set trust: internal; whom to give overrides to is for a DogfoodPolicy to say")
		return v1alpha1.ClassEdge
	case r.p.options.ProxyClass != "":
		return r.p.options.ProxyClass
	case nodes:
		return "node"
	}
	return "sidecar"
}
