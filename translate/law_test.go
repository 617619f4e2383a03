package translate

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"pgregory.net/rapid"

	"kibble.dev/dtab"
)

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
