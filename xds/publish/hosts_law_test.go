package publish

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kibble.dev/translate"
)

// domains of which tables are made, narrower ones in front, and hosts that are
// asked for: one in each domain and in no narrower one.
var (
	domains = []string{"a.b.x", "c.b.x", "*.b.x", "d.x", "*.x", "e", "*"}
	probes  = []string{"a.b.x", "c.b.x", "z.b.x", "d.x", "z.x", "e", "z"}
)

// answers gives what each of the probes leads to.
func answers(hosts byName) []string {
	var all []string
	for _, probe := range probes {
		for _, d := range domains {
			if h := hosts["r/"+d]; h != nil && (d == probe || covers(d, probe)) {
				all = append(all, h.Clusters[0])
				break
			}
		}
	}
	return all
}

// While hosts come, change and go, each with a cluster that gets ready in its own
// time, a request goes where it went before, or where one of the tables that
// were wanted since says: never to a third place, for which nobody asked.
func TestNoThirdAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, true)
		w.envoys = []*envoy{newEnvoy(false)}
		e := w.envoys[0]
		e.tables = map[string]bool{"r": true}
		w.route("first")
		w.settle()
		allowed := [][]string{answers(w.snap.Resources[translate.VirtualHostType])}
		check := func() {
			got := answers(e.active[translate.VirtualHostType])
			for i, to := range got {
				ok := false
				for _, want := range allowed {
					ok = ok || want[i] == to
				}
				if !ok {
					t.Fatalf("%s leads to %s; the tables say %v", probes[i], to, allowed)
				}
			}
			if len(got) < len(probes) {
				t.Fatal("there is no host for everything")
			}
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "tables") {
			w.route(fmt.Sprintf("table %d", i))
			w.pump()
			allowed = append(allowed, answers(w.snap.Resources[translate.VirtualHostType]))
			for range rapid.IntRange(0, 30).Draw(t, "steps") {
				if rapid.Bool().Draw(t, "reads") {
					e.read()
				} else {
					w.hear(e)
				}
				w.pump()
				check()
			}
		}
		for len(e.inbox)+len(e.out) > 0 {
			e.read()
			check()
			w.hear(e)
			w.pump()
		}
		if got, want := answers(e.active[translate.VirtualHostType]), allowed[len(allowed)-1]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("in the end %v, want %v", got, want)
		}
	})
}

// route publishes a table with some of the domains, each with a cluster.
func (w *world) route(label string) {
	w.snap = w.table(label)
	w.class.Publish(w.now, w.snap)
}

func (w *world) table(label string) *translate.ClassSnapshot {
	snap := &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{
		translate.RouteType: {"r": inParts("r", "1", none)}, translate.VirtualHostType: {},
		translate.ClusterType: {}, translate.EndpointType: {},
	}}
	for _, d := range domains {
		if d != "*" && rapid.Bool().Draw(w.draw, label+" has no "+d) {
			continue
		}
		to := rapid.SampledFrom([]string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"}).Draw(w.draw, label+" "+d)
		snap.Resources[translate.VirtualHostType]["r/"+d] = resource(translate.VirtualHostType, "r/"+d, to, none, to)
		snap.Resources[translate.ClusterType][to] = resource(translate.ClusterType, to, "1", none)
		snap.Resources[translate.EndpointType][to] = resource(translate.EndpointType, to, "1", none)
	}
	return snap
}

// The same where proxies ask about hosts: those that they are not told of lead
// where the table that is wanted now says, or are not known yet.
func TestAskingGivesNoThirdAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, true)
		w.envoys = []*envoy{newEnvoy(false)}
		e := w.envoys[0]
		e.tables = map[string]bool{"r": true}
		w.routeOnDemand("first")
		w.settle()
		wanted := func() byName { return w.snap.Resources[translate.VirtualHostType] }
		leads := func(hosts byName) []string { // what each of the probes leads to
			all := make([]string, len(probes))
			for i, probe := range probes {
				h := hostFor(hosts, "r", probe, domains)
				if h != nil && h.Asks {
					// The control plane's answer is by what it wants now; that it has to be
					// told first is one too.
					h = hostFor(wanted(), "r", probe, domains)
					if !h.Asks && domain(h.Name) != probe {
						all[i] = "not yet"
						continue
					}
				}
				if h != nil {
					all[i] = fmt.Sprint(h.Clusters)
				}
			}
			return all
		}
		allowed := [][]string{leads(wanted())}
		check := func() {
			for i, to := range leads(e.active[translate.VirtualHostType]) {
				ok := to == "not yet"
				for _, want := range allowed {
					ok = ok || want[i] == to
				}
				if !ok {
					t.Fatalf("%s leads to %s; the tables say %v", probes[i], to, allowed)
				}
			}
		}
		for i := range rapid.IntRange(1, 3).Draw(t, "tables") {
			w.routeOnDemand(fmt.Sprintf("table %d", i))
			e.forgetAsked(w.snap)
			w.pump()
			allowed = append(allowed, leads(wanted()))
			for range rapid.IntRange(0, 30).Draw(t, "steps") {
				switch rapid.IntRange(0, 4).Draw(t, "what") {
				case 0, 1:
					e.read()
				case 2:
					e.requestHost(w.snap, "r/"+rapid.SampledFrom(probes).Draw(t, "request"), domains)
				default:
					w.hear(e)
				}
				w.pump()
				check()
			}
		}
		w.settle()
		check()
		if got, want := leads(e.active[translate.VirtualHostType]), allowed[len(allowed)-1]; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("in the end %v, want %v", got, want)
		}
		if err := w.converged(e); err != nil {
			t.Fatal(err)
		}
	})
}

// routeOnDemand is route for a router on demand, whose host for all others asks
// where it leads nowhere.
func (w *world) routeOnDemand(label string) {
	w.snap = w.table(label)
	asks := rapid.IntRange(0, 3).Draw(w.draw, label+" asks") > 0
	for name, h := range w.snap.Resources[translate.VirtualHostType] {
		h.Leads, h.OnAsk = []translate.Lead{{Host: domain(name), Route: name, Clusters: h.Clusters}}, !wild(name)
		h.Version += "d"
		if asks && domain(name) == everyHost {
			h.Leads, h.Clusters, h.Asks, h.Version = []translate.Lead{}, nil, true, "asks"
		}
	}
	w.class.Publish(w.now, w.snap)
}
