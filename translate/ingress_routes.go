package translate

import (
	"regexp"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

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
			c = e.visit(region{})
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

// reaches tells whether requests for a domain's hosts can be the rule's.
func (r *ingressRule) reaches(domain string) bool {
	suffix, wild := strings.CutPrefix(r.host, "*")
	switch {
	case r.host == "" || r.host == domain:
		return true
	case !wild || strings.HasPrefix(domain, "*"):
		return false
	}
	label, ok := strings.CutSuffix(domain, suffix)
	return ok && label != "" && !strings.Contains(label, ".")
}

// ruleMatch says which requests of a domain are a rule's.
func ruleMatch(d *domain, r *ingressRule) *routev3.RouteMatch {
	m := anyPath()
	prefix := strings.TrimSuffix(r.path, "/")
	switch {
	case r.kind == IngressExact:
		m.PathSpecifier = &routev3.RouteMatch_Path{Path: r.path}
	case r.kind == IngressRegex:
		m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: r.path}}
	case prefix != "":
		m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: prefix}
	}
	if suffix, wild := strings.CutPrefix(r.host, "*"); wild && d.name == r.host {
		m.Headers = append(m.Headers, regexHeader(":authority", `(?i)[^.]+`+regexp.QuoteMeta(suffix)+`(?::[0-9]+)?`))
	}
	return m
}

// covers tells that the rule takes every request for a domain's hosts.
func (r *ingressRule) covers(d *domain) bool {
	return r.kind == IngressPrefix && r.path == "/" && (r.host == "" || r.host == d.name && !strings.HasPrefix(r.host, "*"))
}

// describe says in words what a request for a domain must have beside its host.
func (r *ingressRule) describe(d *domain) string {
	var words []string
	if strings.HasPrefix(r.host, "*") && r.host == d.name {
		words = append(words, "one label")
	}
	switch {
	case r.kind == IngressExact:
		words = append(words, "path "+r.path)
	case r.kind == IngressRegex:
		words = append(words, "path ~ "+r.path)
	case r.path != "/":
		words = append(words, "path "+strings.TrimSuffix(r.path, "/")+"/**")
	}
	return strings.Join(words, ", ")
}

// ingressCells leaves out the cells that no request of a domain gets to.
func (d *domain) ingressCells() {
	i := slices.IndexFunc(d.cells, func(c *cell) bool { return c.rule.covers(d) })
	if i >= 0 {
		d.cells = d.cells[:i+1]
	}
}
