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
	w.snap = snap
	w.class.Publish(w.now, snap)
}
