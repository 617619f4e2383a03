package translate

import (
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// matchFor says which requests of a domain are in a region.
func (b *builder) matchFor(d *domain, r region) *routev3.RouteMatch {
	m := anyPath()
	for i, v := range b.router.identifier.vars {
		p := r.parts[i]
		switch v {
		case hostVar:
			if d.name == everyHost || !p.contains(d.base) {
				b.matchHost(m, p)
			}
		case tokenVar:
			m.Headers = append(m.Headers, b.matchToken(p))
		case methodVar:
			if !p.atoms[0].any() {
				m.Headers = append(m.Headers, exactHeader(":method", p.atoms[0].lit))
			}
		case pathVar:
			matchPath(m, p, `(?:/.*)?`)
		case urlVar:
			matchPath(m, p, `/*`)
		case valueVar:
			m.Headers = append(m.Headers, regexHeader(b.router.identifier.header, valueRegex(p)))
		}
	}
	return m
}

func (b *builder) matchHost(m *routev3.RouteMatch, p pattern) {
	if p.isAll() {
		return
	}
	m.Headers = append(m.Headers, regexHeader(":authority", p.regex(hostVar, b.router.portsCount)))
}

func (b *builder) matchToken(p pattern) *routev3.HeaderMatcher {
	if p.exact() {
		labels := make([]string, len(p.atoms))
		for i, a := range p.atoms {
			labels[len(labels)-1-i] = a.lit
		}
		return exactHeader(b.router.identifier.header, strings.Join(labels, "."))
	}
	return regexHeader(b.router.identifier.header, tokenRegex(p))
}

// tokenRegex is for header values, whose labels may hold colons.
func tokenRegex(p pattern) string {
	return strings.ReplaceAll(strings.ReplaceAll(p.regex(tokenVar, true), `[^.:]+`, `[^.]+`), `[^:]+`, `.+`)
}

// matchPath matches the path of the URL; rest is what may follow the atoms.
func matchPath(m *routev3.RouteMatch, p pattern, rest string) {
	if p.literal() && !p.open && rest != `/*` && len(p.atoms) > 0 && !strings.ContainsAny(joinAtoms(p), "?#") {
		m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: "/" + joinAtoms(p)}
		return
	}
	expr := pathRegex(p)
	if !p.open {
		expr += rest
	}
	m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expr}}
}

func joinAtoms(p pattern) string {
	parts := make([]string, len(p.atoms))
	for i, a := range p.atoms {
		parts[i] = a.lit
	}
	return strings.Join(parts, "/")
}

// pathRegex matches paths that begin with the atoms and, where open, go on.
func pathRegex(p pattern) string {
	var b strings.Builder
	for _, a := range p.atoms {
		b.WriteString("/+" + atomRegex(a))
	}
	if p.open {
		b.WriteString(`/+[^/].*`)
	}
	return b.String()
}

func atomRegex(a atom) string {
	switch {
	case !a.any() && a.fold:
		return "(?i:" + regexp.QuoteMeta(a.lit) + ")"
	case !a.any():
		return regexp.QuoteMeta(a.lit)
	}
	return regexp.QuoteMeta(a.pre) + `[^/]+` + regexp.QuoteMeta(a.post)
}

// wellFormedValue are the header values that io.l5d.header takes.
const wellFormedValue = `/|(?:/[0-9A-Za-z_:.#$%-]+)+`

// valueRegex matches a header whose value is a path.
func valueRegex(p pattern) string {
	if len(p.atoms) == 0 && !p.open {
		return "/"
	}
	var b strings.Builder
	for _, a := range p.atoms {
		b.WriteString("/" + strings.ReplaceAll(atomRegex(a), `[^/]+`, `[0-9A-Za-z_:.#$%-]+`))
	}
	if p.open {
		b.WriteString(`(?:/[0-9A-Za-z_:.#$%-]+)+`)
	}
	return b.String()
}
