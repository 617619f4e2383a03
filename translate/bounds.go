package translate

import (
	"fmt"
	"slices"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// bounds say which names a caller's own rules may rewrite, and to where.
type bounds struct{ allow, to []dtab.Path }

// newBounds reads a router's adHocOverrides. What is not a path, which Validate
// has said, bounds nothing in.
func newBounds(a *v1alpha1.AdHocOverrides) bounds {
	b := bounds{allow: paths(a.Allow), to: paths(a.To)}
	if len(a.To) == 0 {
		b.to = b.allow
	}
	return b
}

func paths(texts []string) []dtab.Path {
	var all []dtab.Path
	for _, text := range texts {
		if p, err := dtab.ParsePath(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// forbids says why a caller's rules are not allowed, "" if they are: each must
// rewrite a name below an allowed prefix, and each of its leaves lead below one.
func (r *router) forbids(own dtab.Dtab) string {
	b := newBounds(r.spec.AdHocOverrides)
	for _, d := range own {
		if !slices.ContainsFunc(b.allow, func(p dtab.Path) bool { return prefixBelow(d.Prefix, p) }) {
			return fmt.Sprintf("the override rewrites %s; router %s allows %s", d.Prefix, r.key, only(b.allow))
		}
		for leaf := range dtab.Leaves(d.Dst) {
			if !b.leads(leaf) {
				return fmt.Sprintf("the override leads to %s; router %s allows %s", leaf, r.key, only(b.to))
			}
		}
	}
	return ""
}

func only(allowed []dtab.Path) string {
	if len(allowed) == 0 {
		return "nothing"
	}
	texts := make([]string, len(allowed))
	for i, p := range allowed {
		texts[i] = p.String()
	}
	return "only what is below " + strings.Join(texts, ", ")
}

// leads tells whether a rule may lead to a path. A namer of /$ can lead to any
// address there is, and must be named; a prefix that is merely shorter does not.
func (b bounds) leads(path dtab.Path) bool {
	named := len(path) > 0 && path[0] == "$"
	return slices.ContainsFunc(b.to, func(p dtab.Path) bool {
		return (!named || len(p) > 1) && len(path) >= len(p) && slices.Equal(path[:len(p)], p)
	})
}

// prefixBelow tells that every name that begins with the prefix of a rule is
// below a path: a wildcard may stand only behind the path's end.
func prefixBelow(prefix dtab.Prefix, path dtab.Path) bool {
	if len(prefix) < len(path) {
		return false
	}
	for i, label := range path {
		if prefix[i].Any || prefix[i].Label != label {
			return false
		}
	}
	return true
}

// leadsOut says where an answer would go out to an address that a caller's rule
// has put into a name, "" if nowhere. The leaves of rules do not tell: behind
// an allowed leaf the table may hand the rest of a name to such a namer, as in
// /ph => /$/io.buoyant.rinet ; /host => /ph/80 for the rule
// /host/world => /host/evil. Who stands in for others is left out of the answer
// when it is such an address.
func (r *router) leadsOut(in *dtab.Interpreter, name dtab.Path, a *answer) string {
	outside := func(t target) bool { return t.namer == nil }
	if !slices.ContainsFunc(a.branches, func(b branch) bool { return slices.ContainsFunc(b.chain, outside) }) {
		return ""
	}
	b := newBounds(r.spec.AdHocOverrides)
	s := spread{ids: map[string]bool{}}
	s.step(in.Delegate(name), origin{})
	forbidden := func(t target) bool { return outside(t) && s.ids[t.id.String()] && !b.leads(t.id) }
	for i, br := range a.branches {
		if len(br.chain) == 0 {
			continue
		}
		if forbidden(br.chain[0]) {
			return fmt.Sprintf("the override leads out to %s; router %s allows %s", br.chain[0].id, r.key, only(b.to))
		}
		a.branches[i].chain = slices.DeleteFunc(slices.Clone(br.chain), forbidden)
	}
	return ""
}

// spread follows the segments that a caller's rules have put into names through
// a trace, and gathers the bound ids that are made of them.
type spread struct{ ids map[string]bool }

// origin is where a step comes from.
type origin struct {
	found  bool   // by a step above; else it is the request's own name
	caller []bool // segments of its path that come from a caller's rule
	dentry *dtab.Dentry
}

func (s spread) step(step *dtab.Step, from origin) {
	if step.Dentry != nil {
		from.dentry = step.Dentry
	}
	switch step.Kind {
	case dtab.StepPath:
		from = origin{found: true, caller: from.passed(step)}
		if len(step.Children) == 0 && step.Tree != nil { // too long to show
			s.bound(step.Tree, from)
		}
	case dtab.StepBound:
		s.bound(step.Tree, from)
	}
	for _, child := range step.Children {
		s.step(child, from)
	}
}

// passed gives which segments of the next name come from a caller's rule. What a
// rule of the table says itself does not; what it leaves of the name before
// stays what it was. A caller's rule chooses where all of its name goes. A namer
// that rewrites names may put any segment anywhere.
func (o origin) passed(next *dtab.Step) []bool {
	caller := make([]bool, len(next.Path))
	fill := func(from int, value bool) {
		for i := from; i < len(caller); i++ {
			caller[i] = value
		}
	}
	switch {
	case !o.found:
	case next.Namer != "" || o.dentry == nil:
		fill(0, slices.Contains(o.caller, true))
	case o.dentry.Origin == HeaderDtab || o.dentry.Origin == HeaderCtxDtab:
		fill(0, true)
	default:
		rest := o.caller[min(len(o.dentry.Prefix), len(o.caller)):]
		copy(caller[max(0, len(caller)-len(rest)):], rest)
	}
	return caller
}

// bound gathers the leaves of a bound tree that a name with a caller's segments
// led to. Only the beginning of the name is part of the id.
func (s spread) bound(tree dtab.Tree, from origin) {
	for _, id := range boundIDs(tree, nil) {
		if slices.Contains(from.caller[:min(len(id), len(from.caller))], true) {
			s.ids[id.String()] = true
		}
	}
}

func boundIDs(t dtab.Tree, to []dtab.Path) []dtab.Path {
	switch t := t.(type) {
	case *dtab.Bound:
		to = append(to, t.ID)
	case dtab.Alt:
		for _, b := range t {
			to = boundIDs(b, to)
		}
	case dtab.Union:
		for _, b := range t {
			to = boundIDs(b.Tree, to)
		}
	}
	return to
}
