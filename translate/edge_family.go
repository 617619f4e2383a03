package translate

import (
	"reflect"
	"slices"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"

	"kibble.dev/dogfood"
)

// memberLookup finds which of some policies holds by the value of a cookie or header
// in a hash map, so that a thousand environments cost as little as one.
type memberLookup struct {
	// cookie or header, in lower case, that names the member; one is set.
	cookie, header string
	// values of the members, in their order.
	values []string
	// rest is the condition that all members share; nil: there is no other.
	rest dogfood.Condition
}

// fewMembers is from how many members on a look-up costs a request less than a filter
// for each of them.
const fewMembers = 4

// newMemberLookup gives the lookup for the first of some policies, as many as are told
// apart by one comparison of a whole value and by nothing else; nil if those are few.
func newMemberLookup(policies []dogfood.Policy) *memberLookup {
	if len(policies) < fewMembers {
		return nil
	}
	first := conjuncts(policies[0].When)
	at := slices.IndexFunc(first, func(c dogfood.Condition) bool {
		return exactValue(c) != "" && !hasConjunct(policies[1], c)
	})
	if at < 0 {
		return nil
	}
	l := &memberLookup{}
	switch leaf := first[at].(type) {
	case dogfood.Cookie:
		l.cookie = leaf.Name
	case dogfood.Header:
		l.header = leaf.Name
	}
	seen := map[string]bool{}
	for _, p := range policies {
		own := conjuncts(p.When)
		if !l.tellsApart(own, first, at) || seen[exactValue(own[at])] {
			break
		}
		seen[exactValue(own[at])] = true
		l.values = append(l.values, exactValue(own[at]))
	}
	if len(l.values) < fewMembers {
		return nil
	}
	if rest := slices.Delete(slices.Clone(first), at, at+1); len(rest) == 1 {
		l.rest = rest[0]
	} else if len(rest) > 1 {
		l.rest = dogfood.All(rest)
	}
	return l
}

// tellsApart tells that two conditions differ in nothing but the value that the look-up
// goes by. Two shares of the same size are of different people.
func (l *memberLookup) tellsApart(own, first []dogfood.Condition, at int) bool {
	if len(own) != len(first) || exactValue(own[at]) == "" {
		return false
	}
	switch leaf := own[at].(type) {
	case dogfood.Cookie:
		if leaf.Name != l.cookie {
			return false
		}
	case dogfood.Header:
		if leaf.Name != l.header {
			return false
		}
	}
	for i := range own {
		if i != at && !reflect.DeepEqual(own[i], first[i]) {
			return false
		}
	}
	return true
}

// hasConjunct tells whether a policy asks for the same.
func hasConjunct(p dogfood.Policy, c dogfood.Condition) bool {
	return slices.ContainsFunc(conjuncts(p.When), func(own dogfood.Condition) bool { return own.String() == c.String() })
}

// conjuncts are the members of a condition that must all hold.
func conjuncts(c dogfood.Condition) []dogfood.Condition {
	if all, ok := c.(dogfood.All); ok {
		return all
	}
	return []dogfood.Condition{c}
}

// exactValue is what a cookie or header must be, or "". As text no cookie is "-", too
// (cookiesToState), so that a look-up for it would find everybody.
func exactValue(c dogfood.Condition) string {
	var t dogfood.Text
	switch c := c.(type) {
	case dogfood.Cookie:
		t = c.Is
	case dogfood.Header:
		t = c.Is
	}
	if t.Op != dogfood.OpExact || t.IgnoreCase || t.Want == "-" {
		return ""
	}
	return t.Want
}

// filter adds the id of the member whose value the request has.
func (l *memberLookup) filter(members []dogfood.Policy) *corev3.TypedExtensionConfig {
	actions := map[string]*xdsmatcherv3.Matcher_OnMatch{}
	for i, value := range l.values {
		actions[value] = execute([]*corev3.TypedExtensionConfig{effectOf(members[i])})
	}
	var input *xdscorev3.TypedExtensionConfig
	if l.cookie != "" {
		input = cookieInput(l.cookie)
	} else {
		input = headerInput(l.header)
	}
	tree := exactMap(input, actions, nil)
	if l.rest != nil {
		tree = when(conditionPredicate(l.rest), &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Matcher{Matcher: tree}})
	}
	return extension(members[0].ID, &compositev3.Composite{Matcher: tree})
}
