package translate

import (
	"slices"
	"strings"

	"kibble.dev/dtab"
	"kibble.dev/internal/parallel"
)

// hostTable is the virtual hosts of a router, and what they were made of. It is
// immutable.
type hostTable struct {
	explored *exploration
	// source of the resources, and of the routes; what either says of itself is in
	// every virtual host.
	source, tableSource string

	domains layered[string, *domain]
	general []*cell
	wild    map[string]bool // see siblings
	// needs has the clusters that virtual hosts name, with how many do.
	needs layered[string, *needed]
	// failed are the domains whose virtual host Envoy would refuse.
	failed layered[string, *madeHost]
}

// madeHost is the virtual host of a domain.
type madeHost struct {
	resource *Resource // nil: Envoy would refuse it
	needs    []need
	found    []dtab.Finding
}

// needed is a cluster, and how many virtual hosts need it.
type needed struct {
	need
	count int
}

// hostChanges are the virtual hosts and clusters in which a table differs from
// the one before.
type hostChanges struct {
	hosts, clusters map[string]bool
}

// hostTable makes the virtual hosts of a router, given those of before, which may
// be nil; what is made of the same cells is shared.
func (b *builder) hostTable(x *exploration, last *hostTable) (*hostTable, hostChanges) {
	t := &hostTable{explored: x, source: b.router.describe(), tableSource: b.router.tableSource()}
	changed := hostChanges{hosts: map[string]bool{}, clusters: map[string]bool{}}
	if last == nil || !t.continues(last) {
		t.begin(b.router)
		if last != nil { // all of it goes
			last.needs.each(func(name string, _ *needed) { changed.clusters[name] = true })
			last.domains.each(func(name string, _ *domain) { changed.hosts[name] = true })
		}
		t.domains.each(func(name string, _ *domain) { changed.hosts[name] = true })
		last = &hostTable{}
	} else {
		t.domains, t.general, t.wild = last.domains.open(), last.general, last.wild
		t.needs, t.failed = last.needs.open(), last.failed.open()
		changed.hosts = t.update(b.router, last)
	}
	t.build(b, last, changed)
	t.domains, t.needs, t.failed = t.domains.closed(), t.needs.closed(), t.failed.closed()
	return t, changed
}

// continues tells that virtual hosts of the table before can be used again.
func (t *hostTable) continues(last *hostTable) bool {
	r, was := t.explored.router, last.explored.router
	return r.alike(was) && t.source == last.source && t.tableSource == last.tableSource &&
		r.asksHosts() == was.asksHosts() && len(r.redirected())+len(was.redirected()) == 0 && // those depend on which domains there are
		len(r.responses) == 0 == (len(was.responses) == 0) && slices.EqualFunc(r.responses, was.responses, func(a, b *response) bool { return a.source == b.source }) &&
		several(t.explored.overlays) == several(last.explored.overlays)
}

// several tells that there are several families.
func several(overlays []overlay) bool {
	first := ""
	for _, o := range overlays {
		switch {
		case o.family == "" || o.family == first:
		case first != "":
			return true
		default:
			first = o.family
		}
	}
	return false
}

// begin groups all that was explored.
func (t *hostTable) begin(r *router) {
	t.domains, t.needs, t.failed = t.domains.open(), t.needs.open(), t.failed.open()
	host, all := r.identifier.host(), t.explored.all()
	domains := r.domains(all)
	r.prune(domains)
	t.wild = map[string]bool{}
	for _, d := range domains {
		t.domains.set(d.name, d)
		if suffix, ok := strings.CutPrefix(d.name, "*."); ok {
			t.wild[suffix] = true
		}
	}
	if r.identifier.kind == identifyIngress {
		return
	}
	for _, c := range all {
		if c.general(host) {
			t.general = append(t.general, c)
		}
	}
}

// build makes the virtual hosts of the domains that have changed, and counts what
// they need.
func (t *hostTable) build(b *builder, last *hostTable, changed hostChanges) {
	b.there = func(name string) bool { d := t.domains.get(name); return d != nil && !d.pruned }
	var missing []*domain
	for name := range changed.hosts {
		if d := t.domains.get(name); d != nil && !d.pruned && d.made == nil {
			missing = append(missing, d)
		}
	}
	parallel.Each(len(missing), func(i int) {
		own := *b
		missing[i].made = own.make(missing[i])
	})
	for _, name := range sortedKeys(changed.hosts) {
		var had, has *madeHost
		if d := last.domains.get(name); d != nil && !d.pruned {
			had = d.made
		}
		if d := t.domains.get(name); d != nil && !d.pruned {
			has = d.made
		}
		if had == has {
			continue
		}
		t.count(had, -1, changed.clusters)
		t.count(has, 1, changed.clusters)
		if has != nil && has.resource != nil {
			has = nil
		}
		t.failed.set(name, has)
	}
}

// count notes that a virtual host comes or goes. How one that comes needs a cluster is
// how all need it: those that needed it in another way go, too.
func (t *hostTable) count(host *madeHost, by int, changed map[string]bool) {
	if host == nil {
		return
	}
	for _, n := range host.needs {
		next := &needed{need: n, count: by}
		if was := t.needs.get(n.name); was != nil {
			next.count += was.count
			if by < 0 || was.need.equal(n) {
				next.need = was.need
			} else {
				changed[n.name] = true
			}
		}
		if next.count == 0 {
			next = nil
		}
		if next == nil || next.count == 1 {
			changed[n.name] = true
		}
		t.needs.set(n.name, next)
	}
}

// need gives the cluster of a name, nil if neither virtual hosts nor traces need it.
func (t *hostTable) need(name string) *need {
	if n := t.needs.get(name); n != nil {
		return &n.need
	}
	if n := t.explored.router.collector(); n != nil && n.name == name {
		return n
	}
	return nil
}

// make makes the virtual host of a domain.
func (b *builder) make(d *domain) *madeHost {
	b.needs, b.leads, b.refuses, b.asks = nil, map[string]Lead{}, false, false
	vh := b.virtualHost(d)
	made := &madeHost{needs: b.needs}
	clusters := make([]string, len(b.needs))
	for i, n := range b.needs {
		clusters[i] = n.name
	}
	slices.Sort(clusters)
	config := b.router.key.String()
	m := &maker{source: b.router.describe()}
	made.resource = m.make(config+"/"+vh.Name, vh, func() (*Resource, error) { return NewVirtualHost(config, vh, clusters, m.source) })
	if made.found = m.found; made.resource != nil {
		made.resource.Leads = b.leadsOf()
		made.resource.Asks, made.resource.OnAsk = b.asks, b.onAsk(d)
	}
	return made
}

// all gives the cells of what was explored.
func (x *exploration) all() []*cell {
	if x.cells != nil {
		return x.cells
	}
	cells := make([]*cell, 0, x.live)
	for _, n := range x.nodes {
		if n != nil {
			cells = append(cells, n.cell)
		}
	}
	return cells
}
