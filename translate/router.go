package translate

import (
	"cmp"
	"net/netip"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// defaultDstPrefix is what names begin with unless the Router says otherwise.
const defaultDstPrefix = "/svc"

// router is a Router object, read and ready to be evaluated.
type router struct {
	key    Key
	src    *Sourced[v1alpha1.Router]
	dtabs  []*Sourced[v1alpha1.Dtab] // those that its table was made with
	origin Origin
	spec   v1alpha1.RouterSpec
	trust  v1alpha1.Trust
	// table is the DtabRef's entries, then the router's own; texts are what they
	// were read from.
	table      *dtab.Index
	texts      texts
	namers     []namer
	identifier identifier
	// responses are answers of its own, unrouted the one where the table leads
	// nowhere; nil: 502.
	responses []*response
	unrouted  *response
	// notices are mistakes in other objects that the router reads, which keep
	// nothing but those from being served.
	notices []dtab.Finding
	// tls is what it serves HTTPS with; nil: nothing.
	tls *tlsPlan
	// portsWhy is the entry that looks at ports; nil: none does.
	portsWhy *dtab.Dentry
}

// namer is a configured namer together with what it was configured from.
type namer struct {
	dtab.Namer
	*namerSpec
	view View
}

// namerSpec is what a namer was configured from. What has been bound remembers it,
// and with it nothing of what existed then.
type namerSpec struct {
	config    v1alpha1.Namer
	namespace string // of io.l5d.k8s.ns
	prefix    dtab.Path
}

// chosenBefore tells that requests name the destination that their sender has
// chosen: the router only hands them over. Senders and it hear of changes at
// different times, so it goes on knowing a destination for a while that is gone
// (goneFor), and one that it does not know is for the sender to try elsewhere.
func (r *router) chosenBefore() bool { return r.identifier.header == HeaderDst }

// untrusted tells that foreign context must be stripped before routing.
func (r *router) untrusted() bool { return r.trust == v1alpha1.TrustUntrusted }

// maxWork is how many look-ups one name may take. It is far more than a table
// that means something needs: many thousands of names are evaluated at a time.
const maxWork = 5_000

// interpreter evaluates names under the router's table and what stands on top of
// it, which may be nil. It is made for one binding at a time if visit is given.
func (r *router) interpreter(over dtab.Dtab, visit func(dtab.Path)) *dtab.Interpreter {
	in := &dtab.Interpreter{Base: r.table, Dtab: over, Visit: visit, MaxWork: maxWork}
	in.Namers = make([]dtab.Namer, len(r.namers))
	for i := range r.namers {
		in.Namers[i] = &r.namers[i]
	}
	return in
}

// defaultNamers are there when a Router configures none.
func defaultNamers() []v1alpha1.Namer {
	return []v1alpha1.Namer{{Kind: dtab.KindK8s}, {Kind: dtab.KindK8sNS}, {Kind: dtab.KindK8sExternal}}
}

// newRouter reads a Router. Findings of severity error mean that the router
// cannot be served; the router is then nil.
func newRouter(inv *Inventory, src *Sourced[v1alpha1.Router]) (*router, []dtab.Finding) {
	return newRouterAfter(inv, src, nil)
}

// newRouterAfter is newRouter, given what the router was before, which may be nil:
// what was read of the same table is shared with it.
func newRouterAfter(inv *Inventory, src *Sourced[v1alpha1.Router], was *router) (*router, []dtab.Finding) {
	obj := src.Object
	r := &router{
		key:    Key{obj.Namespace, obj.Name},
		src:    src,
		dtabs:  inv.Dtabs,
		origin: src.Origin,
		spec:   obj.Spec,
		trust:  trustOf(obj.Spec),
	}
	var found []dtab.Finding
	r.identifier, found = newIdentifier(obj.Spec, src.Origin)
	r.responses, r.unrouted = newResponses(obj.Spec, src.Origin)
	if r.identifier.kind == identifyIngress {
		rules, f := ingressRules(inv, &r.identifier)
		r.identifier.rules = rules
		r.notices = f
	}
	if was != nil && was.table == nil {
		was = nil // of one that was kept in a file, only the object is known
	}
	if was != nil && r.readsAs(was) {
		r.table, r.texts = was.table, was.texts
	} else {
		found = append(found, r.readTable(was)...)
	}
	configs := obj.Spec.Namers
	if len(configs) == 0 {
		configs = defaultNamers()
	}
	for i, c := range configs {
		n, f := newNamer(inv, r, c, i)
		found = append(found, f...)
		r.namers = append(r.namers, n)
	}
	found = append(found, missingCollector(inv, r)...)
	for i, t := range obj.Spec.Transformers {
		found = append(found, checkTransformer(t, src.Origin, "spec.transformers", i)...)
	}
	if broken(found) {
		return nil, found
	}
	return r, found
}

// trustOf gives a Router's trust, also where it does not say.
func trustOf(spec v1alpha1.RouterSpec) v1alpha1.Trust {
	switch {
	case spec.Trust != "":
		return spec.Trust
	case spec.ProxyClass == v1alpha1.ClassEdge:
		return v1alpha1.TrustUntrusted
	}
	return v1alpha1.TrustInternal
}

// newNamer makes a configured namer of a router.
func newNamer(inv *Inventory, r *router, c v1alpha1.Namer, i int) (namer, []dtab.Finding) {
	at := r.origin.Field(field("spec.namers", i))
	fail := func(message, hint string) (namer, []dtab.Finding) {
		return namer{}, []dtab.Finding{{
			Code: codeNamer, Severity: dtab.Error, Pos: at.At(1, 1), Message: message, Hint: hint,
		}}
	}
	config := dtab.NamerConfig{
		Kind: c.Kind, LabelSelector: c.LabelSelector, Namespace: cmp.Or(c.Namespace, r.key.Namespace),
		Pattern: c.Pattern, Name: c.Name,
	}
	if c.Prefix != "" {
		p, err := dtab.ParsePath(c.Prefix)
		if err != nil {
			return fail("the namer's prefix is not a path: "+err.Error(), "write it like /io.l5d.k8s")
		}
		config.Prefix = p
	}
	view := inv.View(c)
	view.late = r.chosenBefore()
	n, err := dtab.NewNamer(config, view)
	if err != nil {
		return fail(err.Error(), "see the namers of dtab-language in the manual")
	}
	var found []dtab.Finding
	for j, t := range c.Transformers {
		found = append(found, checkTransformer(t, r.origin, field("spec.namers", i)+".transformers", j)...)
	}
	spec := &namerSpec{config: c, namespace: config.Namespace, prefix: n.Prefix()}
	return namer{Namer: n, namerSpec: spec, view: view}, found
}

// seePorts decides whether the port of a Host is part of names: the router's
// table looks at it, or an override does.
func (r *router) seePorts(overlays []overlay) {
	if r.identifier.kind == identifyIngress {
		return // its names are made of Services
	}
	r.portsWhy = namesPorts(r.table.Dtab())
	for i := 0; i < len(overlays) && r.portsWhy == nil; i++ {
		r.portsWhy = namesPorts(overlays[i].table)
	}
}

// portsCount says that the port of a Host is part of the name, because the table
// looks at ports.
func (r *router) portsCount() bool { return r.portsWhy != nil }

// looksAtPort tells that a leaf leads to a utility namer that takes a host and a
// port apart, or out by DNS to a host that the leaf does not name.
func looksAtPort(leaf dtab.Path) bool {
	if len(leaf) < 2 || leaf[0] != "$" {
		return false
	}
	switch leaf[1] {
	case "io.buoyant.hostportPfx", "io.buoyant.porthostPfx":
		return true
	case "inet", "fixedinet", "io.buoyant.rinet":
		return len(leaf) < 4
	}
	return false
}

// namesPorts gives the first entry of a table that looks at the port of a host:
// through one of the port namers, by a label with a port, or by leading out to
// whatever host there is. It is nil when none does.
func namesPorts(table dtab.Dtab) *dtab.Dentry {
	for i, d := range table {
		for _, e := range d.Prefix {
			if hasPort(e.Label) {
				return &table[i]
			}
		}
		for leaf := range dtab.Leaves(d.Dst) {
			if looksAtPort(leaf) {
				return &table[i]
			}
		}
	}
	return nil
}

// hasPort tells that a label may be a host with its port. An IPv6 address has colons
// of its own.
func hasPort(label string) bool {
	if !strings.Contains(label, ":") {
		return false
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(label, "["), "]"))
	return err != nil
}
