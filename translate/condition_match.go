package translate

import (
	"fmt"
	"strings"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	networkinputsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	ipv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/ip/v3"
	metadatamatchv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/metadata/v3"
	fractionv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/input_matchers/runtime_fraction/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/dogfood"
)

// Where the filters of a policy chain leave what conditions look at.
const (
	cookieNamespace = "kibble.cookie"                // dynamic metadata: one key per cookie
	cookieState     = "kibble.cookie."               // filter state, followed by the cookie's name
	claimState      = "kibble.claim."                // filter state, followed by provider and claim
	jwtNamespace    = "envoy.filters.http.jwt_authn" // dynamic metadata: one key per provider
)

// conditionPredicate turns a condition into Envoy's matcher, in a chain before
// which filters have laid out cookies and tokens.
func conditionPredicate(c dogfood.Condition) *xdsPredicate {
	switch c := c.(type) {
	case dogfood.All:
		return allOf(eachPredicate(c))
	case dogfood.Any:
		return anyOf(eachPredicate(c))
	case dogfood.Not:
		return noneOf(conditionPredicate(c.Condition))
	case dogfood.Cookie:
		return metadataMatches(cookieNamespace, []string{c.Name}, stringValue(c.Is))
	case dogfood.Header:
		return headerMatches(c.Name, c.Is)
	case dogfood.Source:
		return sourceMatches(c)
	case dogfood.JWT:
		return tokenMatches(c)
	case dogfood.Percent:
		return fractionMatches(c)
	}
	panic(fmt.Sprintf("no matcher for a condition of type %T", c)) // the interface is sealed
}

func eachPredicate(members []dogfood.Condition) []*xdsPredicate {
	out := make([]*xdsPredicate, len(members))
	for i, c := range members {
		out[i] = conditionPredicate(c)
	}
	return out
}

// tokenMatches holds where the provider has left a payload; its issuer was checked.
func tokenMatches(j dogfood.JWT) *xdsPredicate {
	payload := providerName(j)
	all := []*xdsPredicate{metadataMatches(jwtNamespace, []string{payload, "iss"}, stringValue(dogfood.Text{Op: dogfood.OpExact, Want: j.Issuer}))}
	for _, c := range j.Claims {
		all = append(all, metadataMatches(jwtNamespace, append([]string{payload}, c.Path...), claimValue(c)))
	}
	return allOf(all)
}

// claimValue matches a text, a list that has it, or what is written like it.
func claimValue(c dogfood.Claim) *matcherv3.ValueMatcher {
	text := stringValue(c.Is)
	kinds := []*matcherv3.ValueMatcher{text, {MatchPattern: &matcherv3.ValueMatcher_ListMatch{ListMatch: &matcherv3.ListMatcher{
		MatchPattern: &matcherv3.ListMatcher_OneOf{OneOf: text},
	}}}}
	if want, ok := c.Bool(); ok {
		kinds = append(kinds, &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_BoolMatch{BoolMatch: want}})
	}
	if want, ok := c.Number(); ok {
		kinds = append(kinds, &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_DoubleMatch{DoubleMatch: &matcherv3.DoubleMatcher{
			MatchPattern: &matcherv3.DoubleMatcher_Exact{Exact: want},
		}}})
	}
	return &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_OrMatch{OrMatch: &matcherv3.OrMatcher{ValueMatchers: kinds}}}
}

func headerMatches(name string, is dogfood.Text) *xdsPredicate {
	return matchesValue(headerInput(name), xdsString(is))
}

func sourceMatches(s dogfood.Source) *xdsPredicate {
	ranges := make([]*corev3.CidrRange, len(s.Ranges))
	for i, r := range s.Ranges {
		ranges[i] = &corev3.CidrRange{AddressPrefix: r.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(r.Bits()))}
	}
	return matchesBy(
		xdsExtension("envoy.matching.inputs.source_ip", &networkinputsv3.SourceIPInput{}),
		xdsExtension("envoy.matching.matchers.ip", &ipv3.Ip{StatPrefix: "dogfood", CidrRanges: ranges}),
	)
}

// fractionMatches compares the hash of a value that is not empty.
func fractionMatches(p dogfood.Percent) *xdsPredicate {
	below := xdsExtension("envoy.matching.matchers.runtime_fraction", &fractionv3.RuntimeFraction{
		RuntimeFraction: &corev3.RuntimeFractionalPercent{
			DefaultValue: &typev3.FractionalPercent{Numerator: p.Millionths, Denominator: typev3.FractionalPercent_MILLION},
		},
		Seed: p.Seed,
	})
	if p.Cookie != "" {
		// Without the cookie the text is "-", which is a person like any other.
		there := metadataMatches(cookieNamespace, []string{p.Cookie}, stringValue(dogfood.AnyText()))
		return allOf([]*xdsPredicate{there, matchesBy(cookieInput(p.Cookie), below)})
	}
	if p.Token != nil {
		return allOf([]*xdsPredicate{claimIsText(p), matchesBy(claimInput(p), below)})
	}
	input := headerInput(p.Header)
	empty := matchesValue(input, xdsString(dogfood.Text{Op: dogfood.OpExact}))
	return allOf([]*xdsPredicate{noneOf(empty), matchesBy(input, below)})
}

// claimIsText holds where the provider has left a claim that is a text, and not
// an empty one.
func claimIsText(p dogfood.Percent) *xdsPredicate {
	path := append([]string{providerName(*p.Token)}, p.Claim...)
	empty := metadataMatches(jwtNamespace, path, stringValue(dogfood.Text{Op: dogfood.OpExact}))
	return allOf([]*xdsPredicate{metadataMatches(jwtNamespace, path, stringValue(dogfood.AnyText())), noneOf(empty)})
}

// claimInput is a claim as text, for matchers that need it so.
func claimInput(p dogfood.Percent) *xdscorev3.TypedExtensionConfig {
	return xdsExtension("envoy.matching.inputs.filter_state", &networkinputsv3.FilterStateInput{Key: claimKey(p)})
}

func claimKey(p dogfood.Percent) string {
	return claimState + providerName(*p.Token) + ":" + strings.Join(p.Claim, ":")
}

// cookieInput is a cookie as text, for matchers that need it so.
func cookieInput(name string) *xdscorev3.TypedExtensionConfig {
	return xdsExtension("envoy.matching.inputs.filter_state", &networkinputsv3.FilterStateInput{Key: cookieState + name})
}

func metadataMatches(namespace string, path []string, value *matcherv3.ValueMatcher) *xdsPredicate {
	input := &networkinputsv3.DynamicMetadataInput{Filter: namespace}
	for _, key := range path {
		input.Path = append(input.Path, &networkinputsv3.DynamicMetadataInput_PathSegment{
			Segment: &networkinputsv3.DynamicMetadataInput_PathSegment_Key{Key: key},
		})
	}
	return matchesBy(
		xdsExtension("envoy.matching.inputs.dynamic_metadata", input),
		xdsExtension("envoy.matching.matchers.metadata_matcher", &metadatamatchv3.Metadata{Value: value}),
	)
}
