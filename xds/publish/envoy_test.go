package publish

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/anypb"

	"kibble.dev/translate"
)

// fault is what is wrong with a resource.
type fault byte

const (
	none    fault = iota
	named         // Envoy names it, and applies the others
	whole         // Envoy names nobody, and applies nothing
	partial       // Envoy names nobody, and applies those before it
	stuck         // a cluster that Envoy refuses, but then waits for for ever
)

// resource makes a resource whose body tells the fault.
func resource(typ, name, version string, f fault, clusters ...string) *translate.Resource {
	slices.Sort(clusters)
	return &translate.Resource{
		Name: name, Version: version, Body: &anypb.Any{TypeUrl: typ, Value: append(marked(f), protowire.AppendString(
			protowire.AppendTag(nil, 1000, protowire.BytesType), version)...)},
		Clusters: clusters, Source: name + ".yaml:" + version,
	}
}

func faultOf(r *translate.Resource) fault {
	if r.Version == standIn {
		return none
	}
	return faultIn(r.Body.GetValue())
}

// warms says that a cluster of the Envoy never gets warm.
func (e *envoy) warms() bool {
	for _, r := range e.warming {
		if faultOf(r) == stuck {
			return true
		}
	}
	return false
}

// envoy behaves as a real one does towards its control plane, as far as the
// publisher can tell, and checks what must never happen.
type envoy struct {
	*Proxy
	full bool

	workload Workload

	inbox []delivery // sent, not read yet
	out   []answer   // said, not heard yet
	held  []answer   // about clusters, while one is warming
	nonce int

	active  map[string]byName // by type: what it works with
	warming byName
	told    map[string]map[string]string // the versions that it reports when it comes back
	ever    bool                         // it asked for clusters on this stream
	// wish are clusters that requests wait for and that it has not asked for yet,
	// asked those that it did, at any time.
	wish, asked map[string]bool
	// used are routes on demand that a request went through, with the clusters there.
	used   map[string]bool
	tables map[string]bool // what it asks for; nil before its first stream
	hosts  bool            // it has asked for hosts
	// crossed are tables that it has from a response which its asking for them crossed.
	crossed map[string]bool
	// unsaid are names of which it has something else than it reported when it
	// came back: something of a response that it refused.
	unsaid map[string]bool

	broken []string
}

type delivery struct {
	resp  *Response
	all   []*translate.Resource
	nonce string
	early []string // tables in it for which it was not asked, as they are now
}

type answer struct {
	typ, nonce, words string
	nack              bool
	sub               *Subscription
}

var served = []string{translate.ClusterType, translate.EndpointType, translate.ListenerType, translate.RouteType, translate.VirtualHostType}

func newEnvoy(full bool) *envoy {
	e := &envoy{
		full: full, wish: map[string]bool{}, asked: map[string]bool{}, crossed: map[string]bool{}, used: map[string]bool{}, active: map[string]byName{}, warming: byName{}, told: map[string]map[string]string{},
	}
	for _, typ := range served {
		e.active[typ], e.told[typ] = byName{}, map[string]string{}
	}
	return e
}

// hasEndpoints says that a cluster is one with endpoints of its own.
func hasEndpoints(name string) bool { return strings.HasPrefix(name, "c") }

// connect says what Envoy says on a new stream.
func (e *envoy) connect(p *Proxy, routes []string) {
	e.Proxy, e.inbox, e.out, e.held, e.ever = p, nil, nil, nil, false
	e.unsaid = map[string]bool{}
	if e.full { // it can say nothing
		for _, typ := range served {
			for name := range e.active[typ] {
				e.unsaid[name] = true
			}
		}
	}
	e.askForClusters()
	var eds []string
	for _, m := range []byName{e.active[translate.ClusterType], e.warming} {
		for name := range m {
			if hasEndpoints(name) && !slices.Contains(eds, name) {
				eds = append(eds, name)
			}
		}
	}
	if slices.Sort(eds); len(eds) > 0 {
		e.ask(Subscription{Type: translate.EndpointType, Add: eds})
	}
	e.ask(Subscription{Type: translate.ListenerType, Wildcard: true})
	e.askForTables(routes)
}

func (e *envoy) askForClusters() {
	if len(e.warming) > 0 {
		return
	}
	if !e.ever {
		e.ever = true
		maps.Copy(e.asked, e.wish)
		clear(e.wish)
		e.ask(Subscription{Type: translate.ClusterType, Wildcard: true, Add: unionKeys(e.asked, nil)})
	}
	for _, name := range unionKeys(e.wish, nil) {
		e.asked[name] = true
		e.ask(Subscription{Type: translate.ClusterType, Wildcard: true, Add: []string{name}})
	}
	clear(e.wish)
}

// request sends a request through a route on demand: where its cluster is not
// there, it is asked for, once and for all.
func (e *envoy) request(route string) {
	for _, r := range e.active[translate.RouteType] {
		for _, l := range r.Leads {
			if l.Route == route {
				e.lead(l)
			}
		}
	}
	if e.Proxy != nil {
		e.askForClusters()
	}
}

// lead sends a request where a route leads.
func (e *envoy) lead(l translate.Lead) {
	there := true
	for _, c := range l.Clusters {
		if e.active[translate.ClusterType][c] == nil {
			if there = false; !e.asked[c] && !e.full {
				e.wish[c] = true
			}
		}
	}
	e.used[l.Route] = e.used[l.Route] || there && !e.full
}

func (e *envoy) ask(s Subscription) {
	if !e.full && !slices.ContainsFunc(e.out, func(a answer) bool { return a.typ == s.Type }) && e.Proxy.kinds[s.Type] == nil {
		s.Known = maps.Clone(e.told[s.Type])
		e.compare(s.Type, e.active[s.Type])
		switch s.Type {
		case translate.ClusterType:
			e.compare(s.Type, e.warming)
		case translate.VirtualHostType:
			e.compareHosts()
		}
	}
	e.out = append(e.out, answer{typ: s.Type, sub: &s})
}

// compare notes where it has something else than it reports.
func (e *envoy) compare(typ string, has byName) {
	for name, r := range has {
		if e.told[typ][name] != r.Version {
			e.unsaid[name] = true
		}
	}
}

// read takes one response from the stream.
func (e *envoy) read() {
	if len(e.inbox) == 0 {
		return
	}
	d := e.inbox[0]
	e.inbox = e.inbox[1:]
	typ := d.resp.Type
	add, gone := d.resp.Resources, d.resp.Removed
	if e.full && fullState(typ) {
		add, gone = d.all, e.absent(typ, d.all)
	}
	words, applied := e.judge(typ, add)
	if applied == nil {
		gone = nil
	}
	stands := typ == translate.ClusterType && e.warms() // before what it gets helps it
	for _, r := range applied {
		e.apply(typ, r, d.early)
	}
	if stands {
		e.takenBack(gone)
	}
	for _, name := range gone {
		e.drop(typ, name)
	}
	if words == "" {
		for _, r := range d.resp.Resources {
			if typ != translate.RouteType || e.tables[r.Name] {
				e.told[typ][r.Name] = r.Version
			}
		}
		for _, name := range d.resp.Removed {
			delete(e.told[typ], name)
		}
	}
	a := answer{typ: typ, nonce: d.nonce, words: words, nack: words != ""}
	if typ == translate.ClusterType {
		e.held = append(e.held, a)
	} else {
		e.out = append(e.out, a)
	}
	e.release()
	e.check()
}

// absent gives the names that it has and that a complete response lacks.
func (e *envoy) absent(typ string, all []*translate.Resource) []string {
	has := maps.Clone(e.active[typ])
	if typ == translate.ClusterType {
		maps.Copy(has, e.warming)
	}
	for _, r := range all {
		delete(has, r.Name)
	}
	return unionKeys(has, nil)
}

// release says what it thinks about clusters, unless one is warming.
func (e *envoy) release() {
	if len(e.warming) > 0 {
		return
	}
	e.out = append(e.out, e.held...)
	e.held = nil
	e.askForClusters()
}

// check is what must never break: whatever it works with names clusters that it has.
func (e *envoy) check() {
	for _, typ := range served {
		for _, r := range e.active[typ] {
			if e.unsaid[r.Name] || typ == translate.ClusterType && !e.uses(r.Name) {
				continue
			}
			for _, c := range e.relies(r) {
				if e.active[translate.ClusterType][c] == nil {
					e.broken = append(e.broken, fmt.Sprintf("%s %s at %s names %s, which is not there", typ, r.Name, r.Version, c))
				}
			}
		}
	}
}

// relies gives the clusters that must be there with a resource: of one on
// demand those of the routes that were used.
func (e *envoy) relies(r *translate.Resource) []string {
	if r.Leads == nil || e.full {
		return r.Clusters
	}
	var clusters []string
	for _, l := range r.Leads {
		if e.used[l.Route] {
			clusters = append(clusters, l.Clusters...)
		}
	}
	return clusters
}
