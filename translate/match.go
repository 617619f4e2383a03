package translate

import (
	"regexp"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// matchFor says which requests of a domain are in a cell.
func (b *builder) matchFor(d *domain, c *cell) *routev3.RouteMatch {
	if c.rule != nil {
		return c.rule.match(d.name)
	}
	r := c.region
	m := anyPath()
	var segments []pattern
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
		case segmentVar:
			segments = append(segments, p)
		case urlVar:
			matchURL(m, p)
		case valueVar:
			m.Headers = append(m.Headers, regexHeader(b.router.identifier.header, valueRegex(p)))
		}
	}
	if len(segments) > 0 {
		matchSegments(m, segments)
	}
	return m
}

func (b *builder) matchHost(m *routev3.RouteMatch, p pattern) {
	if p.isAll() {
		return
	}
	m.Headers = append(m.Headers, regexHeader(":authority", p.regex(b.router.portsCount())))
}

func (b *builder) matchToken(p pattern) *routev3.HeaderMatcher {
	if p.exact() {
		return exactHeader(b.router.identifier.header, p.token())
	}
	return regexHeader(b.router.identifier.header, p.tokenRegex())
}

// token gives the one value of an exact dotted pattern.
func (p pattern) token() string {
	labels := make([]string, len(p.atoms))
	for i, a := range p.atoms {
		labels[len(labels)-1-i] = a.lit
	}
	text := strings.Join(labels, ".")
	if p.port != nil {
		text += ":" + p.port.lit
	}
	return text
}

// tokenLabel matches a label of a token, in which colons may stand.
const tokenLabel = `[A-Za-z0-9_-]+(?::[A-Za-z0-9_-]+)*`

// tokenRegex matches the well-formed tokens of a dotted pattern.
func (p pattern) tokenRegex() string {
	var parts []string
	for _, a := range p.atoms {
		one := regexp.QuoteMeta(a.lit)
		switch {
		case a.any():
			one = regexp.QuoteMeta(a.pre) + tokenLabel + regexp.QuoteMeta(a.post)
		case a.fold:
			one = "(?i:" + one + ")"
		}
		parts = append(parts, one)
	}
	slices.Reverse(parts)
	rx := strings.Join(parts, `\.`)
	if p.open {
		rx = `(?:` + tokenLabel + `\.)+` + rx
	}
	switch {
	case p.port == nil:
		return rx
	case p.port.any():
		return rx + `:[0-9]+`
	}
	return rx + ":" + regexp.QuoteMeta(p.port.lit)
}

// matchSegments matches the first segments of the URL's path.
func matchSegments(m *routev3.RouteMatch, segments []pattern) {
	exact, expr := "", ""
	for _, p := range segments {
		if exact += "/" + p.token(); !p.exact() {
			exact = "?"
		}
		expr += `/+` + p.tokenRegex()
	}
	if !strings.ContainsAny(exact, "?#") {
		m.PathSpecifier = &routev3.RouteMatch_PathSeparatedPrefix{PathSeparatedPrefix: exact}
		return
	}
	m.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expr + `(?:/.*)?`}}
}

// matchURL matches the whole path of the URL.
func matchURL(m *routev3.RouteMatch, p pattern) {
	expr := pathRegex(p)
	if !p.open {
		expr += `/*`
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
