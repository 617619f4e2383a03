package translate

import (
	"fmt"
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// Lint looks for what can be served and hardly does what it is meant to: rules,
// overrides and conditions. What cannot be served is among Findings. The result
// is sorted by position.
func (m *Model) Lint() []dtab.Finding {
	l := &linter{model: m, rules: map[string]*ruleUse{}}
	for _, r := range m.routers {
		l.router(r)
		l.believes(r)
	}
	l.others()
	for _, key := range sortedKeys(l.rules) {
		if u := l.rules[key]; !u.reached {
			l.found = append(l.found, u.unnamed())
		} else if u.missing != nil && u.missed == u.asked {
			l.found = append(l.found, *u.missing)
		}
	}
	l.policies()
	return dtab.SortFindings(l.found)
}

type linter struct {
	model *Model
	found []dtab.Finding
	rules map[string]*ruleUse
}

// ruleUse is what all routers together do with a rule.
type ruleUse struct {
	dentry  *dtab.Dentry
	policy  string // that it belongs to, or the family
	reached bool
	// missing is what is found where the rule leads to nothing that exists, at
	// missed of the asked routers.
	missing       *dtab.Finding
	asked, missed int
}

func (u *ruleUse) unnamed() dtab.Finding {
	if u.policy == "" {
		return dtab.Unnamed(u.dentry)
	}
	return dtab.Finding{
		Code: codeNotMet, Severity: dtab.Warning, Pos: u.dentry.Pos,
		Message: fmt.Sprintf("no name of any router begins with %s, so this rule of the override is never used", u.dentry.Prefix),
		Hint:    "correct the prefix: kibble explain shows which names a request goes through",
	}
}

// use gives what is known of a rule. Rules of the members of a family are one.
func (l *linter) use(d *dtab.Dentry, policy string) *ruleUse {
	key := policy + "\x00" + d.Pos.String()
	if policy == "" {
		key += d.Origin + d.String()
	}
	if l.rules[key] == nil {
		l.rules[key] = &ruleUse{dentry: d, policy: policy}
	}
	return l.rules[key]
}

// router looks at a router's table by itself, and under each override.
func (l *linter) router(r *router) {
	l.found = append(l.found, dtab.Linter{Dtab: r.table.Dtab(), Namers: r.inner(), Failover: r.spec.Failover}.Lint()...)
	table := slices.Clone(r.table.Dtab())
	owner := make([]string, len(table))
	for _, o := range l.model.overlays {
		table = append(table, o.table...)
		for range o.table {
			owner = append(owner, o.name())
		}
	}
	for i, reached := range dtab.Reached(table, r.inner(), r.shapes()) {
		u := l.use(&table[i], owner[i])
		u.reached = u.reached || reached
	}
	l.targets(r, r.table.Dtab(), "", r.interpreter(nil, nil))
	for _, o := range l.model.overlays {
		l.targets(r, o.table, o.name(), r.interpreter(o.table, nil))
	}
}

// annotationTrust says why a router at the edge believes its callers.
const annotationTrust = "kibble.dev/trust-reason"

// believes tells of a router at the edge that takes context from whoever calls,
// where nothing says that it is meant so.
func (l *linter) believes(r *router) {
	if r.spec.ProxyClass != v1alpha1.ClassEdge || r.untrusted() || r.src.Object.Annotations[annotationTrust] != "" {
		return
	}
	l.found = append(l.found, dtab.Finding{
		Code: codeBelieves, Severity: dtab.Warning, Pos: r.origin.Field("spec.trust").At(1, 1),
		Message: fmt.Sprintf("router %s is of class edge and believes whatever its callers say of environments and rules", r.key),
		Hint:    "take trust: internal away, or say in the annotation " + annotationTrust + " why nobody outside can call it",
	})
}

// name of the policy, or of its family.
func (o overlay) name() string {
	if o.family != "" {
		return o.family
	}
	return o.id
}

func (r *router) inner() []dtab.Namer {
	var all []dtab.Namer
	for _, n := range r.namers {
		all = append(all, n.Namer)
	}
	return all
}

// shapes gives the names that requests have, and those that callers' own rules
// may lead to.
func (r *router) shapes() []dtab.Shape {
	s := dtab.ShapeOf(r.identifier.prefix)
	if r.identifier.kind != identifyIngress {
		s.Open = false
	}
	for _, p := range r.identifier.pieces {
		if s.Open {
			break
		}
		switch {
		case len(p.literal) > 0:
			s.Elems = append(s.Elems, dtab.ShapeOf(p.literal).Elems...)
		case r.identifier.vars[p.index] == urlVar || r.identifier.vars[p.index] == valueVar:
			s.Open = true
		default:
			s.Elems = append(s.Elems, dtab.Elem{Any: true})
		}
	}
	shapes := []dtab.Shape{s}
	if a := r.spec.AdHocOverrides; a != nil {
		for _, p := range newBounds(a).to {
			shapes = append(shapes, dtab.ShapeOf(p))
		}
	}
	for _, t := range r.spec.Transformers {
		if p, err := dtab.ParsePath(t.Path); substitutes(t) && err == nil {
			shapes = append(shapes, dtab.ShapeOf(p))
		}
	}
	return shapes
}

// others looks at tables that no router has, and at overrides by themselves.
func (l *linter) others() {
	used := map[Key]bool{}
	var namers []dtab.Namer
	for _, r := range l.model.routers {
		namers = append(namers, r.inner()...)
		if ref := r.spec.DtabRef; ref != nil {
			used[Key{r.key.Namespace, ref.Name}] = true
		}
	}
	if len(namers) == 0 {
		fallback := &router{}
		for i, c := range defaultNamers() {
			if n, found := newNamer(l.model.inventory, fallback, c, i); len(found) == 0 {
				namers = append(namers, n.Namer)
			}
		}
	}
	for _, src := range l.model.inventory.Dtabs {
		if !used[Key{src.Object.Namespace, src.Object.Name}] {
			table, found := ReadDtab(src)
			l.found = append(append(l.found, found...), dtab.Linter{Dtab: table, Namers: namers}.Lint()...)
		}
	}
	families := map[string]bool{}
	for _, o := range l.model.overlays {
		if !families[o.name()] {
			families[o.name()] = true
			l.found = append(l.found, dtab.Linter{Dtab: strip(o.table, o), Namers: namers, Failover: true}.Lint()...)
		}
	}
}

// strip takes off what `fallback: fail` appends to each rule.
func strip(table dtab.Dtab, o overlay) dtab.Dtab {
	if o.baseline {
		return table
	}
	table = slices.Clone(table)
	for i, d := range table {
		if alt, ok := d.Dst.(dtab.Alt); ok {
			table[i].Dst = alt[0]
		}
	}
	return table
}

// targets finds rules that lead to services or ports that do not exist.
func (l *linter) targets(r *router, table dtab.Dtab, policy string, in *dtab.Interpreter) {
	if len(l.model.inventory.Services)+len(l.model.inventory.Files) == 0 {
		return // nothing is known of what exists
	}
	for i := range table {
		d := &table[i]
		u := l.use(d, policy)
		var missing []string
		severity, code, hint := dtab.Warning, codeMissing, "correct the name, or create the Service"
		all := slices.Collect(dtab.Leaves(d.Dst))
		for n, leaf := range all {
			t := in.Delegate(leaf)
			switch t.Outcome {
			case dtab.OutcomeNeg:
				for _, id := range r.asked(t, nil) {
					a := l.model.inventory.absent(r, id)
					if a.down {
						severity, code = dtab.Info, codeScaledDown
					}
					if a.unread {
						hint = "let it be read too: by -n, or all by none; of the chart by namespaces"
					}
					missing = append(missing, a.why)
				}
			case dtab.OutcomeBound:
				if n < len(all)-1 {
					l.hides(r, d, t.Tree)
				}
			}
		}
		u.asked++
		if len(missing) == 0 {
			continue
		}
		u.missed++
		if _, alternatives := d.Dst.(dtab.Alt); alternatives && len(missing) < len(all) {
			severity = dtab.Info
		}
		slices.Sort(missing)
		u.missing = &dtab.Finding{
			Code: code, Severity: severity, Pos: d.Pos,
			Message: fmt.Sprintf("%s => %s: %s", d.Prefix, d.Dst, strings.Join(slices.Compact(missing), "; ")),
			Hint:    hint,
		}
		if code == codeScaledDown {
			u.missing.Hint = "by the port's number instead of its name a Service exists with nobody behind it too"
		}
	}
}

// hides finds alternatives that are not tried because a service before them
// exists, although nobody of it is ready.
func (l *linter) hides(r *router, d *dtab.Dentry, tree dtab.Tree) {
	if _, alternatives := d.Dst.(dtab.Alt); !alternatives || r.spec.Failover || strings.HasPrefix(d.Origin, "policy ") {
		return
	}
	bound, ok := tree.(*dtab.Bound)
	if !ok {
		return
	}
	t := r.target(bound)
	if t.namer == nil || t.namer.config.Kind == dtab.KindFS || len((&maker{inventory: l.model.inventory}).addresses(t)) > 0 {
		return
	}
	l.found = append(l.found, dtab.Finding{
		Code: codeNobodyReady, Severity: dtab.Info, Pos: d.Pos,
		Message: fmt.Sprintf("%s exists, though nobody of it is ready: the alternatives after it are not tried", bound.ID),
		Hint:    "set failover: true in the Router, so that they stand in for it",
	})
}
