package translate

import "slices"

// exploreIngress gives a cell for each rule of Ingresses: what they lead to has
// a name without unknown parts.
func (e *explorer) exploreIngress() []*cell {
	byName := map[string]*cell{}
	var cells []*cell
	for _, rule := range e.router.identifier.rules {
		key := rule.name.String()
		c := byName[key]
		if c == nil {
			fixed := *e.router
			fixed.identifier = identifier{kind: identifyStatic, prefix: rule.name}
			router := e.router
			e.router = &fixed
			n := e.visit(region{}, nil)
			e.take(n)
			c = n.cell
			e.router = router
			byName[key] = c
		}
		own := *c
		own.rule = rule
		cells = append(cells, &own)
	}
	return cells
}

// ingressDomains groups the cells of rules by virtual host. A rule for more
// hosts stands behind those for fewer.
func ingressDomains(cells []*cell) []*domain {
	byName := map[string]*domain{everyHost: {name: everyHost, base: pattern{open: true}}}
	for _, c := range cells {
		if name := c.rule.host; name != "" && byName[name] == nil {
			byName[name] = &domain{name: name}
		}
	}
	var all []*domain
	for _, name := range sortedKeys(byName) {
		d := byName[name]
		for _, c := range cells { // which are in the order of precedence
			if c.rule.reaches(name) {
				d.cells = append(d.cells, c)
			}
		}
		d.ingressCells()
		all = append(all, d)
	}
	return all
}

// ingressCells leaves out the cells that no request of a domain gets to.
func (d *domain) ingressCells() {
	i := slices.IndexFunc(d.cells, func(c *cell) bool { return c.rule.covers(d.name) })
	if i >= 0 {
		d.cells = d.cells[:i+1]
	}
}
