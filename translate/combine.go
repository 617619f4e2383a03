package translate

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// sets gives the sets of policies to evaluate: every combination of those that
// are touched, of which members of one family exclude each other. A set costs about
// as many look-ups as there are policies in it, and some.
//
// Where that is too much each is evaluated by itself, and then the combinations of
// those that lead the name somewhere: of ten environments that may have a service of
// their own for every host, few do. Passed says who was passed over; nil: all
// combinations are there.
func (e *explorer) sets(touched map[int]bool, c *cell) (sets [][]int, passed map[int]bool) {
	ordinary, families := alternatives(e.overlays, touched)
	lists := slices.Concat(ordinary, families)
	total := 1
	for _, members := range lists {
		total *= len(members) + 1
		if total > maxSets {
			break
		}
	}
	all := total <= maxSets
	if all && !few(ordinary, families) {
		e.at.combined = total * (len(lists) + 2)
	}
	if few(ordinary, families) || all && !e.frugal {
		return combinations(lists), nil
	}
	for _, members := range lists {
		for _, p := range members {
			sets = append(sets, []int{p})
		}
	}
	passed = e.passedOver(c)
	if len(passed) < len(sets) {
		return sets, passed // the others were not evaluated yet
	}
	ordinary, families = counting(ordinary, passed), counting(families, passed)
	lists = slices.Concat(ordinary, families)
	if few(ordinary, families) {
		return append(sets, combinations(lists)...), passed
	}
	for _, members := range lists {
		e.at.wide = append(e.at.wide, members[0])
	}
	subsets := singles(ordinary)
	if len(ordinary) <= maxTogether {
		subsets = combinations(ordinary)
	}
	sets = append(sets, subsets...)
	for _, m := range slices.Concat(families...) {
		for _, s := range subsets {
			sets = append(sets, sortedSet(append(slices.Clone(s), m)))
		}
	}
	return sets, passed
}

// few tells that policies are looked at in every combination, wherever they are.
func few(ordinary, families [][]int) bool {
	return len(ordinary) <= maxTogether && len(families) <= 1
}

// passedOver tells, of each policy that was evaluated by itself, whether it changes
// nothing there because what its rules lead the name to does not exist.
func (e *explorer) passedOver(c *cell) map[int]bool {
	passed := map[int]bool{}
	for _, v := range c.variants {
		if len(v.policies) > 1 {
			continue
		}
		p := v.policies[0]
		passed[p] = v.answer.leads() == c.base.leads() && e.leadsNowhere(c, e.overlays[p])
	}
	return passed
}

// leadsNowhere tells that the rules of a policy have a name go on to what the table says
// without them. Rules that fail stand in between.
func (e *explorer) leadsNowhere(c *cell, o overlay) bool {
	fails := slices.Clone(o.table)
	for i := range fails {
		fails[i].Dst = dtab.Fail{}
	}
	table := e.table([]overlay{{id: o.id + " or fail", table: append(fails, o.table...)}})
	in := e.router.interpreter(table, func(p dtab.Path) { e.read.add(p) })
	return e.router.bind(in, c.name, false).outcome == dtab.OutcomeFail
}

// counting gives the lists without those that are passed over.
func counting(lists [][]int, passed map[int]bool) [][]int {
	var all [][]int
	for _, members := range lists {
		members = slices.DeleteFunc(slices.Clone(members), func(p int) bool { return passed[p] })
		if len(members) > 0 {
			all = append(all, members)
		}
	}
	return all
}

// alternatives gives the policies that are touched, each ordinary one by
// itself, and each family's members together.
func alternatives(overlays []overlay, touched map[int]bool) (ordinary, families [][]int) {
	byName := map[string][]int{}
	for i := range touched {
		if name := overlays[i].family; name != "" {
			byName[name] = append(byName[name], i)
		} else {
			ordinary = append(ordinary, []int{i})
		}
	}
	for _, name := range sortedKeys(byName) {
		families = append(families, sortedSet(byName[name]))
	}
	slices.SortFunc(ordinary, slices.Compare)
	return ordinary, families
}

// combinations takes at most one of each list, in every way but the empty one.
func combinations(lists [][]int) [][]int {
	sets := [][]int{{}}
	for _, list := range lists {
		for _, s := range slices.Clone(sets) {
			for _, i := range list {
				sets = append(sets, sortedSet(append(slices.Clone(s), i)))
			}
		}
	}
	return sets[1:]
}

func singles(lists [][]int) [][]int {
	sets := make([][]int, len(lists))
	for i, list := range lists {
		sets[i] = list[:1]
	}
	return sets
}

func sortedSet(s []int) []int {
	slices.Sort(s)
	return s
}

// useful drops the variants that say what the next one says anyway, and orders
// the others so that the first whose policies all hold is the right one: larger
// sets first. So there is one for several policies together only where their
// overrides meddle with each other.
//
// Where not all combinations were looked at, those with a policy that is passed over
// are dropped, and such a policy by itself comes last: it stands in nobody's way.
func useful(c *cell, passed map[int]bool) []variant {
	all := slices.DeleteFunc(slices.Clone(c.variants), func(v variant) bool {
		return len(v.policies) > 1 && slices.ContainsFunc(v.policies, func(p int) bool { return passed[p] })
	})
	size := func(v variant) int {
		if passed[v.policies[0]] {
			return 0
		}
		return len(v.policies)
	}
	slices.SortFunc(all, func(a, b variant) int {
		return cmp.Or(size(a)-size(b), slices.Compare(reversed(a.policies), reversed(b.policies)))
	})
	kept := map[string]string{} // the key of a set, and of its answer
	var list []variant
	for _, v := range all {
		if key := v.answer.key(); key != without(v.policies, kept, c.base.key()) {
			kept[string(appendSet(nil, v.policies))] = key
			list = append(list, v)
		}
	}
	slices.Reverse(list)
	return list
}

// without gives what a set of policies is answered if it has no variant of its
// own: that of its largest subset that has one, the strongest of several.
func without(set []int, kept map[string]string, base string) string {
	var best []int
	answer := base
	var subset []int
	var key []byte
	for mask := range 1<<len(set) - 1 {
		subset = subset[:0]
		for i, p := range set {
			if mask>>i&1 == 1 {
				subset = append(subset, p)
			}
		}
		key = appendSet(key[:0], subset)
		is, ok := kept[string(key)]
		if ok && (len(subset) > len(best) || len(subset) == len(best) && slices.Compare(reversed(subset), reversed(best)) > 0) {
			best, answer = slices.Clone(subset), is
		}
	}
	return answer
}

// appendSet adds what no other set has to a key.
func appendSet(key []byte, set []int) []byte {
	for _, p := range set {
		key = binary.BigEndian.AppendUint32(key, uint32(p))
	}
	return key
}

func reversed(s []int) []int {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// tooMany warns of policies that were not looked at in every combination.
func (e *explorer) tooMany(at dtab.Pos) dtab.Finding {
	var ids []string
	for i := range e.wide {
		id := e.overlays[i].id
		if family := e.overlays[i].family; family != "" {
			id = "family " + family
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	many := fmt.Sprintf("more than %d combinations of policies change the same name", maxSets)
	if e.frugal {
		many = fmt.Sprintf("more than %d policies change the same name, and so many names that not all their combinations can be looked at", maxTogether)
	}
	return dtab.Finding{
		Code: codeTooMany, Severity: dtab.Warning, Pos: at,
		Message: fmt.Sprintf("%s (%s)", many, strings.Join(slices.Compact(ids), ", ")),
		Hint:    "where several of them hold for one request, only the strongest is used; make one policy with forEach of those of which only one is ever to hold",
	}
}
