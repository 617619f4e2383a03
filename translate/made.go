package translate

import (
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// made is what the clusters and virtual hosts of a class were made of, so that the
// next snapshot makes only what has changed. It is immutable.
type made struct {
	routers []Key
	tables  map[Key]*hostTable
	// clusters by name, and the names of those whose endpoints come from a Service.
	clusters layered[string, *madeCluster]
	users    layered[Key, *users]
	// listeners by name, but for those that bind the pod's address.
	listeners map[string]*madeListener
	// outside is how many of the clusters lead outside.
	outside int
	// extra are clusters that no virtual host names.
	extra []string
	// flawed: something else than a virtual host could not be made.
	flawed bool
}

// madeCluster is a cluster, and by whom it was made.
type madeCluster struct {
	need
	source string
	// service that its endpoints come from; zero: none.
	service Key
}

// madeListener is a listener, told in advance or not, and what it was made of.
type madeListener struct {
	spec           listenerSpec
	resource, told *Resource
}

// users are the names of the clusters that a Service is in.
type users struct{ names []string }

// madeOf gives what a need was made of.
func madeOf(n need, source string) *madeCluster {
	m := &madeCluster{need: n, source: source}
	t := n.target
	if n.kind != needTarget || t.namer == nil {
		return m
	}
	if t.namer.config.Kind != dtab.KindFS {
		m.service = keyOf(t.namer.whole(t.id[1+len(t.namer.prefix):]))
	}
	return m
}

// note notes how a cluster is made now; nil: it is not there any more.
func (m *made) note(name string, is *madeCluster) {
	if was := m.clusters.get(name); was != nil {
		m.use(was.service, name, false)
		m.count(was, -1)
	}
	m.clusters.set(name, is)
	if is != nil {
		m.use(is.service, name, true)
		m.count(is, 1)
	}
}

func (m *made) count(c *madeCluster, by int) {
	if c.leavesContext() {
		m.outside += by
	}
}

func (m *made) use(key Key, name string, used bool) {
	if key == (Key{}) {
		return
	}
	var names []string
	if u := m.users.get(key); u != nil {
		names = slices.DeleteFunc(slices.Clone(u.names), func(n string) bool { return n == name })
	}
	if used {
		names = append(names, name)
	}
	if len(names) == 0 {
		m.users.set(key, nil)
		return
	}
	m.users.set(key, &users{names})
}

// gateway tells that a Service may stand in front of clusters: a transformer of
// some router, or of one of its namers, says so.
func (m *made) gateway(key Key) bool {
	names := func(t v1alpha1.Transformer) bool { return isGateway(t, key) }
	for _, t := range m.tables {
		r := t.explored.router
		if slices.ContainsFunc(r.spec.Transformers, names) ||
			slices.ContainsFunc(r.namers, func(n namer) bool { return slices.ContainsFunc(n.config.Transformers, names) }) {
			return true
		}
	}
	return false
}

func isGateway(t v1alpha1.Transformer, key Key) bool {
	return t.Kind == transformDaemonset && strings.EqualFold(t.Namespace, key.Namespace) && strings.EqualFold(t.Service, key.Name)
}

// open gives a copy that may be changed until it is closed.
func (m made) open() made {
	m.clusters, m.users = m.clusters.open(), m.users.open()
	return m
}

func (m *made) close() {
	m.clusters, m.users = m.clusters.closed(), m.users.closed()
}

// using gives the clusters that some Services are in, or stand in front of, sorted.
func (m *made) using(services []Key) []string {
	var all []string
	for _, key := range services {
		if u := m.users.get(key); u != nil {
			all = append(all, u.names...)
		}
		if !m.gateway(key) {
			continue
		}
		m.clusters.each(func(name string, c *madeCluster) {
			if slices.ContainsFunc(c.target.transformers, func(t v1alpha1.Transformer) bool { return isGateway(t, key) }) {
				all = append(all, name)
			}
		})
	}
	slices.Sort(all)
	return slices.Compact(all)
}
