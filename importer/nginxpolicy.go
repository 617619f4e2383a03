package importer

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// policies makes policies of what was read.
func (n *nginx) policies(s *scope) {
	var given []assignment
	for _, h := range s.header {
		if !strings.HasPrefix(h.value, "$") {
			given = append(given, h)
			continue
		}
		if strings.EqualFold(h.value, "$http_l5d_dtab") {
			n.grant(s, h.when, h.pos)
			continue
		}
		for _, a := range append(append([]assignment{}, n.maps[h.value]...), s.vars[h.value]...) {
			if a.when == nil {
				a.when = h.when
			}
			given = append(given, a)
		}
	}
	for _, g := range given {
		switch {
		case g.value == "":
		case strings.EqualFold(g.value, "$http_l5d_dtab"):
			n.grant(s, g.when, g.pos)
		default:
			n.override(s, g)
		}
	}
	for _, c := range s.clears {
		if c.when == nil {
			n.find(c.pos, dtab.Info, CodeNotNeeded, "an untrusted Router takes l5d-ctx-*, l5d-dtab and l5d-sample from nobody, always", "")
			continue
		}
		if len(s.header) > 0 {
			n.find(c.pos, dtab.Warning, CodeDiffers, "in nginx proxy_set_header l5d-dtab replaced also what these people had sent, so theirs never arrived; here it counts, as the condition means it",
				"leave the policy with grant: adHoc out, if that is not wanted")
		}
		n.grant(s, negated(c.when), c.pos)
	}
}

// override makes a policy that gives an override.
func (n *nginx) override(s *scope, g assignment) {
	table, err := dtab.Parse(dtab.Source{}, g.value)
	if err != nil || strings.Contains(g.value, "$http_") || strings.Contains(g.value, "$cookie_") || strings.Contains(g.value, "$arg_") {
		n.find(g.pos, dtab.Error, CodeLost, "this is not a table that is always the same: "+g.value, "policies have fixed overrides; forEach makes one for each namespace")
		return
	}
	name := "override"
	if len(table) > 0 {
		if leaf, ok := table[len(table)-1].Dst.(dtab.Leaf); ok && len(leaf.Path) > 0 {
			name = nameOf(leaf.Path[len(leaf.Path)-1])
		}
	}
	spec, ok := n.when(s, g.when, g.pos)
	if !ok {
		return
	}
	set(spec, "override", text(g.value))
	n.policy(name, spec)
}

// grant makes a policy for people who may send rules of their own.
// Where anybody meets the condition there is none.
func (n *nginx) grant(s *scope, when *yaml.Node, pos dtab.Pos) {
	if when == nil || when.Content[0].Value == "not" {
		n.find(pos, dtab.Error, CodeLost, "nearly everybody may send l5d-dtab here: no policy is made for that",
			"write one with grant: adHoc for those who are meant (docs/how-to/policies.md)")
		return
	}
	spec, ok := n.when(s, when, pos)
	if !ok {
		return
	}
	set(spec, "grant", text(string(v1alpha1.GrantAdHoc)))
	n.find(pos, dtab.Warning, CodeAssumed, "whoever meets this condition may send rules of their own (grant: adHoc), within adHocOverrides of the edge Router, which allow nothing until they are set",
		"set them; and a fixed text in a cookie is no secret: a signed token or sourceRanges is better (docs/how-to/policies.md)")
	n.policy("ad-hoc", spec)
}

func (n *nginx) policy(name string, spec *yaml.Node) {
	if n.options.Name != "" {
		name = nameOf(n.options.Name)
	}
	for _, o := range n.result.Objects {
		if same(o.spec, spec) {
			return
		}
	}
	o := newObject(v1alpha1.KindDogfoodPolicy, n.unique(v1alpha1.KindDogfoodPolicy, name), "")
	o.spec = spec
	n.result.Objects = append(n.result.Objects, o)
}

// same tells whether two trees say the same.
func same(a, b *yaml.Node) bool {
	return a.Kind == b.Kind && a.Value == b.Value && slices.EqualFunc(a.Content, b.Content, same)
}

// when begins a policy's spec with the routers and both conditions.
func (n *nginx) when(s *scope, when *yaml.Node, pos dtab.Pos) (*yaml.Node, bool) {
	spec := block()
	if n.options.Router != "" {
		list := sequence()
		list.Content = append(list.Content, text(n.options.Router))
		list.Style = yaml.FlowStyle
		set(spec, "routers", list)
	}
	condition := both(s.host, when)
	if condition == nil {
		n.find(pos, dtab.Error, CodeLost, "this holds for every request, and a policy needs a condition", "write the rule into the table of the Router")
		return nil, false
	}
	set(spec, "when", condition)
	return spec, true
}

// both is a condition that holds where two do.
func both(a, b *yaml.Node) *yaml.Node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case keysApart(a, b):
		m := block()
		m.Content = append(append(m.Content, a.Content...), b.Content...)
		return m
	}
	list := sequence()
	list.Content = append(list.Content, a, b)
	all := block()
	set(all, "all", list)
	return all
}

// keysApart tells whether two mappings have no field in common.
func keysApart(a, b *yaml.Node) bool {
	for i := 0; i < len(a.Content); i += 2 {
		for j := 0; j < len(b.Content); j += 2 {
			if a.Content[i].Value == b.Content[j].Value {
				return false
			}
		}
	}
	return true
}

// negated is a condition that holds where another does not.
func negated(c *yaml.Node) *yaml.Node {
	if c.Content[0].Value == "not" {
		return c.Content[1]
	}
	m := block()
	set(m, "not", c)
	return m
}
