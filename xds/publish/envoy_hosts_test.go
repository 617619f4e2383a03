package publish

import (
	"maps"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"

	"kibble.dev/translate"
)

// inParts makes a route table whose hosts come one by one; its version is
// "vhds-" and this one.
func inParts(name, version string, f fault) *translate.Resource {
	rc := &routev3.RouteConfiguration{Name: name}
	rc.ProtoReflect().SetUnknown(marked(f))
	r, err := translate.NewRouteConfiguration(rc, name+".yaml:"+version)
	if err != nil {
		panic(err)
	}
	r.Version = "vhds-" + version
	return r
}

// marked is a field that no message knows, and that tells a fault.
func marked(f fault) []byte { return []byte{0x78, byte(f)} }

// faultIn gives the fault of a message, or of a host in it.
func faultIn(b []byte) (f fault) {
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeField(b)
		if n < 0 {
			panic("not a message")
		}
		_, _, tag := protowire.ConsumeTag(b)
		switch value := b[tag:n]; {
		case number == 15 && typ == protowire.VarintType:
			f = max(f, fault(value[0]))
		case number == 2 && typ == protowire.BytesType:
			host, _ := protowire.ConsumeBytes(value)
			f = max(f, faultIn(host))
		}
		b = b[n:]
	}
	return f
}

// askForTables is how it begins a stream: with the tables that it has, or with
// these when it starts, and with hosts, if it has ever asked for any.
func (e *envoy) askForTables(routes []string) {
	if e.tables == nil {
		e.tables = map[string]bool{}
		for _, name := range routes {
			e.tables[name] = true
		}
	}
	e.ask(Subscription{Type: translate.RouteType, Add: unionKeys(e.tables, nil)})
	if e.hosts {
		e.ask(Subscription{Type: translate.VirtualHostType, Wildcard: true})
	}
}

// applyTable takes a route table. With the first whose hosts come one by one it
// asks for the hosts of all tables, once and for all.
// Early is one that was sent before it was heard that it had given the table up.
func (e *envoy) applyTable(r *translate.Resource, early bool) {
	if !e.tables[r.Name] {
		return
	}
	e.lose(e.active[translate.RouteType][r.Name], r)
	e.active[translate.RouteType][r.Name] = r
	if early {
		e.crossed[r.Name] = true
	}
	if !translate.InParts(r.Version) {
		e.loseHosts(r.Name)
	} else if !e.hosts {
		e.hosts = true
		e.ask(Subscription{Type: translate.VirtualHostType, Wildcard: true})
	}
}

// inParts says that it works with a table whose hosts come one by one.
func (e *envoy) inParts(table string) bool {
	r := e.active[translate.RouteType][table]
	return r != nil && translate.InParts(r.Version)
}

// giveUp is what happens when its last listener with a table ends, and with back
// when another one with it begins at once. Nobody uses its routes any more: the next
// request is the first of another listener. What it was told of hosts it goes on
// saying that it knows.
func (e *envoy) giveUp(table string, back bool) {
	maps.DeleteFunc(e.used, func(route string, _ bool) bool { return translate.TableOf(route) == table })
	delete(e.active[translate.RouteType], table)
	delete(e.crossed, table)
	delete(e.told[translate.RouteType], table)
	e.loseHosts(table)
	if e.tables[table] = back; !back {
		delete(e.tables, table)
		e.ask(Subscription{Type: translate.RouteType, Drop: []string{table}})
	} else {
		e.askAgain(table)
	}
}

// askAgain asks for a table. What was sent of it until this is heard crosses it.
func (e *envoy) askAgain(table string) {
	e.ask(Subscription{Type: translate.RouteType, Add: []string{table}})
	for i := range e.inbox {
		e.inbox[i].early = append(e.inbox[i].early, table)
	}
}

// unheard gives the tables that it asked for when nobody has heard it yet.
func (e *envoy) unheard() (tables []string) {
	for _, a := range e.out {
		if a.sub != nil && a.typ == translate.RouteType {
			tables = append(tables, a.sub.Add...)
		}
	}
	return tables
}

// compareHosts notes the hosts that it says it has, and lacks, where nobody can tell:
// their table was on its way when it was given up and asked for again, so that it came
// before it could be said that the hosts are gone.
func (e *envoy) compareHosts() {
	for name := range e.told[translate.VirtualHostType] {
		if e.active[translate.VirtualHostType][name] == nil && e.crossed[translate.TableOf(name)] {
			e.unsaid[name] = true
		}
	}
}

func (e *envoy) loseHosts(table string) {
	for name := range e.active[translate.VirtualHostType] {
		if translate.TableOf(name) == table {
			e.drop(translate.VirtualHostType, name)
		}
	}
}

// changeTables lets a listener with a table end, or begin.
func (e *envoy) changeTables(table string, back bool) {
	switch {
	case !e.tables[table]:
		e.tables[table] = true
		e.askAgain(table)
	case e.full && back: // in state of the world that cannot be told
	default:
		e.giveUp(table, back)
	}
}

// meant is what it is to have in the end in place of what the class wants: nil
// for nothing.
func (w *world) meant(e *envoy, typ string, want *translate.Resource) *translate.Resource {
	switch {
	case typ == translate.RouteType && !e.tables[want.Name]:
		return nil
	case typ == translate.RouteType && e.whole(want.Name):
		return w.class.wholeTable(want.Name)
	case typ == translate.VirtualHostType && !e.inParts(translate.TableOf(want.Name)):
		return nil
	}
	return want
}

// routes gives what it has that leads somewhere.
func (e *envoy) routes() []*translate.Resource {
	var all []*translate.Resource
	for _, typ := range []string{translate.RouteType, translate.VirtualHostType} {
		for _, name := range unionKeys(e.active[typ], nil) {
			all = append(all, e.active[typ][name])
		}
	}
	return all
}

// hostFor gives the virtual host that a request for a domain meets, nil for none.
func hostFor(hosts byName, table, want string, narrowFirst []string) *translate.Resource {
	for _, d := range narrowFirst {
		if h := hosts[table+"/"+d]; h != nil && (d == want || covers(d, want)) {
			return h
		}
	}
	return nil
}

// requestHost sends a request for the host that has a domain of its own, by which
// the control plane answers as long as it wants this configuration.
func (e *envoy) requestHost(snap *translate.ClassSnapshot, name string, narrowFirst []string) {
	h := hostFor(e.active[translate.VirtualHostType], translate.TableOf(name), domain(name), narrowFirst)
	if h != nil && h.Asks && snap != nil {
		h = snap.Resources[translate.VirtualHostType][name]
	}
	if h != nil {
		for _, l := range h.Leads {
			e.lead(l)
		}
	}
	if e.Proxy != nil {
		e.askForClusters()
	}
}

// forgetAsked forgets the use of hosts that it was never given, and that are gone: when
// one comes again it is a new one, for which the next request may wait.
func (e *envoy) forgetAsked(snap *translate.ClassSnapshot) {
	for route := range e.used {
		if e.active[translate.VirtualHostType][route] == nil && snap.Resources[translate.VirtualHostType][route] == nil {
			delete(e.used, route)
		}
	}
}
