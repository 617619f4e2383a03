package translate

import (
	"fmt"
	"slices"
	"strings"
)

// memberOf is a policy of a family.
type memberOf struct{ family, member string }

func membersOf(models ...*Model) map[string]memberOf {
	all := map[string]memberOf{}
	for _, m := range models {
		for _, p := range m.policies {
			if p.Family != "" {
				all[p.ID] = memberOf{p.Family, p.Member}
			}
		}
	}
	return all
}

// families puts one move in place of those of members of a family that move
// alike: a hundred preview environments are one line.
func families(moves []Move, members map[string]memberOf) []Move {
	var merged []Move
	groups := map[string][]Move{}
	first := map[string]int{}
	for _, m := range moves {
		general, member, ok := m.general(members)
		if !ok {
			merged = append(merged, m)
			continue
		}
		key := fmt.Sprintf("%q %q %q %q %s %s", m.Router, m.Host, m.Match, general.Policies, sharesKey(general.From), sharesKey(general.To))
		if len(groups[key]) == 0 {
			first[key] = len(merged)
			merged = append(merged, m)
		}
		general.Members = []string{member}
		groups[key] = append(groups[key], general)
	}
	for key, group := range groups {
		if len(group) < 2 {
			continue
		}
		all := group[0]
		for _, m := range group[1:] {
			all.Members = append(all.Members, m.Members...)
		}
		slices.Sort(all.Members)
		merged[first[key]] = all
	}
	return merged
}

// general gives a move with {namespace} in place of the name of the one member
// of a family that it is for; not ok if there is none, or there are several.
func (m Move) general(members map[string]memberOf) (general Move, member string, ok bool) {
	var of memberOf
	for _, id := range m.Policies {
		if known, yes := members[id]; yes {
			if of.family != "" {
				return m, "", false
			}
			of = known
		}
	}
	if of.family == "" {
		return m, "", false
	}
	fill := func(text string) string { return strings.ReplaceAll(text, of.member, "{namespace}") }
	shares := func(list []RowShare) []RowShare {
		list = slices.Clone(list)
		for i, s := range list {
			list[i].Service = fill(s.Service)
			list[i].Fallback = nil
			for _, f := range s.Fallback {
				list[i].Fallback = append(list[i].Fallback, fill(f))
			}
		}
		return list
	}
	general = m
	general.Policies = slices.Clone(m.Policies)
	for i, id := range general.Policies {
		if members[id] == of {
			general.Policies[i] = of.family + ".*"
		}
	}
	general.From, general.To, general.Why = shares(m.From), shares(m.To), slices.Clone(m.Why)
	for i, c := range general.Why {
		general.Why[i].Rule, general.Why[i].Origin = fill(c.Rule), fill(c.Origin)
	}
	return general, of.member, true
}
