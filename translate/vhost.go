package translate

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typematcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/dogfood"
)

// manyVariants is from how many environments of one host on a hash map is used
// in place of a list of routes.
const manyVariants = 6

// virtualHost makes the virtual host of a domain.
func (b *builder) virtualHost(d *domain) *routev3.VirtualHost {
	vh := &routev3.VirtualHost{Name: d.name, Domains: []string{d.name}}
	if b.router.untrusted() { // elsewhere it is the default
		vh.RequestBodyBufferLimit = wrapperspb.UInt64(requestBuffer)
	}
	before := slices.Concat(b.redirectRoutes(d), b.responseRoutes(d), b.adHocRoutes(), b.malformed(d))
	if b.asks = b.asksAbout(d); b.asks {
		vh.Routes = slices.Concat(b.answeredRoutes(), before, asking(b.routes(d, func(variant) bool { return true }, nil)))
		return vh
	}
	policies := d.policies()
	family := slices.ContainsFunc(policies, func(p int) bool { return b.overlays[p].family != "" })
	if len(policies) == 0 && len(d.cells) >= manyVariants && b.byHeader() {
		if vh.Matcher = b.headerMap(d); vh.Matcher != nil {
			return vh
		}
	}
	if len(policies) < manyVariants && !family {
		vh.Routes = slices.Concat(before, b.routes(d, func(variant) bool { return true }, nil))
		return vh
	}
	vh.Matcher = b.matcher(d, before)
	return vh
}

// byHeader tells that names are made of nothing but the path in a header.
func (b *builder) byHeader() bool {
	return slices.Equal(b.router.identifier.vars, []variable{valueVar}) && b.router.spec.AdHocOverrides == nil &&
		len(b.router.responses) == 0 && len(b.router.redirected()) == 0
}

// headerMap selects by the identifying header in a hash map; values that are
// not in it, such as other spellings, go through the list. It is nil if there is
// no value to look up.
func (b *builder) headerMap(d *domain) *xdsmatcherv3.Matcher {
	exact := map[string]*xdsmatcherv3.Matcher_OnMatch{}
	for _, c := range d.cells {
		text, ok := c.region.parts[0].text()
		if !ok || exact[text] != nil {
			continue
		}
		route := b.routeFor(b.routeName(d, nil), c, c.base)
		route.Metadata = b.source(nil)
		b.lead(d, c, nil, route)
		exact[text] = routeList(sentAgain(route, c.base))
	}
	if len(exact) == 0 {
		return nil
	}
	rest := append(b.malformed(d), b.routes(d, func(variant) bool { return true }, nil)...)
	return exactMap(headerInput(b.router.identifier.header), exact, routeList(rest))
}

// routes gives the routes of a domain in order: for each cell those of its
// variants that are wanted, then the cell's own. Policies that are given need
// not be asked for again.
func (b *builder) routes(d *domain, want func(variant) bool, given []int) []*routev3.Route {
	var routes []*routev3.Route
	for _, c := range d.cells {
		for _, v := range c.variants {
			if !want(v) {
				continue
			}
			route := b.routeFor(b.routeName(d, v.policies), c, v.answer)
			route.Match = b.matchFor(d, c)
			for _, p := range v.policies {
				if !slices.Contains(given, p) {
					route.Match.Headers = append(route.Match.Headers, regexHeader(headerDogfood, memberRegex(b.overlays[p].id)))
				}
			}
			route.Metadata = b.source(v.policies)
			b.lead(d, c, v.policies, route)
			b.tellEnvironment(route, v.policies)
			routes = append(routes, sentAgain(route, v.answer)...)
		}
		route := b.routeFor(b.routeName(d, nil), c, c.base)
		route.Match = b.matchFor(d, c)
		route.Metadata = b.source(nil)
		b.lead(d, c, nil, route)
		routes = append(routes, sentAgain(route, c.base)...)
	}
	if len(d.cells) == 0 || !d.total(d.cells[len(d.cells)-1], b.router.identifier.vars) {
		routes = append(routes, b.unidentified())
	}
	return routes
}

// memberRegex matches a comma-joined list that holds the id.
func memberRegex(id string) string {
	return `(?:.*,)?[ \t]*` + regexp.QuoteMeta(id) + `[ \t]*(?:,.*)?`
}

func (b *builder) routeName(d *domain, policies []int) string {
	name := b.router.key.Name + "/" + d.name
	if len(policies) == 0 {
		return name
	}
	return name + "[" + b.ids(policies) + "]"
}

// unidentified answers requests that have no name.
func (b *builder) unidentified() *routev3.Route {
	route := &routev3.Route{Name: b.router.key.Name + "/unidentified", Match: anyPath()}
	why := "the request has nothing that " + escapeFormat(b.router.identifier.kind) + " can identify"
	if b.router.identifier.kind == identifyIngress {
		why = noIngressRule
	}
	b.refuse(route, 400, "Unknown destination: "+why+"\n")
	return route
}

// malformed answers requests whose host, or other header that names are made
// of, has a shape that no name has.
func (b *builder) malformed(d *domain) []*routev3.Route {
	var routes []*routev3.Route
	vars := b.router.identifier.vars
	if b.router.identifier.kind == identifyIngress {
		vars = []variable{hostVar}
	}
	for _, v := range vars {
		header, shape := b.router.identifier.header, ""
		switch {
		case v == hostVar && strings.HasPrefix(d.name, "*"):
			header, shape = ":authority", wellFormed(b.router.portsCount())
		case v == tokenVar:
			shape = wellFormedToken
		case v == valueVar:
			shape = wellFormedValue
		default:
			continue
		}
		m := regexHeader(header, shape)
		m.InvertMatch = true
		route := &routev3.Route{Name: b.router.key.Name + "/malformed", Match: anyPath()}
		route.Match.Headers = []*routev3.HeaderMatcher{m}
		b.refuse(route, 400, "Unknown destination: the "+escapeFormat(strings.TrimPrefix(header, ":"))+" is malformed\n")
		routes = append(routes, route)
	}
	return routes
}

// matcher selects by the context header in a hash map, so that many
// environments of one host cost no more than one. The map of prefixes finds the
// member of a family that stands in front of other ids. It serves hosts that
// one family changes; where a member of another family stands in front, or
// several families change the host, the ids are looked for one by one.
func (b *builder) matcher(d *domain, before []*routev3.Route) *xdsmatcherv3.Matcher {
	exact := map[string]*xdsmatcherv3.Matcher_OnMatch{}
	prefix := map[string]*xdsmatcherv3.Matcher_OnMatch{}
	policies := d.policies()
	one := b.families(policies) == 1
	for _, p := range policies {
		only := func(v variant) bool { return len(v.policies) == 1 && v.policies[0] == p }
		exact[b.overlays[p].id] = routeList(b.routes(d, only, []int{p}))
		if one && b.overlays[p].family != "" {
			with := func(v variant) bool { return slices.Contains(v.policies, p) || b.ordinary(v) }
			prefix[b.overlays[p].id+","] = routeList(b.routes(d, with, []int{p}))
		}
	}
	rest := b.ordinary
	if b.families(nil) > 1 {
		rest = func(variant) bool { return true }
	}
	last := routeList(b.routes(d, rest, nil))
	if len(prefix) > 0 {
		last = nested(&xdsmatcherv3.Matcher{
			MatcherType: &xdsmatcherv3.Matcher_MatcherTree_{MatcherTree: &xdsmatcherv3.Matcher_MatcherTree{
				Input: headerInput(headerDogfood),
				TreeType: &xdsmatcherv3.Matcher_MatcherTree_PrefixMatchMap{
					PrefixMatchMap: &xdsmatcherv3.Matcher_MatcherTree_MatchMap{Map: prefix},
				},
			}},
			OnNoMatch: last,
		})
	}
	byContext := exactMap(headerInput(headerDogfood), exact, last)
	if len(before) == 0 {
		return byContext
	}
	return beforeAll(before, byContext)
}

// families counts the families of some policies; nil: of all there are.
func (b *builder) families(policies []int) int {
	names := map[string]bool{}
	for i, o := range b.overlays {
		if o.family != "" && (policies == nil || slices.Contains(policies, i)) {
			names[o.family] = true
		}
	}
	return len(names)
}

// ordinary tells that a variant needs no member of a family.
func (b *builder) ordinary(v variant) bool {
	return !slices.ContainsFunc(v.policies, func(p int) bool { return b.overlays[p].family != "" })
}

// policies gives the policies that change something for a domain.
func (d *domain) policies() []int {
	set := map[int]bool{}
	for _, c := range d.cells {
		for _, v := range c.variants {
			for _, p := range v.policies {
				set[p] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// beforeAll tries each of the routes before the rest.
func beforeAll(routes []*routev3.Route, rest *xdsmatcherv3.Matcher) *xdsmatcherv3.Matcher {
	list := &xdsmatcherv3.Matcher_MatcherList{}
	for _, r := range routes {
		predicate := routePredicate(r.Match)
		r.Match.Headers = nil // the predicate has asked
		list.Matchers = append(list.Matchers, &xdsmatcherv3.Matcher_MatcherList_FieldMatcher{
			Predicate: predicate, OnMatch: routeList([]*routev3.Route{r}),
		})
	}
	return &xdsmatcherv3.Matcher{
		MatcherType: &xdsmatcherv3.Matcher_MatcherList_{MatcherList: list},
		OnNoMatch:   nested(rest),
	}
}

// routePredicate holds where a route matches. A matched entry that has no
// fitting route is a 404, so the two must agree.
func routePredicate(m *routev3.RouteMatch) *xdsPredicate {
	var all []*xdsPredicate
	path := func(expr string) {
		all = append(all, matchesValue(headerInput(":path"), xdsString(dogfood.Text{Op: dogfood.OpRegex, Pattern: expr + `(?:\?.*)?`})))
	}
	switch p := m.PathSpecifier.(type) {
	case *routev3.RouteMatch_Path:
		path(regexp.QuoteMeta(p.Path))
	case *routev3.RouteMatch_PathSeparatedPrefix:
		path(regexp.QuoteMeta(p.PathSeparatedPrefix) + `(?:/[^?]*)?`)
	}
	for _, h := range m.Headers {
		all = append(all, headerPredicate(h))
	}
	if len(all) == 0 {
		return headerPredicate(presentHeader(":path")) // every request
	}
	return allOf(all)
}

// headerPredicate turns a header matcher of a route, present or a regex that is
// perhaps inverted, into a predicate.
func headerPredicate(h *routev3.HeaderMatcher) *xdsPredicate {
	is := dogfood.AnyText()
	if sm := h.GetStringMatch(); sm != nil {
		is = dogfood.Text{Op: dogfood.OpRegex, Pattern: sm.GetSafeRegex().GetRegex()}
	}
	p := matchesValue(headerInput(h.Name), xdsString(is))
	if h.InvertMatch {
		return noneOf(p)
	}
	return p
}

func headerInput(name string) *xdscorev3.TypedExtensionConfig {
	return xdsExtension("header", &typematcherv3.HttpRequestHeaderMatchInput{HeaderName: name})
}

// exactMap looks the input up in a hash map; rest is for what is not in it, and
// may be nil.
func exactMap(input *xdscorev3.TypedExtensionConfig, m map[string]*xdsmatcherv3.Matcher_OnMatch, rest *xdsmatcherv3.Matcher_OnMatch) *xdsmatcherv3.Matcher {
	return &xdsmatcherv3.Matcher{
		MatcherType: &xdsmatcherv3.Matcher_MatcherTree_{MatcherTree: &xdsmatcherv3.Matcher_MatcherTree{
			Input: input,
			TreeType: &xdsmatcherv3.Matcher_MatcherTree_ExactMatchMap{
				ExactMatchMap: &xdsmatcherv3.Matcher_MatcherTree_MatchMap{Map: m},
			},
		}},
		OnNoMatch: rest,
	}
}

func routeList(routes []*routev3.Route) *xdsmatcherv3.Matcher_OnMatch {
	return &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Action{
		Action: xdsExtension("routes", &routev3.RouteList{Routes: routes}),
	}}
}

func nested(m *xdsmatcherv3.Matcher) *xdsmatcherv3.Matcher_OnMatch {
	return &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Matcher{Matcher: m}}
}
