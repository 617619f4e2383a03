package translate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	previousv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/priority/previous_priorities/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Headers that Kibble reads and writes; those of linkerd mean what they did there.
const (
	HeaderDtab    = "l5d-dtab"         // a caller's own rules
	HeaderCtxDtab = "l5d-ctx-dtab"     // the same, as they travel on
	HeaderDst     = "l5d-dst-client"   // the bound name that a request was sent to
	HeaderErr     = "l5d-err"          // why a proxy answered itself, URL-encoded
	HeaderCluster = "x-kibble-cluster" // the cluster that the resolver chose
	HeaderNode    = "x-kibble-node"    // the node id of the proxy, while it asks the resolver
	HeaderRouter  = "x-kibble-router"  // gRPC metadata: the router that asks the resolver
	HeaderClass   = "x-kibble-class"   // gRPC metadata: the proxy class that asks it
	HeaderAsks    = "x-kibble-asks"    // gRPC metadata: AsksHost, or nothing where a rule is to be resolved

	headerAside    = "x-kibble-dtab" // rules from outside, until a policy grants them
	headerDogfood  = dogfood.ContextHeader
	headerRetry    = "l5d-retryable"
	extAuthzFilter = "envoy.filters.http.ext_authz"
)

// routeFor gives the route of an answer. The match is the caller's to fill in.
func (b *builder) routeFor(name string, c *cell, a answer) *routev3.Route {
	route := &routev3.Route{Name: name, Match: anyPath()}
	switch {
	case a.routed():
	case a.outcome == dtab.OutcomeNeg && b.router.unrouted != nil:
		b.router.unrouted.answer(route)
		return route
	default:
		b.refuse(route, 502, b.refusal(c, a))
		if a.outcome == dtab.OutcomeNeg && b.router.chosenBefore() {
			route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(headerRetry, "true"))
		}
		return route
	}
	action := b.action()
	action.UpgradeConfigs = b.router.noUpgrades(a)
	clusters := make([]need, len(a.branches))
	for i, br := range a.branches {
		n, ok := b.cluster(c, br)
		if !ok {
			b.refuse(route, 502, b.refusal(c, answer{
				outcome: dtab.OutcomeError,
				message: br.chain[0].id.String() + " is found by DNS, but its name is only a part of the host",
			}))
			return route
		}
		clusters[i] = n
	}
	if n := clusters[0]; len(clusters) == 1 {
		action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: n.name}
		route.RequestHeadersToAdd = slices.Concat(n.dstHeader(), a.baselineHeader())
		route.ResponseHeadersToAdd, route.ResponseHeadersToRemove = fallbackHeader(a, n), a.notFromBehind(n)
	} else {
		weighted := &routev3.WeightedCluster{}
		route.RequestHeadersToAdd = a.baselineHeader()
		for i, w := range wholeWeights(a.branches) {
			n := clusters[i]
			weighted.Clusters = append(weighted.Clusters, &routev3.WeightedCluster_ClusterWeight{
				Name: n.name, Weight: wrapperspb.UInt32(w), RequestHeadersToAdd: n.dstHeader(),
				ResponseHeadersToAdd: fallbackHeader(a, n), ResponseHeadersToRemove: a.notFromBehind(n),
			})
		}
		action.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: weighted}
	}
	route.Action = &routev3.Route_Route{Route: action}
	return route
}

// action gives what all routes of the router to a cluster have in common.
func (b *builder) action() *routev3.RouteAction {
	action := &routev3.RouteAction{
		Timeout:                     durationpb.New(0),
		ClusterNotFoundResponseCode: routev3.RouteAction_SERVICE_UNAVAILABLE,
	}
	if b.router.identifier.consume {
		action.RegexRewrite = consumeRewrite(b.router.identifier.n)
	}
	return action
}

// consumeRewrite takes the first n segments off the path of the URL.
func consumeRewrite(n int) *matcherv3.RegexMatchAndSubstitute {
	return &matcherv3.RegexMatchAndSubstitute{
		Pattern:      &matcherv3.RegexMatcher{Regex: fmt.Sprintf(`^(?:/+[^/]+){%d}/*`, n)},
		Substitution: "/",
	}
}

func anyPath() *routev3.RouteMatch {
	return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}
}

// dstHeader tells the receiver which bound name it stands for.
func (n need) dstHeader() []*corev3.HeaderValueOption {
	if n.dst() == "" {
		return nil
	}
	return []*corev3.HeaderValueOption{setHeader(HeaderDst, escapeFormat(n.dst()))}
}

func setHeader(key, value string) *corev3.HeaderValueOption {
	return headerIs(key, value, corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)
}

// What policies of routes and of calls to the control plane, which are of two types,
// have in common.
const (
	previousHosts = "envoy.retry_host_predicates.previous_hosts" // leaves out who was tried
	retryAfter    = 5 * time.Millisecond
	// Picks are random: with few attempts the one endpoint of two that was not
	// tried is sometimes not found, and the refusing one is asked again.
	hostSelections = 50
)

// retryPolicy tries again what was surely not delivered: a refused connection,
// or a proxy's word that it was not (linkerd's l5d-retryable). Each try goes to
// an endpoint that was not tried yet. It stands in clusters: in each route of a
// large table it would be the larger part of what travels, and of what a proxy
// on demand needs.
func retryPolicy() *routev3.RetryPolicy {
	return &routev3.RetryPolicy{
		RetryOn:    "connect-failure,refused-stream,retriable-headers",
		NumRetries: wrapperspb.UInt32(3),
		RetryHostPredicate: []*routev3.RetryPolicy_RetryHostPredicate{{
			Name: previousHosts, ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: mustAny(&previoushostsv3.PreviousHostsPredicate{})},
		}},
		HostSelectionRetryMaxAttempts: hostSelections,
		RetryBackOff: &routev3.RetryPolicy_RetryBackOff{
			BaseInterval: durationpb.New(retryAfter), MaxInterval: durationpb.New(50 * time.Millisecond),
		},
		RetriableHeaders: []*routev3.HeaderMatcher{exactHeader(headerRetry, "true")},
	}
}

// retryReceivers is retryPolicy where proxies receive the requests. They hear of
// changes by themselves: one may have to do with a name before it knows it, such as
// that of a port that was just renamed, and what it says then is that no application
// has seen the request. So there are tries until it must have heard of it: a
// hundredth of a second is the rule, and this goes on for a third of one.
func retryReceivers() *routev3.RetryPolicy {
	p := retryPolicy()
	p.NumRetries = wrapperspb.UInt32(mostRetries)
	p.RetryBackOff.MaxInterval = durationpb.New(500 * time.Millisecond)
	return p
}

// retryOthers has a call go to another control plane where one cannot answer, and back
// to the first where none can. The longest pause is never come to; but Envoy 1.40 gives
// each try as long, too (Utility::convertCoreToRouteRetryPolicy).
func retryOthers() *corev3.RetryPolicy {
	return &corev3.RetryPolicy{
		RetryOn:      "unavailable,connect-failure,refused-stream",
		NumRetries:   wrapperspb.UInt32(askedAgain),
		RetryBackOff: &corev3.BackoffStrategy{BaseInterval: durationpb.New(retryAfter), MaxInterval: durationpb.New(AskedMost)},
		RetryHostPredicate: []*corev3.RetryPolicy_RetryHostPredicate{{
			Name: previousHosts, ConfigType: &corev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: mustAny(&previoushostsv3.PreviousHostsPredicate{})},
		}},
		HostSelectionRetryMaxAttempts: controlPlaneSelections,
	}
}

const (
	// askedAgain is how often a proxy asks anew: each of up to four control planes at
	// once, and then each, for a turn of the three seconds that a resolver waits in all;
	// of two also where one of them is gone.
	askedAgain = 7
	// controlPlaneSelections and the one that it starts with are 7 times 7. Where Envoy
	// has tried all endpoints it takes the last one that it looked at: so it is the next
	// one each time, of up to 6, and not the same of two, three or five.
	controlPlaneSelections = 48
)

// triesOfMember is how often a member of an aggregate is tried before the next:
// where one of its endpoints refuses, another one is to answer, and not who
// stands in for it.
const triesOfMember = 2

// mostRetries bounds what one request may cost, whatever it is made of.
const mostRetries = 7

// retryMembers has a request try two endpoints of each member of an aggregate,
// one member after the other. With one endpoint that is asked twice, and is then
// left out for all requests (member's outlier detection). Envoy works it out for
// every request, also for those that are never tried again, so other clusters do
// without.
func retryMembers(members int) *routev3.RetryPolicy {
	p := retryPolicy()
	p.NumRetries = wrapperspb.UInt32(uint32(min(members*triesOfMember-1, mostRetries)))
	p.RetryPriority = &routev3.RetryPolicy_RetryPriority{
		Name: "envoy.retry_priorities.previous_priorities",
		ConfigType: &routev3.RetryPolicy_RetryPriority_TypedConfig{
			TypedConfig: mustAny(&previousv3.PreviousPrioritiesConfig{UpdateFrequency: triesOfMember}),
		},
	}
	return p
}

// mustAny packs a message. Packing fails only for messages that are not valid
// UTF-8; names are escaped before they come here.
func mustAny(m proto.Message) *anypb.Any {
	a := &anypb.Any{}
	if err := anypb.MarshalFrom(a, m, proto.MarshalOptions{Deterministic: true}); err != nil {
		panic(fmt.Sprintf("pack %T: %v", m, err))
	}
	return a
}

// wholeWeights scales shares to the whole numbers of Envoy, as small as exact
// ones can be. A share that is not zero keeps a weight of at least 1.
func wholeWeights(branches []branch) []uint32 {
	scale := 1e6
	for d := 1.0; d <= 10_000; d++ {
		fits := true
		for _, b := range branches {
			x := b.share * d
			fits = fits && math.Abs(x-math.Round(x)) < 1e-7 && math.Round(x) >= 1
		}
		if fits {
			scale = d
			break
		}
	}
	weights := make([]uint32, len(branches))
	for i, b := range branches {
		weights[i] = uint32(max(1, math.Round(b.share*scale)))
	}
	return weights
}

// refusal is the text for a name that is not routed.
func (b *builder) refusal(c *cell, a answer) string {
	why := b.hideMarks(c, a.why())
	text := "Unable to route request!\n\nhost: %REQ(:AUTHORITY)%\nrouter: " + b.router.key.String() + "\n"
	if a.owner != "" {
		text += "environment: " + a.owner + "\n"
	}
	if b.router.untrusted() {
		return text
	}
	name := b.hideMarks(c, c.name.String())
	return text + escapeFormat("service name: "+name+"\nreason: "+why+"\nexplain: kibble explain --router "+b.router.key.Name+" "+b.router.identifier.asked()) +
		"%REQ(:AUTHORITY)%\n"
}

// hideMarks takes the marks of a sample out of a text for people.
func (b *builder) hideMarks(c *cell, text string) string {
	for v := range c.sample.vars {
		for i := range maxAtoms {
			mark := c.sample.marks.at(v, i)
			text = strings.ReplaceAll(text, mark, "*")
			text = strings.ReplaceAll(text, hexEscaped(mark), "*")
		}
	}
	text = strings.ReplaceAll(text, c.sample.marks.method, "*")
	return strings.ReplaceAll(text, c.sample.marks.port, "*")
}

// hexEscaped is how a mark stands in the canonical text of a path with odd bytes.
func hexEscaped(mark string) string {
	var b strings.Builder
	for _, c := range []byte(mark) {
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}

// refuse makes the route a local reply. The text is a format string of Envoy.
func (b *builder) refuse(route *routev3.Route, status uint32, text string) {
	route.Action = &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{
		Status: status,
		BodyFormat: &corev3.SubstitutionFormatString{
			ContentType: "text/plain",
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: text},
			}},
		},
	}}
	if !b.router.untrusted() {
		first, _, _ := strings.Cut(text, "\n")
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(HeaderErr, urlEncode(first)))
	}
}

// escapeFormat makes a text stand for itself in Envoy's format strings.
func escapeFormat(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// urlEncode writes a text as the original writes l5d-err. Percent signs are
// doubled, since header values are format strings.
func urlEncode(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == ' ':
			b.WriteByte('+')
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.*", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%%%02X", c)
		}
	}
	return b.String()
}

func exactHeader(name, value string) *routev3.HeaderMatcher {
	return stringHeader(name, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: value}})
}

func regexHeader(name, expr string) *routev3.HeaderMatcher {
	return stringHeader(name, &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expr}},
	})
}

func stringHeader(name string, m *matcherv3.StringMatcher) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: m},
	}
}

// filledHeader holds for a header that is there and not empty.
func filledHeader(name string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name: name, InvertMatch: true, TreatMissingHeaderAsEmpty: true,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: envoyString(dogfood.Text{Op: dogfood.OpExact})},
	}
}

func presentHeader(name string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
	}
}
