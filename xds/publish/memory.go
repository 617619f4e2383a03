package publish

import (
	"slices"
	"time"

	"kibble.dev/translate"
)

// key names content within a class. Endpoints that depend on the asking proxy
// have its scope, so that one place's content is never given to another.
type key struct {
	typ, name string
	scope     translate.Scope
}

// memory is what a class learnt from its proxies' answers.
type memory struct {
	// accepted is what some proxy accepted last.
	accepted map[key]*translate.Resource
	// refused is a version that is wanted now, that some proxy refused, or that
	// is known to be refused, and none accepted.
	refused map[key]refusal
	// gone are those of accepted that are no longer wanted, and since when.
	// They are kept while something is refused, or may yet be: a new proxy
	// that gets an older listener needs the older table and clusters with it.
	gone map[key]time.Time
	// changes counts what a later control plane would want to know. Endpoints
	// that were accepted are not of that kind: they are old by then.
	changes int
}

// refusal is why a version is held to be bad.
type refusal struct {
	Refusal
	// certain says that no proxy is to try it; next is when another one is to: see
	// retryOthers.
	certain bool
	next    time.Time
}

func newMemory() memory {
	return memory{accepted: map[key]*translate.Resource{}, refused: map[key]refusal{}, gone: map[key]time.Time{}}
}

// bad says that this version was refused and never accepted.
func (m *memory) bad(k key, version string) bool {
	v, ok := m.refused[k]
	return ok && v.Version == version
}

// hopeless says that this version is bad, and that no proxy need try it.
func (m *memory) hopeless(k key, version string) bool {
	return m.bad(k, version) && m.refused[k].certain
}

// accept notes that a proxy accepted r where wanted is wanted. It says whether
// r was held to be bad until now.
func (m *memory) accept(k key, r, wanted *translate.Resource) (cleared bool) {
	old := m.accepted[k]
	if old == r || wanted == nil {
		return false
	}
	// A slow proxy's answer to an older version must not replace a newer one.
	if old == nil || equal(r, wanted) || !equal(old, wanted) {
		m.accepted[k] = r
		if k.typ != translate.EndpointType {
			m.changes++
		}
	}
	if m.bad(k, r.Version) {
		delete(m.refused, k)
		m.changes++
		return true
	}
	return false
}

// refuse notes that a proxy refused the wanted version. It says whether it is
// held to be bad from now on, which it is not when another proxy accepted it.
func (m *memory) refuse(k key, r refusal) (bad bool) {
	if a := m.accepted[k]; a != nil && a.Version == r.Version || m.bad(k, r.Version) && !r.certain {
		return false
	}
	m.refused[k] = r
	m.changes++
	return true
}

// changed notes that the wanted content of k is now another, nil for none.
func (m *memory) changed(now time.Time, k key, is *translate.Resource) {
	if v, ok := m.refused[k]; ok && (is == nil || is.Version != v.Version) {
		delete(m.refused, k)
		m.changes++
	}
	if is != nil {
		delete(m.gone, k)
	} else if m.accepted[k] != nil {
		m.gone[k] = now
	}
}

// sweep forgets what has not been wanted since before and cannot be needed, and
// with a cluster all older content that names it: nobody can be given that
// any more.
func (m *memory) sweep(before time.Time, wants func(key, *translate.Resource) bool) {
	if len(m.refused) > 0 {
		return
	}
	clusters := map[string]struct{}{}
	for k, since := range m.gone {
		if since.Before(before) {
			delete(m.gone, k)
			m.forget(k, clusters)
		}
	}
	for n := 0; n != len(clusters); {
		n = len(clusters)
		for k, r := range m.accepted {
			if namesAny(r, clusters) && !wants(k, r) {
				m.forget(k, clusters)
			}
		}
	}
}

// forget drops what was accepted, and adds a cluster to those that are dropped.
func (m *memory) forget(k key, clusters map[string]struct{}) {
	delete(m.accepted, k)
	if k.typ == translate.ClusterType {
		clusters[k.name] = struct{}{}
	}
}

func namesAny(r *translate.Resource, clusters map[string]struct{}) bool {
	return slices.ContainsFunc(r.Clusters, func(name string) bool {
		_, ok := clusters[name]
		return ok
	})
}
