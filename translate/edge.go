package translate

import (
	"slices"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	matchingv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/matching/v3"
	skipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/matcher/action/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/dogfood"
)

// newPolicyExtension is the filter that decides policies, to be delivered by
// extension discovery under the name, so that a change of a policy drains no
// listener. It writes the ids of those that hold into l5d-ctx-dogfood, in the
// order of dogfood.InContext, and lets the request be routed again. Where one
// of them grants it, the caller's own rules become l5d-dtab once more. It trusts
// that both headers were removed before (see setRulesAside), and that the filter
// of newTokenExtension has run. Before all that, and also without policies, it
// takes out of baggage what could be ours: as a filter of its own that would
// cost each request as much as this one.
//
// A request that shows nothing of what any policy asks for pays for one look at
// a few headers: the chain of filters is built only behind a guard.
func newPolicyExtension(name string, policies []dogfood.Policy) (*corev3.TypedExtensionConfig, error) {
	config := &compositev3.Composite{Matcher: stripMatcher()}
	if len(policies) > 0 {
		config.Matcher = withLinks(policies, guarded(policies, execute(policyChain(policies)), config.Matcher))
	}
	ext := extension(name, config)
	return ext, validateDeep(ext)
}

// guarded runs the action for requests for which a policy may hold; for others
// the rest decides.
func guarded(policies []dogfood.Policy, action *xdsmatcherv3.Matcher_OnMatch, rest *xdsmatcherv3.Matcher) *xdsmatcherv3.Matcher {
	guard := policyGuard(conditionsOf(policies))
	if guard == nil {
		return &xdsmatcherv3.Matcher{OnNoMatch: action}
	}
	m := when(guard, action)
	m.OnNoMatch = nested(rest)
	return m
}

// policyChain cleans baggage, lays out what conditions look at, decides policy after policy,
// and has the request routed by the headers that it has by then: Envoy picks a
// route before any filter runs, and changing headers alone does not make it pick
// again.
func policyChain(policies []dogfood.Policy) []*corev3.TypedExtensionConfig {
	rows := policyRows(dogfood.InContext(policies))
	chain := append([]*corev3.TypedExtensionConfig{stripInChain()}, layOut(conditionsOf(policies), rows)...)
	for _, row := range rows {
		chain = append(chain, row.filter())
	}
	return append(chain, routeAgain())
}

// layOut puts what conditions look at where matchers find it.
func layOut(conditions []dogfood.Condition, rows []policyRow) []*corev3.TypedExtensionConfig {
	var chain []*corev3.TypedExtensionConfig
	if names := cookiesOf(conditions); len(names) > 0 {
		chain = append(chain, cookiesToMetadata(names))
	}
	if names := cookieTexts(conditions, rows); len(names) > 0 {
		chain = append(chain, cookiesToState(names))
	}
	if claims := claimTexts(conditions); len(claims) > 0 {
		chain = append(chain, claimsToState(claims))
	}
	return chain
}

// policyRow is what one filter decides: a policy, or several that differ only in the
// value of one cookie or header.
type policyRow struct {
	policies []dogfood.Policy
	// lookup says how several are told apart; nil: there is one policy.
	lookup *memberLookup
}

// policyRows groups policies, which are in the order of the context.
func policyRows(policies []dogfood.Policy) []policyRow {
	var rows []policyRow
	for len(policies) > 0 {
		row := policyRow{policies: policies[:1], lookup: newMemberLookup(policies)}
		if row.lookup != nil {
			row.policies = policies[:len(row.lookup.values)]
		}
		rows = append(rows, row)
		policies = policies[len(row.policies):]
	}
	return rows
}

func (r policyRow) filter() *corev3.TypedExtensionConfig {
	if r.lookup != nil {
		return r.lookup.filter(r.policies)
	}
	p := r.policies[0]
	return extension(p.ID, &matchingv3.ExtensionWithMatcher{
		ExtensionConfig: effectOf(p),
		XdsMatcher:      when(noneOf(conditionPredicate(p.When)), act("skip", &skipv3.SkipFilter{})),
	})
}

func conditionsOf(policies []dogfood.Policy) []dogfood.Condition {
	all := make([]dogfood.Condition, len(policies))
	for i, p := range policies {
		all[i] = p.When
	}
	return all
}

// eachLeaf visits the leaves of a condition in order.
func eachLeaf(c dogfood.Condition, visit func(dogfood.Condition)) {
	switch c := c.(type) {
	case dogfood.All:
		for _, member := range c {
			eachLeaf(member, visit)
		}
	case dogfood.Any:
		for _, member := range c {
			eachLeaf(member, visit)
		}
	case dogfood.Not:
		eachLeaf(c.Condition, visit)
	default:
		visit(c)
	}
}

// cookiesOf gives the cookies that conditions look at, sorted. Tokens in
// cookies are found by the filter that checks them.
func cookiesOf(conditions []dogfood.Condition) []string {
	var names []string
	for _, c := range conditions {
		eachLeaf(c, func(leaf dogfood.Condition) {
			switch leaf := leaf.(type) {
			case dogfood.Cookie:
				names = append(names, leaf.Name)
			case dogfood.Percent:
				names = append(names, leaf.Cookie)
			}
		})
	}
	return sortedNames(names)
}

// cookieTexts gives the cookies that matchers need as text, sorted.
func cookieTexts(conditions []dogfood.Condition, rows []policyRow) []string {
	var names []string
	for _, c := range conditions {
		eachLeaf(c, func(leaf dogfood.Condition) {
			if p, ok := leaf.(dogfood.Percent); ok {
				names = append(names, p.Cookie)
			}
		})
	}
	for _, r := range rows {
		if r.lookup != nil {
			names = append(names, r.lookup.cookie)
		}
	}
	return sortedNames(names)
}

// claimTexts gives the claims that matchers need as text: the key of each in the
// filter state, and the format that gives it.
func claimTexts(conditions []dogfood.Condition) map[string]string {
	formats := map[string]string{}
	for _, c := range conditions {
		eachLeaf(c, func(leaf dogfood.Condition) {
			if p, ok := leaf.(dogfood.Percent); ok && p.Token != nil {
				path := strings.Join(append([]string{jwtNamespace, providerName(*p.Token)}, p.Claim...), ":")
				formats[claimKey(p)] = "%DYNAMIC_METADATA(" + path + ")%"
			}
		})
	}
	return formats
}

// sortedNames sorts names and drops repeated and empty ones.
func sortedNames(names []string) []string {
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// when takes the action where the predicate holds.
func when(p *xdsPredicate, action *xdsmatcherv3.Matcher_OnMatch) *xdsmatcherv3.Matcher {
	return &xdsmatcherv3.Matcher{MatcherType: &xdsmatcherv3.Matcher_MatcherList_{MatcherList: &xdsmatcherv3.Matcher_MatcherList{
		Matchers: []*xdsmatcherv3.Matcher_MatcherList_FieldMatcher{{Predicate: p, OnMatch: action}},
	}}}
}

// execute runs filters in order.
func execute(chain []*corev3.TypedExtensionConfig) *xdsmatcherv3.Matcher_OnMatch {
	return act("execute", &compositev3.ExecuteFilterAction{
		FilterChain: &compositev3.FilterChainConfiguration{TypedConfig: chain},
	})
}

func act(name string, config proto.Message) *xdsmatcherv3.Matcher_OnMatch {
	return &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Action{
		Action: &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: mustAny(config)},
	}}
}

func extension(name string, config proto.Message) *corev3.TypedExtensionConfig {
	return &corev3.TypedExtensionConfig{Name: name, TypedConfig: mustAny(config)}
}
