package translate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// policies looks at who gets overrides, and what these change.
func (l *linter) policies() {
	effect, example := l.effects()
	said := map[string]bool{}
	for _, p := range l.model.policies {
		if name := overlayOf(p).name(); !said[name] {
			said[name] = true
			l.anybody(p)
			l.neverFallsBack(p)
			if len(p.Override) > 0 && !effect[name] && len(l.model.routers) > 0 && l.met(name) {
				l.found = append(l.found, dtab.Finding{
					Code: codeFallsBack, Severity: dtab.Warning, Pos: p.Pos,
					Message: fmt.Sprintf("policy %s changes nothing for any host: what its override leads to does not exist, or is where requests go anyway", name),
					Hint:    "create what it leads to, or take the policy away; kibble preview --policy shows what a policy changes",
				})
			}
		}
	}
	l.compete(example)
}

// met tells that names come to some rule of a policy.
func (l *linter) met(policy string) bool {
	for _, u := range l.rules {
		if u.policy == policy && u.reached {
			return true
		}
	}
	return false
}

// anybody tells of a policy that a client can make hold by what it sends.
func (l *linter) anybody(p dogfood.Policy) {
	if len(p.Override) == 0 || !dogfood.AnybodyCan(p.When) {
		return // a grant has a warning of its own
	}
	for _, r := range l.model.routers {
		if !slices.ContainsFunc(l.model.decidedAt(r), func(d dogfood.Policy) bool { return d.ID == p.ID }) {
			continue
		}
		l.found = append(l.found, dtab.Finding{
			Code: codeAnybody, Severity: dtab.Info, Pos: p.Pos,
			Message: fmt.Sprintf("anybody outside who knows, or guesses, what to send gets into %s at router %s: its condition looks at cookies and headers only", overlayOf(p).name(), r.key),
			Hint:    "ask for an address range or a token as well (sourceRanges, jwt), if it is not for everybody",
		})
		return
	}
}

// neverFallsBack tells of rules that end in ! or $, where the policy says, or
// says nothing against it, that requests fall back.
func (l *linter) neverFallsBack(p dogfood.Policy) {
	src := l.model.good[Key{p.Namespace, p.Name}]
	if src == nil || !overlayOf(p).baseline {
		return
	}
	severity := dtab.Info
	if src.Object.Spec.Fallback != "" {
		severity = dtab.Warning
	}
	for _, d := range p.Override {
		alt, ok := d.Dst.(dtab.Alt)
		if !ok {
			continue // a rule that is only ! is there to refuse
		}
		switch last := alt[len(alt)-1].(type) {
		case dtab.Fail, dtab.Empty:
			l.found = append(l.found, dtab.Finding{
				Code: codeNoFallback, Severity: severity, Pos: d.Pos,
				Message: fmt.Sprintf("%s => %s never falls back to what there is without the policy: it ends in %s", d.Prefix, d.Dst, last),
				Hint:    "say fallback: fail if it is meant so, or take the end away",
			})
		}
	}
}

// pair is two policies, by name.
type pair [2]string

// effects tells which policies change where some request goes, and gives for
// each two that lead the same name elsewhere an example: "HOST at router NAME".
func (l *linter) effects() (effect map[string]bool, example map[pair]string) {
	effect, example = map[string]bool{}, map[pair]string{}
	for _, r := range l.model.routers {
		cells, _ := explore(r, l.model.names, l.model.overlays)
		b := &builder{router: r, overlays: l.model.overlays}
		for _, c := range cells {
			single := map[string]string{} // what each policy by itself leads to
			for _, v := range c.variants {
				for _, p := range v.policies {
					if v.answer.leads() != c.base.leads() {
						effect[l.model.overlays[p].name()] = true
					}
				}
				if len(v.policies) == 1 && v.answer.leads() != c.base.leads() {
					single[l.model.overlays[v.policies[0]].name()] = v.answer.leads()
				}
			}
			names := sortedKeys(single)
			for i, p := range names {
				for _, q := range names[i+1:] {
					if key := (pair{p, q}); single[p] != single[q] && example[key] == "" {
						example[key] = b.hideMarks(c, c.name.String()) + " at router " + r.key.String()
					}
				}
			}
		}
	}
	return effect, example
}

// compete tells of policies that can hold together, lead the same names
// elsewhere, and have the same priority.
func (l *linter) compete(example map[pair]string) {
	byName := map[string]dogfood.Policy{}
	for _, p := range l.model.policies {
		if name := overlayOf(p).name(); byName[name].ID == "" {
			byName[name] = p
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(example), func(a, b pair) int { return slices.Compare(a[:], b[:]) }) {
		p, q := byName[key[0]], byName[key[1]]
		if p.Priority != q.Priority || dogfood.Exclusive(p.When, q.When) || !l.together(p, q) {
			continue
		}
		order := []dogfood.Policy{p, q}
		dogfood.Sort(order)
		l.found = append(l.found, dtab.Finding{
			Code: codeCompete, Severity: dtab.Warning, Pos: order[0].Pos,
			Message: fmt.Sprintf("policies %s lead the same names elsewhere, such as %s; where both hold, %s decides, because its name sorts last",
				strings.Join(key[:], " and "), example[key], overlayOf(order[1]).name()),
			Hint: "give one of them a higher priority, or make their conditions exclude each other",
		})
	}
}

// together tells that some router decides both policies.
func (l *linter) together(p, q dogfood.Policy) bool {
	return slices.ContainsFunc(l.model.routers, func(r *router) bool {
		n := 0
		for _, d := range l.model.decidedAt(r) {
			if d.ID == p.ID || d.ID == q.ID {
				n++
			}
		}
		return n == 2
	})
}
