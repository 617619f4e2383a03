package translate

import (
	"fmt"
	"slices"

	"kibble.dev/dogfood"
)

// Change is what one policy changes for a host.
type Change struct {
	Router string `json:"router"`
	Class  string `json:"proxyClass"`
	Host   string `json:"host"`
	Match  string `json:"match,omitempty"`
	// From and To are shares of the requests without the policy and with it.
	From []RowShare `json:"from"`
	To   []RowShare `json:"to"`
}

// Changes picks from rows what a policy changes where no other one holds. The
// name is that of a policy, or of one member of a family. Of a family's name
// the first member stands for all, and note says so. The error says what
// policies there are.
func (m *Model) Changes(rows []Row, name string) (changes []Change, note string, err error) {
	id, note, err := m.policyID(name)
	if err != nil {
		return nil, "", err
	}
	changes = []Change{}
	var base Row
	for _, r := range rows {
		switch {
		case len(r.Policies) == 0:
			base = r
		case slices.Equal(r.Policies, []string{id}):
			changes = append(changes, Change{Router: r.Router, Class: r.Class, Host: r.Host, Match: r.Match, From: base.To, To: r.To})
		}
	}
	return changes, note, nil
}

func (m *Model) policyID(name string) (id, note string, err error) {
	var names, members []string
	for _, p := range m.policies {
		if p.ID == name {
			return p.ID, "", nil
		}
		if p.Family == name {
			members = append(members, p.ID)
		}
		if own := p.Name; !slices.Contains(names, own) {
			names = append(names, own)
		}
	}
	if len(members) == 0 {
		return "", "", missing("policy", name, names)
	}
	slices.Sort(members)
	return members[0], fmt.Sprintf("%s makes %d environments; this is %s", name, len(members), members[0]), nil
}

// ContextOf gives the ids of the policies that hold for a request, at whichever
// untrusted router of the names it comes in; no name: any.
func (m *Model) ContextOf(q Question) dogfood.Context {
	var held []dogfood.Policy
	for _, r := range m.routers {
		if !r.untrusted() || q.Router != "" && q.Router != r.key.String() {
			continue
		}
		x := &Explanation{}
		m.decide(r, q, x)
		held = append(held, dogfood.Context(x.Context).Active(m.policies)...)
	}
	var ids dogfood.Context
	for _, p := range dogfood.InContext(held) {
		if !slices.Contains(ids, p.ID) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// As picks from rows those that hold for a person with the context: one for
// each host.
func As(rows []Row, context dogfood.Context) []Row {
	var picked []Row
	for _, r := range rows {
		switch {
		case len(r.Policies) == 0:
			picked = append(picked, r)
		case !slices.ContainsFunc(r.Policies, func(id string) bool { return !slices.Contains(context, id) }):
			picked[len(picked)-1] = r // rows of a host go from the weakest to the strongest
		}
	}
	return picked
}
