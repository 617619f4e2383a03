package translate

import (
	"fmt"
	"slices"
	"strings"
)

// everyHost is the domain of the hosts that no other domain names.
const everyHost = "*"

// domainOf gives the Envoy domain of the virtual host that a pattern of hosts
// belongs to, and the pattern of all hosts of that domain. Patterns that no
// domain can express belong to the domain of their literal suffix and are told
// apart by routes.
func domainOf(p pattern) (string, pattern) {
	if p.port != nil && p.port.any() && !p.exactButPort() {
		return everyHost, pattern{open: true}
	}
	var labels []string
	for _, a := range p.atoms {
		if a.any() {
			break
		}
		labels = append(labels, a.lit)
	}
	slices.Reverse(labels)
	host := strings.Join(labels, ".")
	whole := !p.open && len(labels) == len(p.atoms)
	base := pattern{atoms: p.atoms[:len(labels)], open: !whole, port: p.port}
	switch {
	case len(labels) == 0 || p.port == nil && !whole && strings.HasPrefix(host, "["):
		return everyHost, pattern{open: true}
	case !whole:
		host = "*." + host
	}
	if p.port != nil {
		if p.port.any() {
			return host + ":*", base
		}
		return host + ":" + p.port.lit, base
	}
	return host, base
}

// exactButPort tells that only the port of a host is open.
func (p pattern) exactButPort() bool { return !p.open && p.literal() }

// domain is a virtual host in the making.
type domain struct {
	name string
	base pattern
	// cells that belong to requests for these hosts, narrowest first; the last
	// one is met by every request unless the list ends open.
	cells []*cell
}

// total tells that every request for the domain's hosts is in the cell.
func (d *domain) total(c *cell, vars []variable) bool {
	if c.rule != nil {
		return c.rule.covers(d.name)
	}
	r := c.region
	for i, v := range vars {
		p := r.parts[i]
		switch v {
		case hostVar:
			if !p.isAll() && (d.name == everyHost || !p.contains(d.base)) {
				return false
			}
		case methodVar:
			if !p.atoms[0].any() {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// domains groups the cells of a router by virtual host. The result is sorted by
// name and always holds everyHost.
func (r *router) domains(cells []*cell) []*domain {
	if r.identifier.kind == identifyIngress {
		return ingressDomains(cells)
	}
	host := r.identifier.host()
	byName := map[string]*domain{}
	var general []*cell // cells that can matter to more than their own domain
	for _, c := range cells {
		d := &domain{name: everyHost, base: pattern{open: true}}
		if host >= 0 {
			d.name, d.base = domainOf(c.region.parts[host])
		}
		if have := byName[d.name]; have != nil {
			d = have
		} else {
			byName[d.name] = d
		}
		d.cells = append(d.cells, c)
		if host < 0 || !c.region.parts[host].exact() {
			general = append(general, c)
		}
	}
	if byName[everyHost] == nil {
		byName[everyHost] = &domain{name: everyHost, base: pattern{open: true}}
	}
	all := make([]*domain, 0, len(byName))
	for _, name := range sortedKeys(byName) {
		d := byName[name]
		r.complete(d, general, host)
		all = append(all, d)
	}
	return all
}

// complete adds to a domain the cells of wider ones that its requests may be
// in, and orders them.
func (r *router) complete(d *domain, general []*cell, host int) {
	own := map[*cell]bool{}
	for _, c := range d.cells {
		own[c] = true
	}
	for _, c := range general {
		if !own[c] && host >= 0 && d.name != everyHost && c.region.parts[host].overlaps(d.base) {
			if name, _ := domainOf(c.region.parts[host]); !narrower(name, d.name) {
				d.cells = append(d.cells, c)
			}
		}
	}
	slices.SortStableFunc(d.cells, func(a, b *cell) int {
		if n := b.region.score() - a.region.score(); n != 0 {
			return n
		}
		return strings.Compare(a.region.key(), b.region.key())
	})
	for i, c := range d.cells {
		if d.total(c, r.identifier.vars) {
			d.cells = d.cells[:i+1]
			break
		}
	}
	d.cells = merge(d.cells)
	r.mergeRoots(d, host)
}

// merge drops the cells whose requests get the same answers from the next wider
// cell in the list.
func merge(cells []*cell) []*cell {
	if len(cells) > 2000 {
		return cells // the rest is correct without it, and this is quadratic
	}
	kept := make([]*cell, 0, len(cells))
	for i, c := range cells {
		drop := false
		for _, w := range cells[i+1:] {
			if !w.region.overlaps(c.region) {
				continue
			}
			if drop = w.answers() == c.answers() && w.region.contains(c.region); drop || w.answers() != c.answers() {
				break
			}
		}
		if !drop {
			kept = append(kept, c)
		}
	}
	return kept
}

// answers is equal for cells that give the same answers to all requests.
func (c *cell) answers() string {
	if c.key == "" {
		parts := []string{c.base.key()}
		for _, v := range c.variants {
			parts = append(parts, fmt.Sprint(v.policies), v.answer.key())
		}
		c.key = strings.Join(parts, "\x00")
	}
	return c.key
}

// mergeRoots puts one cell for all requests in place of those at the end of the
// list for everyHost, where they say the same.
func (r *router) mergeRoots(d *domain, host int) {
	if d.name != everyHost || host < 0 || len(r.identifier.vars) > 1 {
		return
	}
	first := len(d.cells)
	for first > 0 && isRoot(d.cells[first-1].region.parts[host]) {
		first--
	}
	roots := d.cells[first:]
	if len(roots) < 2 || slices.ContainsFunc(roots, func(c *cell) bool { return c.answers() != roots[0].answers() }) {
		return
	}
	all := *roots[0]
	all.region = region{parts: []pattern{{open: true}}}
	d.cells = append(d.cells[:first:first], &all)
}

// isRoot tells the patterns that the enumeration of hosts begins with: nothing
// literal but perhaps brackets.
func isRoot(p pattern) bool {
	return len(p.atoms) == 1 && p.atoms[0].any() && (p.atoms[0].pre == "" || p.atoms[0].pre == "[") && (p.port == nil || p.port.any())
}

// isAll tells the pattern of all hosts.
func (p pattern) isAll() bool { return p.open && len(p.atoms) == 0 && p.port == nil }

// narrower tells that Envoy prefers domain a to domain b wherever both fit.
func narrower(a, b string) bool {
	if a == everyHost {
		return false
	}
	if !strings.HasPrefix(a, "*") {
		return a != b
	}
	return b == everyHost || strings.HasPrefix(b, "*") && len(a) > len(b)
}

// prune drops the domains whose requests would get the same answer from the
// next wider one.
func (r *router) prune(all []*domain) []*domain {
	host := r.identifier.host()
	if host < 0 || len(r.identifier.vars) > 1 {
		return all
	}
	single := map[string]*cell{} // by domain, where one cell answers all requests
	for _, d := range all {
		if len(d.cells) == 1 {
			single[d.name] = d.cells[0]
		}
	}
	open := map[string]bool{}
	for _, d := range all {
		open[d.name] = true
	}
	var kept []*domain
	for _, d := range all {
		wide := d.name
		if d.name != everyHost && single[d.name] != nil {
			wide = wider(d.name, open)
		}
		var c *cell
		switch wide {
		case d.name:
		case everyHost:
			c = r.everyCell(all, d)
		default:
			c = single[wide]
		}
		if c == nil || !sameAnswers(c, single[d.name], host) {
			kept = append(kept, d)
		}
	}
	return kept
}

// wider gives the next wider domain that is there.
func wider(name string, there map[string]bool) string {
	name = strings.TrimPrefix(name, "*.")
	for {
		i := strings.IndexByte(name, '.')
		if i < 0 {
			return everyHost
		}
		name = name[i+1:]
		if there["*."+name] {
			return "*." + name
		}
	}
}

// everyCell gives the cell of everyHost that answers all requests of a domain,
// nil if there may be several.
func (r *router) everyCell(all []*domain, d *domain) *cell {
	if d.base.port != nil {
		return nil
	}
	i := slices.IndexFunc(all, func(e *domain) bool { return e.name == everyHost })
	for _, c := range all[i].cells {
		p := c.region.parts[0]
		if p.isAll() || p.contains(d.base) {
			return c
		}
		if p.overlaps(d.base) {
			return nil
		}
	}
	return nil
}

// sameAnswers tells that a narrow cell's answers are those of the wide one.
func sameAnswers(wide, narrow *cell, host int) bool {
	if len(wide.variants) != len(narrow.variants) {
		return false
	}
	same := func(a, b answer) bool {
		return strings.ReplaceAll(a.key(), wide.sample.host(host), narrow.sample.host(host)) == b.key()
	}
	for i, v := range wide.variants {
		if !slices.Equal(v.policies, narrow.variants[i].policies) || !same(v.answer, narrow.variants[i].answer) {
			return false
		}
	}
	return same(wide.base, narrow.base)
}
