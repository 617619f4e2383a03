package translate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/dtab"
)

// sets gives the sets of policies to evaluate: every combination of those that
// are touched, of which members of one family exclude each other. A set costs about
// as many look-ups as there are policies in it, and some.
func (e *explorer) sets(touched map[int]bool) [][]int {
	ordinary, families := e.alternatives(touched)
	total := 1
	for _, members := range slices.Concat(ordinary, families) {
		total *= len(members) + 1
		if total > maxSets {
			break
		}
	}
	few := len(ordinary) <= maxTogether && len(families) <= 1
	all := total <= maxSets
	if all && !few {
		e.at.combined = total * (len(ordinary) + len(families) + 2)
	}
	if few || all && !e.frugal {
		return combinations(slices.Concat(ordinary, families))
	}
	for _, members := range slices.Concat(ordinary, families) {
		e.at.wide = append(e.at.wide, members[0])
	}
	subsets := singles(ordinary)
	if len(ordinary) <= maxTogether {
		subsets = combinations(ordinary)
	}
	sets := slices.Clone(subsets)
	for _, members := range families {
		for _, m := range members {
			sets = append(sets, []int{m})
			for _, s := range subsets {
				sets = append(sets, sortedSet(append(slices.Clone(s), m)))
			}
		}
	}
	return sets
}

// alternatives gives the policies that are touched, each ordinary one by
// itself, and each family's members together.
func (e *explorer) alternatives(touched map[int]bool) (ordinary, families [][]int) {
	byName := map[string][]int{}
	for i := range touched {
		if name := e.overlays[i].family; name != "" {
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
func useful(c *cell) []variant {
	all := slices.Clone(c.variants)
	slices.SortFunc(all, func(a, b variant) int {
		if d := len(a.policies) - len(b.policies); d != 0 {
			return d
		}
		return slices.Compare(reversed(a.policies), reversed(b.policies))
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
		Hint:    "where several of them hold for one request, only the strongest is used; make them exclude each other",
	}
}
