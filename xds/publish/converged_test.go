package publish

import (
	"fmt"
	"slices"

	"kibble.dev/translate"
)

// converged says what an Envoy lacks, or has too much, in the end.
func (w *world) converged(e *envoy) error {
	clusters := e.active[translate.ClusterType]
	if e.Proxy.kinds[translate.ClusterType] == nil {
		return nil // it is waiting for endpoints that nobody knows any more
	}
	for _, r := range e.warming {
		if faultOf(r) == stuck {
			return nil // only a restart or a corrected cluster can help it
		}
		if eds := e.Proxy.kinds[translate.EndpointType]; eds.has.get(r.Name) != nil && eds.has.get(r.Name).Body == nil {
			return nil // or corrected endpoints
		}
	}
	for _, typ := range served {
		for name, want := range w.snap.Resources[typ] {
			if want = w.meant(e, typ, want); want == nil {
				continue
			}
			has := e.active[typ][name]
			if cds := e.Proxy.kinds[translate.ClusterType]; typ == translate.ClusterType && !cds.subscribed(name) {
				if has != nil && !e.unsaid[name] {
					return fmt.Errorf("cluster %s: there, and of nobody's concern", name)
				}
				continue
			}
			if typ == translate.VirtualHostType && !e.Proxy.kinds[typ].subscribed(name) {
				if slices.ContainsFunc(leadsTo(want), e.Proxy.wants) || has != nil && !e.unsaid[name] {
					return fmt.Errorf("host %s: it is of the proxy's concern", name)
				}
				continue
			}
			if has != nil && faultOf(has) != none {
				return fmt.Errorf("%s %s: has what is bad", typ, name)
			}
			possible := faultOf(want) == none
			for _, c := range want.Clusters {
				if !e.Proxy.kinds[translate.ClusterType].subscribed(c) {
					continue // on demand
				}
				possible = possible && clusters[c] != nil && e.Proxy.kinds[translate.ClusterType].has.get(c) != nil && !e.Proxy.lacks(w.now, c)
			}
			if typ == translate.ClusterType && has != nil {
				possible = possible && e.Proxy.cannotWarm(w.now, name) == nil
			}
			if typ == translate.EndpointType {
				possible = possible && clusters[name] != nil
			}
			if possible && !equal(has, want) && !e.unsaid[name] {
				return fmt.Errorf("%s %s: wants %s, has %+v", typ, name, want.Version, has)
			}
		}
	}
	for name := range clusters {
		if w.snap.Resources[translate.ClusterType][name] == nil && !e.awaits(name) && !e.uses(name) && !e.opaque() && !e.unsaid[name] {
			return fmt.Errorf("cluster %s: still there", name)
		}
	}
	for name := range e.active[translate.VirtualHostType] {
		table := w.snap.Resources[translate.RouteType][translate.TableOf(name)]
		keeps := table != nil && !translate.InParts(table.Version) && e.inParts(table.Name) // the table cannot be given whole
		if table != nil && !keeps && faultOf(table) == none && w.snap.Resources[translate.VirtualHostType][name] == nil && !e.unsaid[name] {
			return fmt.Errorf("host %s: still there", name)
		}
	}
	for name := range e.active[translate.ListenerType] {
		if w.snap.Resources[translate.ListenerType][name] == nil && !e.unsaid[name] {
			return fmt.Errorf("listener %s: still there", name)
		}
	}
	return nil
}

// opaque says that it works with something that nobody knows any more, which
// may name any cluster.
func (e *envoy) opaque() bool {
	if len(e.unsaid) > 0 {
		return true
	}
	for _, typ := range []string{translate.ClusterType, translate.ListenerType, translate.RouteType, translate.VirtualHostType} {
		if e.Proxy.kinds[typ] == nil {
			continue
		}
		for _, r := range e.Proxy.kinds[typ].has.all() {
			if r.Body == nil {
				return true
			}
		}
		for _, it := range e.Proxy.kinds[typ].open {
			if it.rare().maybe != nil {
				return true
			}
		}
	}
	return false
}

// awaits says that older content which names a cluster waits for another one,
// or is to be replaced by what waits. Envoy may have dropped that when it gave a
// table up and asked for it again, which nobody can tell from the outside: what
// it may still work with stays.
func (e *envoy) awaits(cluster string) bool {
	for _, k := range e.Proxy.kinds {
		for name, it := range k.open {
			if r, _ := e.Proxy.choose(k, name, it); it.missing != nil && (names(r, cluster) || names(k.has.get(name), cluster)) {
				return true
			}
		}
	}
	return false
}

func (e *envoy) uses(cluster string) bool {
	for _, typ := range served {
		for _, r := range e.active[typ] {
			if slices.Contains(r.Clusters, cluster) {
				return true
			}
		}
	}
	return false
}
