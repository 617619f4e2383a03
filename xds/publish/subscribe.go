package publish

import (
	"time"

	"kibble.dev/translate"
)

// Subscription is one request of a proxy for resources of a type.
type Subscription struct {
	Type string
	// Wildcard says that the proxy wants all resources of the type.
	Wildcard bool
	// Add and Drop are names asked for and given up one by one, without "*".
	// A name that is added once more is sent once more.
	Add, Drop []string
	// Known is what the proxy had of the type when it connected: name, version.
	Known map[string]string
	// Used are those of Known that it was given because it uses them.
	Used []string
	// Returning says that it had something, also where Known cannot tell what.
	Returning bool
}

// Names is how many resources the proxy asks for by name.
func (p *Proxy) Names() int { return p.names }

// Subscribe tells what the proxy asks for.
func (p *Proxy) Subscribe(now time.Time, s Subscription) {
	k, w := p.kinds[s.Type], p.class.watchersOf(s.Type)
	first := k == nil
	if first {
		k = newKind(s.Type, w.index)
		w.kinds++
		k.greet = s.Wildcard
		p.kinds[s.Type] = k
		p.sortAsked()
		p.begin(now, k, s)
	}
	started := s.Wildcard && !k.wildcard
	stopped := k.wildcard && !s.Wildcard
	k.wildcard = s.Wildcard
	k.expect(len(s.Add))
	for _, name := range s.Add {
		p.add(now, k, w, name)
	}
	for _, name := range s.Drop {
		p.drop(now, k, w, name)
	}
	if started {
		w.wild[p] = struct{}{}
		p.lookAtAll(now, k)
	}
	if stopped {
		delete(w.wild, p)
		for name := range k.has.all() {
			if !k.subscribed(name) {
				p.forget(now, k, name)
			}
		}
	}
	if first {
		p.recognise(now, k, s.Known)
		p.woken = p.woken || s.Type != translate.ClusterType // see cannotWarm, decideHost, oldHosts
		// Asking for a cluster's endpoints before asking for clusters is a sign too.
		p.returning = p.returning || s.Returning || len(s.Known) > 0 ||
			s.Type == translate.EndpointType && p.kinds[translate.ClusterType] == nil
		p.seeClusters(now)
	}
	if s.Type == translate.ClusterType || s.Type == translate.EndpointType {
		for _, name := range s.Add {
			p.refresh(now, name)
		}
	}
	p.moveOn(now)
	p.mark()
}

// add takes a name that the proxy asks for by itself, perhaps once more.
func (p *Proxy) add(now time.Time, k *kind, w *watchers, name string) {
	if k.typ == translate.RouteType {
		p.tableAgain(now, k, name)
	}
	if !k.names.has(name) {
		p.names++
	}
	name = k.names.add(name)
	switch {
	case k.uses != nil && !k.uses.hosts:
		p.asks(now, name)
	case k.typ == translate.EndpointType:
		p.want(now, name) // it has the cluster
	}
	w.add(name, p)
	it := k.look(now, name)
	it.asked = true
	if k.given(name) != nil {
		it.again = true
	}
}

// drop takes a name that the proxy gives up.
func (p *Proxy) drop(now time.Time, k *kind, w *watchers, name string) {
	if !k.names.has(name) {
		return
	}
	p.names--
	w.drop(name, p)
	k.names.drop(name)
	if k.wildcard {
		// The protocol wants an answer: whether it is there all the same.
		it := k.look(now, name)
		it.asked, it.again = true, true
	} else {
		p.forget(now, k, name)
	}
}

// recognise takes over what the proxy had before it connected.
func (p *Proxy) recognise(now time.Time, k *kind, known map[string]string) {
	for name, version := range known {
		if k.subscribed(name) {
			k.has.set(name, &translate.Resource{Name: name, Version: version})
			p.upgrade(now, k, name)
			it := k.look(now, name)
			switch k.typ {
			case translate.EndpointType:
				_, it.again = p.rewarm[name]
			case translate.VirtualHostType:
				it.again = p.tables[translate.TableOf(name)]
			case translate.RouteType:
				if translate.InParts(version) {
					p.tables[name] = false // and its hosts too
				}
			}
			p.refreshType(now, k.typ, name)
		}
	}
	switch k.typ {
	case translate.EndpointType:
		p.rewarm = map[string]struct{}{}
	case translate.ListenerType:
		p.comesToAsk(now)
	}
}
