package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// reviewRetiring finds which of the clusters that are no longer wanted are
// still named by something that the proxy has, is being given, or waits for.
func (p *Proxy) reviewRetiring(now time.Time) {
	if len(p.retiring) == 0 {
		return
	}
	for name := range p.retiring {
		if p.class.target.has(translate.ClusterType, name) {
			delete(p.retiring, name) // it is wanted again
		}
	}
	used := map[string]bool{}
	var work []string
	use := func(name string) {
		if !used[name] {
			used[name] = true
			work = append(work, name)
		}
	}
	for name := range p.retiring {
		if p.class.named[name] > 0 || p.named(name) {
			use(name)
		}
	}
	// A cluster that is made of clusters keeps these as long as it is used.
	clusters := p.kinds[translate.ClusterType]
	for len(work) > 0 {
		user := work[0]
		work = work[1:]
		for name := range p.retiring {
			if name != user && (names(clusters.given(user), name) || clusters.maybe(user, name)) {
				use(name)
			}
		}
	}
	for name, since := range p.retiring {
		if used[name] {
			p.retiring[name] = time.Time{}
		} else if since.IsZero() {
			p.retiring[name] = now
		}
	}
}

// named says that something other than a cluster that is itself retiring names
// a cluster. Only open names matter: the others have the wanted version, which
// the class has counted.
func (p *Proxy) named(cluster string) bool {
	for _, k := range p.kinds {
		if k.typ == translate.EndpointType {
			continue
		}
		for name, it := range k.open {
			if k.typ == translate.ClusterType {
				if _, ok := p.retiring[name]; ok {
					continue
				}
			}
			if names(k.has.get(name), cluster) || k.maybe(name, cluster) {
				return true
			}
			if it.missing != nil {
				if want, _ := p.choose(k, name, it); names(want, cluster) {
					return true
				}
			}
		}
		for _, r := range k.flights {
			for _, i := range r.items {
				if k.typ == translate.ClusterType {
					if _, ok := p.retiring[i.name]; ok {
						continue
					}
				}
				if names(i.res, cluster) {
					return true
				}
			}
		}
	}
	return false
}

// maybe says that a name's content which the proxy may have names a cluster.
func (k *kind) maybe(name, cluster string) bool {
	it := k.open[name]
	return it != nil && slices.ContainsFunc(it.rare().maybe, func(r *translate.Resource) bool { return names(r, cluster) })
}

// names says that a resource names a cluster, or may: of a version that is not
// known here nobody can tell.
func names(r *translate.Resource, cluster string) bool {
	if r == nil {
		return false
	}
	if r.Body == nil {
		return true
	}
	_, ok := slices.BinarySearch(r.Clusters, cluster)
	return ok
}
