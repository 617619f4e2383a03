package translate

import (
	"slices"

	"kibble.dev/dtab"
)

// overlay is the override of one policy, as routers see it.
type overlay struct {
	id     string
	family string // "" for an ordinary policy; members of a family exclude each other
	table  dtab.Dtab
	// baseline lets the data plane fall back to what the table says without it.
	baseline bool
	pos      dtab.Pos // of the policy's object
}

// cell is a region with what the router's table says about its requests, and
// what it says where policies hold.
type cell struct {
	region region
	sample *sample
	name   dtab.Path
	base   answer
	// variants are the sets of policies that change the answer, those that are
	// to be tried first in front.
	variants []variant
	key      string // of all answers, once asked for
	// same is the same for cells that differ in nothing but the numbers of policies.
	same *token
	// domain is the virtual host that the cell belongs to, hosts those of that.
	domain string
	hosts  pattern
	score  int // of the region
	// rule is the one of an Ingress that the cell is for; nil for other identifiers.
	rule *ingressRule
}

// where gives the answer to requests of which policies hold, and those that decide it.
func (c *cell) where(holds func(policy int) bool) (a answer, by []int) {
	for _, v := range c.variants {
		if !slices.ContainsFunc(v.policies, func(p int) bool { return !holds(p) }) {
			return v.answer, v.policies
		}
	}
	return c.base, nil
}

// variant is the answer where certain policies hold.
type variant struct {
	policies []int // numbers of overlays, ascending
	answer   answer
}
