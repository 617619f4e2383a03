package translate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Model is an inventory that was read: every router and policy that can be
// served, ready to be evaluated. It is immutable and safe for concurrent use.
// Preview, explain, the resolver and the server all ask the same Model.
type Model struct {
	inventory *Inventory
	names     *names
	routers   []*router
	policies  []dogfood.Policy
	overlays  []overlay
	findings  []dtab.Finding
	// certificates by Secret, nil for one of which there is none that can be served.
	certificates map[Key]*certificate
	// waiting are those of certificates that are not valid, while the one before is.
	waiting map[Key]*certificate
	read    time.Time // when the inventory was read
	// good are the policies' objects in the form that is served.
	good map[Key]*Sourced[v1alpha1.DogfoodPolicy]
	// written are the same without the keys that they name.
	written map[Key]*Sourced[v1alpha1.DogfoodPolicy]
	// token is the model's own, moved what has changed since an earlier one; nil:
	// that is not known.
	token *token
	moved *moved
	// frugal tells, of routers that were explored, whether it was frugal, by key.
	frugal *sync.Map
}

// NewModel reads an inventory. Objects that cannot be served are left out, with
// findings; the others are served. The time decides which policies are over.
func NewModel(inv *Inventory, now time.Time) *Model { return newModel(inv, now, nil) }

func newModel(inv *Inventory, now time.Time, last *Model) *Model {
	m := &Model{
		inventory: inv, names: namesAfter(inv, last), token: &token{}, read: now, frugal: &sync.Map{},
		good: map[Key]*Sourced[v1alpha1.DogfoodPolicy]{}, written: map[Key]*Sourced[v1alpha1.DogfoodPolicy]{}, certificates: map[Key]*certificate{},
		waiting: map[Key]*certificate{},
	}
	m.readPolicies(now, last)
	var all []claimant
	for _, src := range inv.Routers {
		r, found := newRouterAfter(inv, src, last.served(Key{src.Object.Namespace, src.Object.Name}))
		m.findings = append(m.findings, found...)
		if r == nil {
			key := Key{src.Object.Namespace, src.Object.Name}
			if r = lastRouter(inv, key, last); r != nil {
				m.findings = append(m.findings, keptFinding("router "+key.String(), src.Origin.Field("spec").At(1, 1)))
			}
		}
		if r != nil {
			all = append(all, claimant{r, src.Object.CreationTimestamp.Unix()})
		}
	}
	routers, found := unique(all)
	m.findings = append(m.findings, found...)
	for _, r := range routers {
		m.findings = append(m.findings, r.notices...)
		r.seePorts(m.overlays)
		m.readTLS(r, now, last)
		m.routers = append(m.routers, r)
	}
	for _, r := range m.routers {
		m.keepTLS(r, last)
	}
	return m
}

func (m *Model) readPolicies(now time.Time, last *Model) {
	spaces := make(map[string]map[string]string, len(m.inventory.Namespaces))
	for name, labels := range m.inventory.Namespaces {
		spaces[name] = labels
	}
	facts := dogfood.Facts{Namespaces: spaces, Keys: m.inventory.keys}
	var all []dogfood.Policy
	for _, src := range m.inventory.Policies {
		policies, found := dogfood.Compile(src.Object, src.Origin.Field, facts, now)
		key, good, written := Key{src.Object.Namespace, src.Object.Name}, m.inventory.withKeys(src), src
		if broken(found) {
			if kept, from := lastPolicies(key, last, spaces, now); from != nil {
				policies, good, written = kept, from, last.written[key]
				found = append(found, keptFinding("policy "+key.String(), src.Origin.Field("spec").At(1, 1)))
			}
		}
		if len(policies) > 0 {
			m.good[key], m.written[key] = good, written
		}
		all = append(all, policies...)
		m.findings = slices.Concat(m.findings, found, missingRouters(m.inventory, src), uselessGrants(m.inventory, src))
	}
	kept, found := dogfood.Unique(all)
	m.policies, m.findings = kept, append(m.findings, found...)
	for i, p := range kept {
		if p.Fallback == v1alpha1.FallbackFail {
			p.Override = withoutFallback(p.Override)
			kept[i].Override = p.Override
		}
		if p.Travels() {
			m.overlays = append(m.overlays, overlayOf(p))
		}
	}
}

// withoutFallback gives a table whose rules fail where their targets are not
// there, in place of going on to what the table says without them.
func withoutFallback(table dtab.Dtab) dtab.Dtab {
	table = slices.Clone(table)
	for i, d := range table {
		table[i].Dst = dtab.Alt{d.Dst, dtab.Fail{}}
	}
	return table
}

// Findings gives what is wrong with the objects, sorted by position.
func (m *Model) Findings() []dtab.Finding {
	return dtab.SortFindings(m.findings)
}

// Snapshot gives everything that proxies are to be told, and what could not be
// told. It is a function of the model: equal models give equal bytes.
func (m *Model) Snapshot() (*Snapshot, []dtab.Finding) {
	return m.snapshot(func(*router, []*cell) {})
}

// snapshot shows what was explored of each router on the way.
func (m *Model) snapshot(show func(*router, []*cell)) (*Snapshot, []dtab.Finding) {
	return m.remake(nil, show)
}

func (r *router) describe() string {
	return writtenAt("router "+r.key.String(), r.origin.Field("spec"))
}

// writtenAt names an object, and where a text of it begins: a place of a file, or
// only the field, where the object is one of a cluster.
func writtenAt(object string, text dtab.Source) string {
	return object + " (" + strings.TrimPrefix(text.At(1, 1).String(), object+" ") + ")"
}

// decidedAt gives the policies that a router decides, weakest first.
func (m *Model) decidedAt(r *router) []dogfood.Policy {
	var all []dogfood.Policy
	for _, p := range m.policies {
		if p.Namespace != r.key.Namespace || !r.untrusted() {
			continue
		}
		if len(p.Routers) == 0 || slices.Contains(p.Routers, r.key.Name) {
			all = append(all, p)
		}
	}
	return all
}

// NextEnd gives when the next policy, or certificate, ends by itself, a
// certificate begins to be valid, or a name that is gone is forgotten; not ok if
// none does.
func (m *Model) NextEnd() (end time.Time, ok bool) {
	m.eachEnd(func(t time.Time) {
		if !ok || t.Before(end) {
			end, ok = t, true
		}
	})
	return end, ok
}

// eachEnd visits the times of which NextEnd is the first, in no order.
func (m *Model) eachEnd(visit func(time.Time)) {
	for _, p := range m.policies {
		if !p.Expires.IsZero() {
			visit(p.Expires)
		}
	}
	for _, gone := range m.inventory.lately {
		for _, g := range gone {
			visit(g.until)
		}
	}
	for _, certificates := range []map[Key]*certificate{m.certificates, m.waiting} {
		for _, c := range certificates {
			if c != nil && c.leaf.NotBefore.After(m.read) {
				visit(c.leaf.NotBefore)
			}
			if c != nil && c.leaf.NotAfter.After(m.read) {
				visit(c.leaf.NotAfter)
			}
		}
	}
}

// Outdated tells that the model, which was read at some time, may be another now
// though nothing has changed: something of it has ended since, or the clock has
// been set back, so that something may not have ended yet.
func (m *Model) Outdated(now time.Time) bool {
	now = now.Round(0) // what counts is the time of day
	end, ok := m.NextEnd()
	return ok && !now.Before(end) || now.Before(m.read.Round(0))
}

// RouterNames gives the names of the routers that can be served, namespace/name.
func (m *Model) RouterNames() []string {
	var all []string
	for _, r := range m.routers {
		all = append(all, r.key.String())
	}
	return all
}

// ClassOf gives the proxy class of a router, and whether there is one router of this name.
func (m *Model) ClassOf(router string) (class string, ok bool) {
	r, err := m.router(router)
	if err != nil {
		return "", false
	}
	return r.spec.ProxyClass, true
}

// missing says that nothing of a kind has a name, and what there is instead.
func missing(kind, name string, others []string) error {
	if len(others) == 0 {
		return fmt.Errorf("there is no %s %q that can be served, nor any other", kind, name)
	}
	return fmt.Errorf("there is no %s %q that can be served; there are: %s", kind, name, strings.Join(others, ", "))
}

// router finds a router by name or namespace/name.
func (m *Model) router(name string) (*router, error) {
	var found []*router
	for _, r := range m.routers {
		if r.key.String() == name || r.key.Name == name {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, missing("router", name, m.RouterNames())
	}
	var full []string
	for _, r := range found {
		full = append(full, r.key.String())
	}
	return nil, fmt.Errorf("several routers are called %q: write %s", name, strings.Join(full, " or "))
}
