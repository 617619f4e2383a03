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
	own  []*cell // whose domain it is
	// cells that belong to requests for these hosts, narrowest first; the last
	// one is met by every request unless the list ends open.
	cells []*cell
	// wide is the next wider domain, where that could answer in place of this one;
	// pruned says that it does.
	wide   string
	pruned bool
	// made is the virtual host, nil if it was not made yet.
	made *madeHost
}

// single gives the cell that answers all requests of the domain, nil if there
// are several.
func (d *domain) single() *cell {
	if len(d.cells) == 1 {
		return d.cells[0]
	}
	return nil
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

// place notes the domain of a cell; host is the number of the variable that hosts
// are, or -1.
func (c *cell) place(host int) {
	c.domain, c.hosts, c.score = everyHost, pattern{open: true}, c.region.score()
	if host >= 0 && host < len(c.region.parts) {
		c.domain, c.hosts = domainOf(c.region.parts[host])
	}
}

// general tells that a cell can matter to more than its own domain.
func (c *cell) general(host int) bool { return host < 0 || !c.region.parts[host].exact() }

// domains groups the cells of a router by virtual host. The result is sorted by
// name and always holds everyHost.
func (r *router) domains(cells []*cell) []*domain {
	if r.identifier.kind == identifyIngress {
		return ingressDomains(cells)
	}
	host := r.identifier.host()
	byName := map[string]*domain{everyHost: {name: everyHost, base: pattern{open: true}}}
	var general []*cell
	for _, c := range cells {
		d := byName[c.domain]
		if d == nil {
			d = &domain{name: c.domain, base: c.hosts}
			byName[c.domain] = d
		}
		d.own = append(d.own, c)
		if c.general(host) {
			general = append(general, c)
		}
	}
	all := make([]*domain, 0, len(byName))
	for _, name := range sortedKeys(byName) {
		d := byName[name]
		r.complete(d, general, host)
		all = append(all, d)
	}
	return all
}

// complete gives a domain its cells: its own, and those of wider ones that its
// requests may be in, in order.
func (r *router) complete(d *domain, general []*cell, host int) {
	d.cells = slices.Clone(d.own)
	for _, c := range general {
		if host >= 0 && d.name != everyHost && c.domain != d.name && c.region.parts[host].overlaps(d.base) && !narrower(c.domain, d.name) {
			d.cells = append(d.cells, c)
		}
	}
	if len(d.cells) > 1 {
		slices.SortStableFunc(d.cells, func(a, b *cell) int {
			if n := b.score - a.score; n != 0 {
				return n
			}
			return strings.Compare(a.region.key(), b.region.key())
		})
	}
	for i, c := range d.cells {
		if d.total(c, r.identifier.vars) {
			d.cells = d.cells[:i+1]
			break
		}
	}
	d.cells = merge(d.cells)
	r.mergeRoots(d, host)
}

// sees tells that a cell of a wider domain may be one of the domain's, or would be
// if there were such a cell.
func (d *domain) sees(c *cell, r *router, host int) bool {
	if last := len(d.cells) - 1; last >= 0 && d.cells[last].score > c.score && d.total(d.cells[last], r.identifier.vars) {
		return false
	}
	return d.name != everyHost && host >= 0 && c.domain != d.name && c.region.parts[host].overlaps(d.base)
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
