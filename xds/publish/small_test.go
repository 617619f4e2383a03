package publish

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kibble.dev/translate"
)

var depth = flag.Int("depth", 4, "how many events each history of TestEveryOrder has")

// small are configurations of a world with one route: of two clusters in turn,
// and with something that Envoy refuses.
func small() map[string]*translate.ClassSnapshot {
	of := func(rs ...*translate.Resource) *translate.ClassSnapshot {
		c := &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{}}
		for _, r := range rs {
			typ := r.Body.GetTypeUrl()
			if c.Resources[typ] == nil {
				c.Resources[typ] = byName{}
			}
			c.Resources[typ][r.Name] = r
		}
		return c
	}
	cluster := func(name, version string, f fault) *translate.Resource {
		return resource(translate.ClusterType, name, version, f)
	}
	endpoints := func(name, version string, f fault) *translate.Resource {
		return resource(translate.EndpointType, name, version, f)
	}
	route := func(version string, f fault, clusters ...string) *translate.Resource {
		return resource(translate.RouteType, "r0", version, f, clusters...)
	}
	return map[string]*translate.ClassSnapshot{
		"one":           of(cluster("c0", "1", none), endpoints("c0", "1", none), route("1", none, "c0")),
		"other":         of(cluster("c1", "1", none), endpoints("c1", "1", none), route("2", none, "c1")),
		"bad route":     of(cluster("c1", "1", none), endpoints("c1", "1", none), route("3w", whole, "c1")),
		"bad cluster":   of(cluster("c0", "2n", named), endpoints("c0", "1", none), route("1", none, "c0")),
		"bad endpoints": of(cluster("c0", "1", none), endpoints("c0", "2w", whole), route("1", none, "c0")),
	}
}

// event is something that can happen; it says no when it cannot, or changes nothing.
type event struct {
	name string
	do   func(*world) bool
}

func events(of map[string]*translate.ClassSnapshot) []event {
	all := []event{
		{"read", func(w *world) bool {
			e := w.envoys[0]
			can := len(e.inbox) > 0
			if can {
				e.read()
			}
			return can
		}},
		{"hear", func(w *world) bool {
			can := len(w.envoys[0].out) > 0
			w.hear(w.envoys[0])
			return can
		}},
		{"pass", func(w *world) bool {
			w.pass(6 * time.Second)
			return true
		}},
		{"connect", func(w *world) bool {
			can := !w.envoys[0].warms()
			w.connect(w.envoys[0])
			return can
		}},
	}
	for _, provisional := range []bool{false, true} {
		all = append(all, event{fmt.Sprintf("restart provisional=%v", provisional), func(w *world) bool {
			can := !w.envoys[0].warms()
			w.restart(provisional)
			return can
		}})
	}
	for _, name := range unionKeys(of, nil) {
		snap := of[name]
		all = append(all, event{"publish " + name, func(w *world) bool {
			if w.snap == snap && !w.late {
				return false
			}
			w.earlier = w.snap
			w.snap, w.late = snap, false
			w.class.Publish(w.now, snap)
			return true
		}})
	}
	return all
}

// history is what a test is told; it ends at the first failure.
type history struct{ log []string }

type failure string

func (h *history) Logf(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf(format, args...))
}
func (h *history) Fatal(args ...any)                 { panic(failure(fmt.Sprint(args...))) }
func (h *history) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }

// Every order of a few events, from two beginnings: an Envoy that connects, and
// one that has the first configuration. Whatever happens, a proxy never works
// with something that names a cluster which it lacks, and in the end has all that
// it can have. Rarer and longer histories are drawn by TestNothingBreaks.
func TestEveryOrder(t *testing.T) {
	configurations := small()
	all, first := events(configurations), configurations["one"]
	histories := 0
	var explore func(settled bool, path []int)
	explore = func(settled bool, path []int) {
		for i := range all {
			next := slices.Concat(path, []int{i})
			if !replay(t, settled, first, all, next) {
				continue
			}
			if histories++; len(next) < *depth {
				explore(settled, next)
			}
		}
	}
	for _, settled := range []bool{false, true} {
		explore(settled, nil)
	}
	t.Logf("%d histories", histories)
	if histories < 1000 {
		t.Error("hardly anything happened")
	}
}

// replay tells whether the last of some events changes anything, and looks at
// what they lead to.
func replay(t *testing.T, settled bool, first *translate.ClassSnapshot, all []event, path []int) (matters bool) {
	t.Helper()
	h := &history{}
	defer func() {
		if why, failed := recover().(failure); failed {
			var names []string
			for _, i := range path {
				names = append(names, all[i].name)
			}
			t.Fatalf("settled=%v, %s: %s\n%s", settled, strings.Join(names, ", "), why, strings.Join(h.log, "\n"))
		}
	}()
	w := &world{t: h, now: time.Unix(0, 0), class: NewClass(Options{Window: 3}), patient: true, envoys: []*envoy{newEnvoy(false)}, snap: first, earlier: first}
	w.class.Publish(w.now, first)
	w.connect(w.envoys[0])
	w.pump()
	if settled {
		w.settle()
	}
	for _, i := range path {
		w.heard = 0
		matters = all[i].do(w)
		w.pump()
	}
	if !matters {
		return false
	}
	w.heard = 0
	w.settle()
	if err := w.converged(w.envoys[0]); err != nil {
		h.Fatal(err)
	}
	return true
}
