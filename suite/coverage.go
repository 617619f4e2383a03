package suite

import (
	"slices"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// Coverage says which rules were used.
type Coverage struct {
	rules       []dtab.Dentry
	known, used map[dtab.Pos]bool
}

func newCoverage() *Coverage {
	return &Coverage{known: map[dtab.Pos]bool{}, used: map[dtab.Pos]bool{}}
}

// know takes the rules of a model that are new.
func (c *Coverage) know(m *translate.Model) {
	for _, d := range m.Rules() {
		if !c.known[d.Pos] {
			c.known[d.Pos] = true
			c.rules = append(c.rules, d)
		}
	}
}

// add notes the rules that an answer goes through.
func (c *Coverage) add(s *dtab.Step) {
	if s == nil || !s.Taken {
		return
	}
	if s.Dentry != nil {
		c.used[s.Dentry.Pos] = true
	}
	for _, child := range s.Children {
		c.add(child)
	}
}

// Rules is how many rules there are.
func (c *Coverage) Rules() int { return len(c.rules) }

// Used is how many rules some answer goes through.
func (c *Coverage) Used() int { return len(c.rules) - len(c.Unused()) }

// Percent is the share of the rules that are used; 100 where there are none.
func (c *Coverage) Percent() float64 {
	if len(c.rules) == 0 {
		return 100
	}
	return 100 * float64(c.Used()) / float64(len(c.rules))
}

// Unused gives the rules that no test used, in the order of their places.
func (c *Coverage) Unused() []dtab.Dentry {
	var all []dtab.Dentry
	slices.SortStableFunc(c.rules, func(a, b dtab.Dentry) int { return a.Pos.Compare(b.Pos) })
	for _, d := range c.rules {
		if !c.used[d.Pos] {
			all = append(all, d)
		}
	}
	return all
}
