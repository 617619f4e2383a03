package publish

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kibble.dev/translate"
)

var (
	clusterNames = []string{"c0", "c1", "c2", "c3", "s0", "s1"}
	routeNames   = []string{"r0", "r1", "r2"}
	hosts        = []string{"r0/h0", "r0/h1", "r1/h0", "r2/h0"}
	hostNames    = []string{"a.x", "b", "*.x", "*"} // narrower ones in front
)

// teller is what a world says to a test.
type teller interface {
	Logf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a class and the Envoys that are connected to it.
type world struct {
	t      teller
	draw   *rapid.T // where a random history is made
	now    time.Time
	class  *Class
	envoys []*envoy
	snap   *translate.ClassSnapshot
	// earlier was wanted at some time; late says that a class was not told snap yet.
	earlier *translate.ClassSnapshot
	late    bool
	// patient worlds let no limit pass while an Envoy has not been heard.
	patient bool
	heard   int
}

func newWorld(t *rapid.T, patient bool) *world {
	w := &world{t: t, draw: t, now: time.Unix(0, 0), class: NewClass(Options{Window: 3}), patient: patient}
	for i := range rapid.IntRange(1, 3).Draw(t, "envoys") {
		e := newEnvoy(rapid.Bool().Draw(t, fmt.Sprintf("full%d", i)))
		if rapid.Bool().Draw(t, fmt.Sprintf("of a workload %d", i)) {
			e.workload = Workload{"default", "hello"}
		}
		w.envoys = append(w.envoys, e)
	}
	return w
}

// step lets one thing happen.
func (w *world) step() {
	e := w.envoys[rapid.IntRange(0, len(w.envoys)-1).Draw(w.draw, "who")]
	switch rapid.IntRange(0, 12).Draw(w.draw, "what") {
	case 12:
		if e.Proxy != nil {
			e.changeTables(rapid.SampledFrom(routeNames).Draw(w.draw, "table"), rapid.Bool().Draw(w.draw, "at once"))
		}
	case 10:
		w.restart(rapid.Bool().Draw(w.draw, "provisional"))
	case 11:
		if route := rapid.SampledFrom(hosts).Draw(w.draw, "host"); rapid.Bool().Draw(w.draw, "in parts") {
			host := rapid.SampledFrom(hostNames).Draw(w.draw, "of")
			e.requestHost(w.snap, translate.TableOf(route)+"/"+host, hostNames)
		} else {
			e.request(route)
		}
	case 0:
		w.publish(rapid.IntRange(0, 3).Draw(w.draw, "faulty") == 0)
	case 1:
		w.connect(e)
	case 2:
		w.pass(time.Duration(rapid.IntRange(1, 80).Draw(w.draw, "tenths")) * 100 * time.Millisecond)
	case 3, 4, 5:
		if e.Proxy != nil {
			e.read()
		}
	default:
		w.hear(e)
	}
	w.pump()
}

func (w *world) connect(e *envoy) {
	if e.Proxy != nil {
		if e.full && w.patient {
			return // state of the world cannot tell what it has: see package xds
		}
		if e.warms() {
			return // nothing helps it then
		}
		w.class.Disconnect(e.Proxy)
	}
	w.join(e)
}

func (w *world) join(e *envoy) {
	p := w.class.Connect(w.now, nil, e.full)
	p.Of(e.workload, nil)
	e.connect(p, routeNames)
}

// restart puts another control plane in place, which remembers what the last
// one learnt, and may serve what was wanted at some time until it is told more.
func (w *world) restart(provisional bool) {
	for _, e := range w.envoys {
		if e.Proxy != nil && (e.full && w.patient || e.warms()) {
			return // see connect
		}
	}
	kept, err := json.Marshal(w.class.Remember())
	if err != nil {
		w.t.Fatal(err)
	}
	var m Remembered
	if err := json.Unmarshal(kept, &m); err != nil {
		w.t.Fatal(err)
	}
	w.t.Logf("%v restart", w.now.Unix())
	w.class = NewClass(Options{Window: 3})
	w.class.Recall(&m)
	for _, e := range w.envoys {
		if e.Proxy != nil {
			w.join(e)
		}
	}
	if w.snap == nil {
		return
	}
	if provisional {
		w.class.Provisional(w.now, w.earlier)
		w.late = true
	} else {
		w.class.Publish(w.now, w.snap)
	}
}

func (w *world) pass(d time.Duration) {
	if w.patient {
		for _, e := range w.envoys {
			for e.Proxy != nil && len(e.inbox)+len(e.out) > 0 {
				e.read()
				w.hear(e)
				w.pump()
			}
		}
	}
	w.now = w.now.Add(d)
	w.class.Tick(w.now)
}

// hear delivers the oldest thing that an Envoy said.
func (w *world) hear(e *envoy) {
	if e.Proxy == nil || len(e.out) == 0 {
		return
	}
	if w.heard++; w.heard > 600 {
		w.t.Fatal("it never comes to rest")
	}
	a, i := e.out[0], slices.Index(w.envoys, e)
	e.out = e.out[1:]
	switch {
	case a.sub != nil:
		w.t.Logf("%v envoy %d asks %s %v+%v-%v knows %v", w.now.Unix(), i, translate.ShortType(a.typ), a.sub.Wildcard, a.sub.Add, a.sub.Drop, a.sub.Known)
		e.Subscribe(w.now, *a.sub)
	case a.nack:
		w.t.Logf("%v envoy %d nacks %s %s", w.now.Unix(), i, a.nonce, a.words)
		e.Nack(w.now, a.typ, a.nonce, a.words)
	default:
		w.t.Logf("%v envoy %d acks %s", w.now.Unix(), i, a.nonce)
		e.Ack(w.now, a.typ, a.nonce)
	}
}

// pump hands the Envoys what they may have.
func (w *world) pump() {
	responses := 0
	for ready := w.class.Ready(); len(ready) > 0; ready = w.class.Ready() {
		for _, p := range ready {
			i := slices.IndexFunc(w.envoys, func(e *envoy) bool { return e.Proxy == p })
			e := w.envoys[i]
			for _, typ := range p.Asked() {
				for r := p.Next(w.now, typ); r != nil; r = p.Next(w.now, typ) {
					if responses++; responses > 1000 {
						w.t.Fatalf("the same again and again: %s", show(r))
					}
					e.nonce++
					d := delivery{resp: r, nonce: fmt.Sprint(e.nonce), early: e.unheard()}
					if e.full {
						d.all = p.All(r)
					}
					e.forgetUse(r)
					p.Sent(r, d.nonce)
					e.inbox = append(e.inbox, d)
					w.t.Logf("%v envoy %d: %s %s", w.now.Unix(), i, d.nonce, show(r))
				}
			}
		}
	}
	for _, e := range w.envoys {
		if len(e.broken) > 0 && w.patient {
			w.t.Fatalf("%v", e.broken)
		}
	}
}

func show(r *Response) string {
	var b strings.Builder
	b.WriteString(translate.ShortType(r.Type))
	for _, res := range r.Resources {
		b.WriteString(" " + res.Name + "@" + res.Version)
	}
	for _, name := range r.Removed {
		b.WriteString(" -" + name)
	}
	return b.String()
}

// publish brings a configuration whose every name is there.
func (w *world) publish(faulty bool) {
	t := w.draw
	snap := &translate.ClassSnapshot{Resources: map[string]map[string]*translate.Resource{}}
	put := func(typ, name string, faults []fault, clusters ...string) {
		if snap.Resources[typ] == nil {
			snap.Resources[typ] = byName{}
		}
		f := none
		if faulty && rapid.IntRange(0, 3).Draw(t, "fault of "+name) == 0 {
			f = rapid.SampledFrom(faults).Draw(t, "which")
		}
		v := rapid.IntRange(0, 2).Draw(t, "version of "+name)
		version := fmt.Sprintf("%d%c%v", v, "-nwps"[f], clusters)
		if typ == translate.RouteType && clusters == nil {
			snap.Resources[typ][name] = inParts(name, version, f)
		} else {
			snap.Resources[typ][name] = resource(typ, name, version, f, clusters...)
		}
	}
	some := func(label string, of []string) []string {
		var out []string
		for _, name := range of {
			if rapid.IntRange(0, 2).Draw(t, label+name) > 0 {
				out = append(out, name)
			}
		}
		return out
	}
	clusters := some("has ", clusterNames)
	for _, name := range clusters {
		if hasEndpoints(name) {
			put(translate.ClusterType, name, []fault{named, whole, stuck})
			put(translate.EndpointType, name, []fault{whole, partial})
		} else {
			put(translate.ClusterType, name, []fault{named, whole})
		}
	}
	if len(clusters) > 0 && rapid.Bool().Draw(t, "aggregate") {
		put(translate.ClusterType, "a0", []fault{named}, some("a0 names ", clusters)...)
		clusters = append(clusters, "a0")
	}
	for _, name := range some("has ", routeNames) {
		if rapid.IntRange(0, 2).Draw(t, name+" whole") == 0 {
			named := append([]string{}, some(name+" names ", clusters)...)
			put(translate.RouteType, name, []fault{whole}, named...)
			if rapid.IntRange(0, 2).Draw(t, "on demand "+name) > 0 {
				r := snap.Resources[translate.RouteType][name]
				r.Leads = w.leads(name, named)
				r.Version += fmt.Sprint("d", r.Leads) // else nobody could tell them apart
			}
			continue
		}
		put(translate.RouteType, name, []fault{whole})
		onDemand := rapid.IntRange(0, 2).Draw(t, "hosts on demand "+name) > 0
		for _, host := range some(name+" has ", hostNames) {
			host := name + "/" + host
			named := some(host+" names ", clusters)
			asks := onDemand && domain(host) == "*" && rapid.Bool().Draw(t, host+" asks")
			if asks {
				named = nil
			}
			put(translate.VirtualHostType, host, []fault{whole}, named...)
			if r := snap.Resources[translate.VirtualHostType][host]; onDemand {
				r.Leads, r.Asks = []translate.Lead{}, asks
				if r.OnAsk = !wild(host); len(named) > 0 {
					r.Leads = []translate.Lead{{Host: domain(host), Route: host, Clusters: named}}
				}
				r.Version += fmt.Sprint("d", r.Leads, r.Asks)
			}
		}
	}
	for _, name := range some("has ", []string{"l0", "l1"}) {
		put(translate.ListenerType, name, []fault{named, whole}, some(name+" names ", clusters)...)
	}
	if rapid.IntRange(0, 3).Draw(t, "declares") == 0 {
		snap.Declared = some("declares ", clusters)
		slices.Sort(snap.Declared)
	}
	t.Logf("%v publish", w.now.Unix())
	for _, typ := range served {
		for _, name := range unionKeys(snap.Resources[typ], nil) {
			t.Logf("%v want %s %s %s", w.now.Unix(), translate.ShortType(typ), name, snap.Resources[typ][name].Version)
		}
	}
	if w.earlier == nil || rapid.Bool().Draw(t, "kept") {
		w.earlier = snap
	}
	w.snap, w.late = snap, false
	w.class.Publish(w.now, snap)
}

// leads spreads the clusters that a table names over its hosts.
func (w *world) leads(table string, named []string) []translate.Lead {
	leads := []translate.Lead{}
	for _, host := range hosts {
		if !strings.HasPrefix(host, table+"/") || len(named) == 0 {
			continue
		}
		to := []string{rapid.SampledFrom(named).Draw(w.draw, host)}
		if other := rapid.SampledFrom(named).Draw(w.draw, host+" too"); other != to[0] && rapid.Bool().Draw(w.draw, host+" splits") {
			to = append(to, other)
		}
		slices.Sort(to)
		leads = append(leads, translate.Lead{Host: host, Route: host, Clusters: to})
	}
	return leads
}

// settle lets everything be said and read, and all times pass.
func (w *world) settle() {
	for _, e := range w.envoys {
		if e.Proxy == nil {
			w.connect(e)
		}
	}
	if w.snap == nil {
		w.publish(false)
	}
	if w.late {
		w.class.Publish(w.now, w.snap)
	}
	for range 30 {
		for busy := true; busy; {
			busy = false
			w.pump()
			for _, e := range w.envoys {
				busy = busy || len(e.inbox)+len(e.out) > 0
				e.read()
				w.hear(e)
			}
		}
		w.now = w.now.Add(4 * time.Second)
		w.class.Tick(w.now)
	}
}

// A proxy never works with something that names a cluster which it does not
// have, whatever the order of events; and in the end it has all that it can have.
func TestNothingBreaks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { run(t, true) })
}

// The same, but for the first half, when limits pass while answers are on
// their way.
func TestImpatience(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { run(t, false) })
}

func run(t *rapid.T, patient bool) {
	w := newWorld(t, patient)
	for range rapid.IntRange(1, 80).Draw(t, "steps") {
		w.step()
	}
	w.settle()
	for i, e := range w.envoys {
		if err := w.converged(e); err != nil {
			for _, k := range e.kinds {
				for name, it := range k.open {
					t.Logf("%s %s: %+v has %v", translate.ShortType(k.typ), name, it, k.has.get(name))
				}
			}
			t.Fatalf("envoy %d: %v\nretiring %v unready %v extra %v", i, err, e.retiring, e.unready, e.extra)
		}
	}
}
