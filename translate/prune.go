package translate

import (
	"slices"
	"strings"
)

// siblings are the domains of a router.
type siblings struct {
	named func(string) *domain
	wild  map[string]bool // what stands behind "*." in the names of some
}

// prune drops the domains whose requests would get the same answer from the
// next wider one.
func (r *router) prune(all []*domain) []*domain {
	byName, wild := map[string]*domain{}, map[string]bool{}
	for _, d := range all {
		byName[d.name] = d
		if suffix, ok := strings.CutPrefix(d.name, "*."); ok {
			wild[suffix] = true
		}
	}
	s := siblings{named: func(name string) *domain { return byName[name] }, wild: wild}
	kept := make([]*domain, 0, len(all))
	for _, d := range all {
		if d.wide, d.pruned = r.covered(d, s); !d.pruned {
			kept = append(kept, d)
		}
	}
	return kept
}

// covered gives the next wider domain that could answer in place of a domain, ""
// if none could, and tells whether its answer is the same.
func (r *router) covered(d *domain, s siblings) (wide string, same bool) {
	host := r.identifier.host()
	if host < 0 || len(r.identifier.vars) > 1 || d.name == everyHost || d.single() == nil {
		return "", false
	}
	wide = s.wider(d.name)
	c := s.named(wide).single()
	if wide == everyHost {
		c = s.named(wide).everyCell(d)
	}
	return wide, c != nil && sameAnswers(c, d.single(), host)
}

// wider gives the next wider domain that is there.
func (s siblings) wider(name string) string {
	name = strings.TrimPrefix(name, "*.")
	for {
		i := strings.IndexByte(name, '.')
		if i < 0 {
			return everyHost
		}
		name = name[i+1:]
		if s.wild[name] {
			return "*." + name
		}
	}
}

// everyCell gives the cell of everyHost that answers all requests of a domain,
// nil if there may be several.
func (d *domain) everyCell(of *domain) *cell {
	if of.base.port != nil {
		return nil
	}
	for _, c := range d.cells {
		p := c.region.parts[0]
		if p.isAll() || p.contains(of.base) {
			return c
		}
		if p.overlaps(of.base) {
			return nil
		}
	}
	return nil
}

// sameAnswers tells that a narrow cell's answers are those of the wide one.
func sameAnswers(wide, narrow *cell, host int) bool {
	if len(wide.variants) != len(narrow.variants) {
		return false
	}
	same := func(a, b answer) bool {
		if a.outcome != b.outcome || len(a.branches) != len(b.branches) {
			return false
		}
		return strings.ReplaceAll(a.key(), wide.sample.host(host), narrow.sample.host(host)) == b.key()
	}
	for i, v := range wide.variants {
		if !slices.Equal(v.policies, narrow.variants[i].policies) || !same(v.answer, narrow.variants[i].answer) {
			return false
		}
	}
	return same(wide.base, narrow.base)
}
