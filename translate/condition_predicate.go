package translate

import (
	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/dogfood"
)

// xdsPredicate is one node of Envoy's condition trees.
type xdsPredicate = xdsmatcherv3.Matcher_MatcherList_Predicate

func stringValue(t dogfood.Text) *matcherv3.ValueMatcher {
	return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_StringMatch{StringMatch: envoyString(t)}}
}

// envoyString and xdsString give the two forms in which Envoy knows a comparison.
func envoyString(t dogfood.Text) *matcherv3.StringMatcher {
	m := &matcherv3.StringMatcher{IgnoreCase: t.IgnoreCase && t.Op != dogfood.OpRegex}
	switch t.Op {
	case dogfood.OpPrefix:
		m.MatchPattern = &matcherv3.StringMatcher_Prefix{Prefix: t.Want}
	case dogfood.OpSuffix:
		m.MatchPattern = &matcherv3.StringMatcher_Suffix{Suffix: t.Want}
	case dogfood.OpContains:
		m.MatchPattern = &matcherv3.StringMatcher_Contains{Contains: t.Want}
	case dogfood.OpRegex:
		m.MatchPattern = &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: t.Pattern}}
	default:
		m.MatchPattern = &matcherv3.StringMatcher_Exact{Exact: t.Want}
	}
	return m
}

func xdsString(t dogfood.Text) *xdsmatcherv3.StringMatcher {
	m := &xdsmatcherv3.StringMatcher{IgnoreCase: t.IgnoreCase && t.Op != dogfood.OpRegex}
	switch t.Op {
	case dogfood.OpPrefix:
		m.MatchPattern = &xdsmatcherv3.StringMatcher_Prefix{Prefix: t.Want}
	case dogfood.OpSuffix:
		m.MatchPattern = &xdsmatcherv3.StringMatcher_Suffix{Suffix: t.Want}
	case dogfood.OpContains:
		m.MatchPattern = &xdsmatcherv3.StringMatcher_Contains{Contains: t.Want}
	case dogfood.OpRegex:
		m.MatchPattern = &xdsmatcherv3.StringMatcher_SafeRegex{SafeRegex: &xdsmatcherv3.RegexMatcher{
			EngineType: &xdsmatcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &xdsmatcherv3.RegexMatcher_GoogleRE2{}},
			Regex:      t.Pattern,
		}}
	default:
		m.MatchPattern = &xdsmatcherv3.StringMatcher_Exact{Exact: t.Want}
	}
	return m
}

func matchesValue(input *xdscorev3.TypedExtensionConfig, value *xdsmatcherv3.StringMatcher) *xdsPredicate {
	return single(&xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
		Input:   input,
		Matcher: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: value},
	})
}

func matchesBy(input, matcher *xdscorev3.TypedExtensionConfig) *xdsPredicate {
	return single(&xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
		Input:   input,
		Matcher: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate_CustomMatch{CustomMatch: matcher},
	})
}

func single(s *xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate) *xdsPredicate {
	return &xdsPredicate{MatchType: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate_{SinglePredicate: s}}
}

// allOf and anyOf leave a single member alone: Envoy asks for two or more.
func allOf(members []*xdsPredicate) *xdsPredicate {
	if len(members) == 1 {
		return members[0]
	}
	return &xdsPredicate{MatchType: &xdsmatcherv3.Matcher_MatcherList_Predicate_AndMatcher{
		AndMatcher: &xdsmatcherv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: members},
	}}
}

func anyOf(members []*xdsPredicate) *xdsPredicate {
	if len(members) == 1 {
		return members[0]
	}
	return &xdsPredicate{MatchType: &xdsmatcherv3.Matcher_MatcherList_Predicate_OrMatcher{
		OrMatcher: &xdsmatcherv3.Matcher_MatcherList_Predicate_PredicateList{Predicate: members},
	}}
}

func noneOf(p *xdsPredicate) *xdsPredicate {
	return &xdsPredicate{MatchType: &xdsmatcherv3.Matcher_MatcherList_Predicate_NotMatcher{NotMatcher: p}}
}

func xdsExtension(name string, config proto.Message) *xdscorev3.TypedExtensionConfig {
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: mustAny(config)}
}
