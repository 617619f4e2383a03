package translate

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typematcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
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

// hostItself marks a cluster that is the very host of a request: a route may
// name it, or go to whatever host the request is for.
const hostItself = "(host)"

// want is what the evaluator says about a request, in the same words.
func want(r *router, overlays []overlay, req Request) string {
	if own := r.responseTo(req); own != nil {
		return strconv.Itoa(own.status())
	}
	name, err := r.identify(req)
	if err != nil {
		return "400"
	}
	var table dtab.Dtab
	for _, o := range overlays {
		if slices.ContainsFunc(req.Header[headerDogfood], func(line string) bool {
			return slices.Contains(strings.Split(line, ","), o.id)
		}) {
			table = append(table, o.table...)
		}
	}
	a := r.bind(r.interpreter(table, nil), name, false)
	if a.outcome == dtab.OutcomeNeg && r.unrouted != nil {
		return strconv.Itoa(r.unrouted.status())
	}
	if !a.routed() {
		return "502"
	}
	var parts []string
	for i := range a.branches {
		name := nobodyCluster
		if chain := a.branches[i].chain; len(chain) > 0 {
			name = chain[0].cluster
			if chain[0].namer == nil && r.identifier.host() >= 0 {
				host, port := inetTarget(chain[0].id)
				if h, err := hostName(req.Host, r.portsCount()); err == nil && !strings.Contains(host, ":") && (h == host+":"+port || h == host && port == "80") {
					name = hostItself + name
				}
			}
		}
		parts = append(parts, fmt.Sprintf("%.4f %s", a.branches[i].share, name))
	}
	return strings.Join(parts, " & ")
}

// same compares two texts of shares: clusters and, nearly, their shares, since
// the weights of Envoy are whole numbers. A host by DNS may be the dynamic cluster.
func same(want, got string) bool {
	want, got = strings.ToLower(want), strings.ToLower(got) // DNS knows no case
	dynamic := regexp.MustCompile(regexp.QuoteMeta(hostItself)+`\S+`).ReplaceAllString(want, dynamicCluster)
	want = strings.ReplaceAll(want, hostItself, "")
	if near(shares(want), shares(got)) || near(shares(dynamic), shares(got)) {
		return true
	}
	// A host that a rule names is a cluster of its own.
	if near(shares(want), shares(regexp.MustCompile(`/\$/\S+`).ReplaceAllString(got, "(inet)"))) {
		return true
	}
	// A DNS name that is made of other parts of a request cannot be told.
	return got == "502" && strings.Contains(strings.ReplaceAll(want, "/$/inet/127.0.0.1/80", ""), "/$/i")
}

func shares(text string) map[string]float64 {
	all := map[string]float64{}
	for part := range strings.SplitSeq(text, " & ") {
		share, cluster, ok := strings.Cut(part, " ")
		n, err := strconv.ParseFloat(share, 64)
		if !ok || err != nil {
			return map[string]float64{text: 1}
		}
		all[cluster] += n
	}
	return all
}

func near(a, b map[string]float64) bool {
	for _, both := range [][2]map[string]float64{{a, b}, {b, a}} {
		for cluster, share := range both[0] {
			if math.Abs(share-both[1][cluster]) > 0.002 {
				return false
			}
		}
	}
	return true
}

var labels = []string{"a", "b", "c", "world", "v1", "www", "default", "http", "80"}

func genPath(t *rapid.T, n int, from []string) string {
	k := rapid.IntRange(1, n).Draw(t, "n")
	var b strings.Builder
	for range k {
		b.WriteString("/" + rapid.SampledFrom(from).Draw(t, "label"))
	}
	return b.String()
}

var prefixLabels = append([]string{"*", "a.b", "svc", "host", "srv", "1.1", "GET"}, labels...)

func genTree(t *rapid.T, depth int) string {
	switch k := rapid.IntRange(0, 11).Draw(t, "tree"); {
	case k < 2:
		return "/#/io.l5d.k8s/default/http" + rapid.SampledFrom([]string{"", "/a", "/b", "/world"}).Draw(t, "svc")
	case k == 2:
		return rapid.SampledFrom([]string{"~", "!", "$", "/$/nil", "/$/fail", "/#/io.l5d.k8s", "/#/io.l5d.k8s/default", "/#/rw"}).Draw(t, "leaf")
	case k == 3:
		return rapid.SampledFrom([]string{
			"/$/io.buoyant.http.domainToPathPfx/host", "/$/io.buoyant.http.subdomainOfPfx/b.c/srv", "/$/io.buoyant.http.anyHostPfx/srv",
			"/$/io.buoyant.http.domainToPath", "/$/io.buoyant.http.anyMethodPfx/host", "/$/inet/127.0.0.1/80",
			"/$/io.buoyant.porthostPfx/host", "/$/io.buoyant.hostportPfx/srv", "/$/io.buoyant.rinet/80", "/$/io.buoyant.rinet",
		}).Draw(t, "utility")
	case k < 9 || depth == 0:
		return genPath(t, 3, append([]string{"svc", "host", "srv"}, labels...))
	case k == 9:
		return "(" + genTree(t, depth-1) + " | " + genTree(t, depth-1) + ")"
	}
	w := rapid.SampledFrom([]string{"1", "9", "0.5", "0"})
	return "(" + w.Draw(t, "w") + " * " + genTree(t, depth-1) + " & " + w.Draw(t, "w") + " * " + genTree(t, depth-1) + ")"
}

func genTable(t *rapid.T, n int) string {
	lines := []string{}
	roots := []string{"/svc", "/host", "/srv", "/svc/1.1"}
	for range rapid.IntRange(0, n).Draw(t, "entries") {
		prefix := rapid.SampledFrom(roots).Draw(t, "root")
		if rapid.Bool().Draw(t, "longer") {
			prefix += genPath(t, 3, prefixLabels)
		}
		lines = append(lines, prefix+" => "+genTree(t, 2))
	}
	return strings.Join(lines, ";\n")
}

func genInventory(t *rapid.T) *Inventory {
	inv := &Inventory{Services: map[Key]*Service{}}
	for _, ns := range []string{"default", "b"} {
		for _, name := range []string{"a", "b", "world", "v1"} {
			if rapid.Bool().Draw(t, "service") {
				key := Key{ns, name}
				inv.Services[key] = &Service{
					Key: key, Exists: true, Ports: []ServicePort{{Name: "http", Port: 80}},
					Slices: []*Slice{{
						Name: name, Ports: []SlicePort{{Name: "http", Port: 8080}},
						Endpoints: []Endpoint{{Addresses: []string{"127.0.0.1"}, Ready: true, Serving: true}},
					}},
				}
			}
		}
	}
	inv.Ingresses = genIngresses(t)
	return inv
}

func genIngresses(t *rapid.T) []*Sourced[HTTPIngress] {
	var all []*Sourced[HTTPIngress]
	for i := range rapid.IntRange(0, 2).Draw(t, "ingresses") {
		o := HTTPIngress{Key: Key{"default", fmt.Sprintf("i%d", i)}, Class: DefaultIngressClass}
		backend := func() IngressBackend {
			return IngressBackend{Service: rapid.SampledFrom([]string{"a", "world", "v1"}).Draw(t, "backend"), Port: "http"}
		}
		if rapid.Bool().Draw(t, "default") {
			b := backend()
			o.Default = &b
		}
		for range rapid.IntRange(0, 4).Draw(t, "paths") {
			p := IngressPath{
				Host:    rapid.SampledFrom([]string{"", "a", "world", "*.world", "a.world", "*.a.world", "b.a"}).Draw(t, "host"),
				Type:    rapid.SampledFrom([]IngressPathType{IngressExact, IngressPrefix, IngressPrefix, IngressRegex}).Draw(t, "type"),
				Path:    rapid.SampledFrom([]string{"/", "/a", "/a/", "/a/b", "/world", "/zz"}).Draw(t, "path"),
				Backend: backend(),
			}
			if p.Type == IngressRegex {
				p.Path = rapid.SampledFrom([]string{"/a.*", "/[a-z]+", "/(a|world)/.+", "/zz|/b"}).Draw(t, "regex")
			}
			o.Paths = append(o.Paths, p)
		}
		all = append(all, &Sourced[HTTPIngress]{Object: o})
	}
	return all
}

func genResponses(t *rapid.T) []v1alpha1.Response {
	var all []v1alpha1.Response
	for i := range rapid.IntRange(-3, 3).Draw(t, "responses") {
		r := v1alpha1.Response{Status: int32(210 + i)}
		switch rapid.IntRange(0, 4).Draw(t, "of") {
		case 0:
			r.Path = rapid.SampledFrom([]string{"/", "/a", "/a/b"}).Draw(t, "path")
		case 1, 2:
			r.PathPrefix = rapid.SampledFrom([]string{"/", "/a", "/a/", "/world/v1"}).Draw(t, "prefix")
		case 3:
			r.Unrouted = true
		}
		if !r.Unrouted {
			r.Host = rapid.SampledFrom([]string{"", "world", "*.world", "A.world", "*.a.world", "b.a"}).Draw(t, "host")
		}
		if rapid.Bool().Draw(t, "redirect") {
			r.Redirect = &v1alpha1.Redirect{Host: "elsewhere.example", Status: 308}
			r.Status = 0
		}
		all = append(all, r)
	}
	return all
}

func genHost(t *rapid.T) string {
	n := rapid.IntRange(1, 4).Draw(t, "labels")
	parts := make([]string, n)
	for i := range parts {
		parts[i] = rapid.SampledFrom(append([]string{"zz", "WORLD", "x"}, labels...)).Draw(t, "label")
	}
	host := strings.Join(parts, ".")
	return host + rapid.SampledFrom([]string{"", "", "", ".", ":80", ":8080", "..", ".:80", "!"}).Draw(t, "end")
}

func genIdentifier(t *rapid.T) *v1alpha1.Identifier {
	return rapid.SampledFrom([]*v1alpha1.Identifier{
		nil, nil, nil,
		{Kind: identifyMethod},
		{Kind: identifyPath, Segments: 1},
		{Kind: identifyPath, Segments: 2},
		{Kind: identifyHeader},
		{Kind: identifyToken, Header: "x-to"},
		{Kind: identifyStatic, Path: "/a/b"},
		{Kind: identifyGRPC},
		{Kind: identifyIngress},
	}).Draw(t, "identifier")
}

func genRequest(t *rapid.T, overlays []overlay) Request {
	req := Request{
		Method: rapid.SampledFrom([]string{"GET", "POST", "M-SEARCH"}).Draw(t, "method"),
		Host:   genHost(t),
		Path:   rapid.SampledFrom([]string{"/", "/a", "/a/b", "/world/v1/x", "/zz/a?q=1", "/b/", "/world.b/a", "/x.world/zz.a.b", "/WORLD/a", "/a..b", "/a%20b/c"}).Draw(t, "path"),
		Header: map[string][]string{},
	}
	if rapid.Bool().Draw(t, "l5d-name") {
		req.Header["l5d-name"] = []string{rapid.SampledFrom([]string{"/", "/a", "/a/b/c", "/world", "x", "/zz/b/"}).Draw(t, "value")}
	}
	if rapid.Bool().Draw(t, "x-to") {
		req.Header["x-to"] = []string{genHost(t)}
	}
	var ids []string
	families := map[string]bool{}
	for _, o := range overlays {
		switch {
		case !rapid.Bool().Draw(t, "holds"), o.family != "" && families[o.family]:
		case o.family != "":
			families[o.family] = true
			ids = append([]string{o.id}, ids...) // the members of families come first
		default:
			ids = append(ids, o.id)
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "unknown") == 0 {
		ids = append(ids, "nobody-knows-this")
	}
	if len(ids) > 0 {
		req.Header[headerDogfood] = []string{strings.Join(ids, ",")}
	}
	return req
}

// generated is a random router with what it is compiled to.
type generated struct {
	router   *router
	overlays []overlay
	rc       *routev3.RouteConfiguration
	class    *classBuilder
}

// text is everything that names are made with.
func (g generated) text() string {
	text := g.router.table.Dtab().String()
	for _, o := range g.overlays {
		text += o.table.String()
	}
	return text
}

func generate(t *rapid.T) generated { return generateOf(t, func(*v1alpha1.RouterSpec) {}) }

// generateOf gives a random router that is changed before it is compiled.
func generateOf(t *rapid.T, change func(*v1alpha1.RouterSpec)) generated {
	inv := genInventory(t)
	src := &Sourced[v1alpha1.Router]{Object: v1alpha1.Router{
		ObjectMeta: metav1.ObjectMeta{Name: "r", Namespace: "default"},
		Spec: v1alpha1.RouterSpec{
			ProxyClass: "edge", Port: 1, Identifier: genIdentifier(t), Dtab: genTable(t, 6),
			Namers: []v1alpha1.Namer{
				{Kind: dtab.KindK8s},
				{Kind: dtab.KindRewrite, Prefix: "/rw", Pattern: "/{x}/*", Name: "/host/{x}"},
			},
			Responses: genResponses(t),
		},
	}}
	change(&src.Object.Spec)
	r, found := newRouter(inv, src)
	if r == nil {
		t.Fatalf("router: %v", found)
	}
	var overlays []overlay
	for i := range rapid.SampledFrom([]int{0, 1, 2, 3, 3, 5}).Draw(t, "policies") {
		table, err := dtab.Parse(dtab.Source{}, genTable(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		o := overlay{id: fmt.Sprintf("p%d", i), table: table}
		if i >= 2 {
			o.family = rapid.SampledFrom([]string{"", "", "f", "g"}).Draw(t, "family")
		}
		overlays = append(overlays, o)
	}
	r.seePorts(overlays)
	cells, limits := explore(r, newNames(inv), overlays)
	if len(limits) > 0 {
		t.Skip("the table loops")
	}
	g := generated{router: r, overlays: overlays}
	g.rc, g.class = wholeTable(r, overlays, cells, inv)
	return g
}

// wholeTable gives the route table of a router as one message, and with the
// clusters that it needs.
func wholeTable(r *router, overlays []overlay, cells []*cell, inv *Inventory) (*routev3.RouteConfiguration, *classBuilder) {
	cb := newClassBuilder(inv)
	cb.snapshot.made = cb.snapshot.made.open()
	b := &builder{router: r, overlays: overlays}
	t, changed := b.hostTable(&exploration{router: r, overlays: overlays, cells: cells}, nil)
	cb.snapshot.made.routers, cb.snapshot.made.tables = []Key{r.key}, map[Key]*hostTable{r.key: t}
	cb.source = t.source
	cb.addRouteConfiguration(b.routeConfiguration())
	cb.setHosts(t, changed.hosts)
	cb.setClusters(changed.clusters)
	table := cb.snapshot.Whole()[RouteType][r.key.String()]
	rc := &routev3.RouteConfiguration{}
	if table == nil || len(cb.found) > 0 || t.failed.size > 0 {
		panic(fmt.Sprintf("Envoy would refuse %v", cb.found))
	}
	if err := table.Body.UnmarshalTo(rc); err != nil {
		panic(err)
	}
	return rc, cb
}

// checkUntil checks a property, again and again until it has seen enough: what
// random draws bring is a matter of luck.
func checkUntil(t *testing.T, enough func() bool, property func(*rapid.T)) {
	t.Helper()
	for range 50 {
		rapid.Check(t, property)
		if t.Failed() || enough() {
			return
		}
	}
	t.Error("the draws prove too little")
}

// TestTableSaysWhatTheEvaluatorSays is the law of this package: for every table,
// inventory, override and request, the generated routes, matched as Envoy
// matches them, lead where the evaluator says.
func TestTableSaysWhatTheEvaluatorSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := generate(t)
		envoy := newAsEnvoy(g.rc)
		for range 40 {
			req := genRequest(t, g.overlays)
			if strings.Contains(g.text(), "Method") {
				req.Path = strings.ToLower(req.Path) // a segment in capitals that passes for a method is not told apart
			}
			if w, got := want(g.router, g.overlays, req), said(envoy.route(req)); !same(w, got) {
				t.Fatalf("table:\n%v\noverlays: %v\nidentifier: %+v\nrequest: %+v\nevaluator: %s\nroutes:    %s",
					g.router.table.Dtab().Indented("  "), g.overlays, g.router.spec.Identifier, req, w, got)
			}
		}
		if err := validateDeep(g.rc); err != nil {
			t.Fatalf("Envoy would refuse the routes: %v", err)
		}
	})
}
