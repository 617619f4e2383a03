package translate

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typematcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// asEnvoy matches a request in a route configuration as Envoy does. It is
// written for the parts that are generated, from Envoy's documentation of route
// matching, and tested against a real Envoy in equality_envoy_test.go.
type asEnvoy struct {
	rc    *routev3.RouteConfiguration
	exact map[string]*routev3.VirtualHost
	wild  []string
}

func newAsEnvoy(rc *routev3.RouteConfiguration) *asEnvoy {
	e := &asEnvoy{rc: rc, exact: map[string]*routev3.VirtualHost{}}
	for _, vh := range rc.VirtualHosts {
		for _, d := range vh.Domains {
			if e.exact[strings.ToLower(d)] != nil {
				panic("duplicate domain " + d)
			}
			e.exact[strings.ToLower(d)] = vh
			if strings.Contains(d, "*") {
				e.wild = append(e.wild, strings.ToLower(d))
			}
		}
	}
	sort.Slice(e.wild, func(i, j int) bool { return len(e.wild[i]) > len(e.wild[j]) })
	return e
}

func (e *asEnvoy) host(host string) *routev3.VirtualHost {
	host = strings.ToLower(host)
	if e.rc.IgnorePortInHostMatching {
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
			host = host[:i]
		}
	}
	if vh := e.exact[host]; vh != nil {
		return vh
	}
	for _, w := range e.wild {
		if suffix, ok := strings.CutPrefix(w, "*"); ok && suffix != "" && len(host) > len(suffix) && strings.HasSuffix(host, suffix) {
			return e.exact[w]
		}
	}
	for _, w := range e.wild {
		if prefix, ok := strings.CutSuffix(w, "*"); ok && prefix != "" && len(host) > len(prefix) && strings.HasPrefix(host, prefix) {
			return e.exact[w]
		}
	}
	return e.exact["*"]
}

func stripDot(host string) string {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i:]
	}
	return strings.TrimSuffix(name, ".") + port
}

func (e *asEnvoy) route(req Request) *routev3.Route {
	req.Host = stripDot(req.Host)
	vh := e.host(req.Host)
	if vh.Matcher != nil {
		return matchTree(vh.Matcher, req)
	}
	return matchList(vh.Routes, req)
}

func matchList(routes []*routev3.Route, req Request) *routev3.Route {
	for _, r := range routes {
		if matchRoute(r.Match, req) {
			return r
		}
	}
	return nil
}

func headerOf(req Request, name string) (string, bool) {
	switch name {
	case ":authority":
		return req.Host, true
	case ":method":
		return req.Method, true
	case ":path":
		return req.Path, true
	}
	lines, ok := req.Header[name]
	return strings.Join(lines, ","), ok
}

// full is a full match as RE2 does it; \C is its name for any byte.
func full(expr, s string) bool {
	expr = strings.ReplaceAll(expr, `\C`, `(?s:.)`)
	return regexp.MustCompile(`\A(?:` + expr + `)\z`).MatchString(s)
}

func matchRoute(m *routev3.RouteMatch, req Request) bool {
	path, _, _ := strings.Cut(req.Path, "?")
	switch p := m.PathSpecifier.(type) {
	case *routev3.RouteMatch_Prefix:
		if !strings.HasPrefix(path, p.Prefix) {
			return false
		}
	case *routev3.RouteMatch_PathSeparatedPrefix:
		if path != p.PathSeparatedPrefix && !strings.HasPrefix(path, p.PathSeparatedPrefix+"/") {
			return false
		}
	case *routev3.RouteMatch_Path:
		if path != p.Path {
			return false
		}
	case *routev3.RouteMatch_SafeRegex:
		if !full(p.SafeRegex.Regex, path) {
			return false
		}
	default:
		panic(fmt.Sprintf("path %T", p))
	}
	for _, h := range m.Headers {
		value, ok := headerOf(req, h.Name)
		switch s := h.HeaderMatchSpecifier.(type) {
		case *routev3.HeaderMatcher_PresentMatch:
			if !ok {
				return false
			}
		case *routev3.HeaderMatcher_StringMatch:
			if !ok {
				return false
			}
			got := s.StringMatch.GetExact() == value
			if rx := s.StringMatch.GetSafeRegex(); rx != nil {
				got = full(rx.Regex, value)
			}
			if got == h.InvertMatch {
				return false
			}
		default:
			panic(fmt.Sprintf("header %T", s))
		}
	}
	return true
}

func matchTree(m *xdsmatcherv3.Matcher, req Request) *routev3.Route {
	on := m.OnNoMatch
	switch t := m.MatcherType.(type) {
	case *xdsmatcherv3.Matcher_MatcherTree_:
		if value, ok := headerOf(req, inputHeader(t.MatcherTree.Input)); ok {
			if hit := t.MatcherTree.GetExactMatchMap().GetMap()[value]; hit != nil {
				on = hit
			}
			best := -1
			for key, hit := range t.MatcherTree.GetPrefixMatchMap().GetMap() {
				if strings.HasPrefix(value, key) && len(key) > best {
					best, on = len(key), hit
				}
			}
		}
	case *xdsmatcherv3.Matcher_MatcherList_:
		for _, fm := range t.MatcherList.Matchers {
			if predicate(fm.Predicate, req) {
				on = fm.OnMatch
				break
			}
		}
	}
	if inner := on.GetMatcher(); inner != nil {
		return matchTree(inner, req)
	}
	var list routev3.RouteList
	if err := on.GetAction().TypedConfig.UnmarshalTo(&list); err != nil {
		panic(err)
	}
	return matchList(list.Routes, req)
}

func inputHeader(packed *xdscorev3.TypedExtensionConfig) string {
	var input typematcherv3.HttpRequestHeaderMatchInput
	if err := packed.TypedConfig.UnmarshalTo(&input); err != nil {
		panic(err)
	}
	return input.HeaderName
}

func predicate(p *xdsmatcherv3.Matcher_MatcherList_Predicate, req Request) bool {
	if not := p.GetNotMatcher(); not != nil {
		return !predicate(not, req)
	}
	if and := p.GetAndMatcher(); and != nil {
		return !slices.ContainsFunc(and.Predicate, func(p *xdsmatcherv3.Matcher_MatcherList_Predicate) bool { return !predicate(p, req) })
	}
	s := p.GetSinglePredicate()
	value, ok := headerOf(req, inputHeader(s.Input))
	return ok && full(s.GetValueMatch().GetSafeRegex().Regex, value)
}

// said is what a route says, in the terms of an answer.
func said(r *routev3.Route) string {
	if r == nil {
		return "404"
	}
	if d := r.GetRedirect(); d != nil {
		return strconv.Itoa(map[routev3.RedirectAction_RedirectResponseCode]int{routev3.RedirectAction_FOUND: 302, routev3.RedirectAction_PERMANENT_REDIRECT: 308}[d.ResponseCode])
	}
	if d := r.GetDirectResponse(); d != nil {
		return strconv.FormatUint(uint64(d.Status), 10)
	}
	if w := r.GetRoute().GetWeightedClusters(); w != nil {
		var sum float64
		var parts []string
		for _, c := range w.Clusters {
			sum += float64(c.Weight.Value)
		}
		for _, c := range w.Clusters {
			parts = append(parts, fmt.Sprintf("%.4f %s", float64(c.Weight.Value)/sum, c.Name))
		}
		return strings.Join(parts, " & ")
	}
	return "1.0000 " + r.GetRoute().GetCluster()
}
