package translate

import (
	"slices"
	"time"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	forwardv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/dynamic_forward_proxy/v3"
	authzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	chainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/dogfood"
)

// controlPlaneCluster is the control plane in every bootstrap.
const controlPlaneCluster = "xds_cluster"

// policyExtensionName is the name of the extension that newPolicyExtension makes
// for a router.
func policyExtensionName(router string) string { return router + "/policies/chain" }

// tokenExtensionName is the name of the extension that newTokenExtension makes,
// beside that of the policies.
func tokenExtensionName(policyExtension string) string { return policyExtension + "/tokens" }

// resolverAway is what Envoy answers where the resolver does not. The resolver
// itself never says it, so that localReplies can tell the two apart.
const resolverAway = typev3.StatusCode_GatewayTimeout

// AskedMost is how long a request waits for the control plane: for the resolver's
// answer, and at a router on demand for its cluster. A control plane that has no
// processor for a while, as under a quota or with thousands of proxies that connect at
// once, is late and not away: one that is away refuses at once.
const AskedMost = 5 * time.Second

// httpFilters are run in this order: outside, tokens are checked, baggage is cleaned of what outsiders
// wrote, and policies are decided; baggage is read or written; a caller's own rule is resolved, the
// last changes to headers are made, and the request is sent. Each filter costs each request about
// 1 µs, whether it has something to do or not.
func httpFilters(r listenerSpec) []*hcmv3.HttpFilter {
	var filters []*hcmv3.HttpFilter
	switch {
	case r.Untrusted && r.Policies:
		filters = append(filters,
			delivered(tokenExtensionName(r.PolicyExtension), withoutTokens()),
			delivered(r.PolicyExtension, withoutPolicies()))
	case r.Untrusted:
		filters = append(filters, stripBaggage())
	}
	if context := contextFilter(r); context != nil {
		filters = append(filters, context)
	}
	if r.AdHoc {
		filters = append(filters, delivered(foretoldName(r.Router), withoutOverrides()), askResolver(r))
	}
	if r.Untrusted {
		filters = append(filters, httpFilter(mutationFilter, lastMutations(r)))
	}
	if r.AsksHosts {
		filters = append(filters, askAboutHost(r))
	}
	if r.OnDemand { // from here on the route is known
		filters = append(filters, askForClusters())
	}
	if r.DynamicForwardProxy {
		filters = append(filters, httpFilter("envoy.filters.http.dynamic_forward_proxy", &forwardv3.FilterConfig{
			ImplementationSpecifier: &forwardv3.FilterConfig_DnsCacheConfig{DnsCacheConfig: dnsCacheConfig()},
		}))
	}
	return append(filters, httpFilter(routerFilter, &routerv3.Router{SuppressEnvoyHeaders: true, DynamicStats: countAnswers(r)}))
}

// What a listener goes by until it has its policies, tokens or overrides.
func withoutPolicies() proto.Message  { return &compositev3.Composite{Matcher: stripMatcher()} }
func withoutTokens() proto.Message    { return &chainv3.FilterChainConfig{} }
func withoutOverrides() proto.Message { return &compositev3.Composite{} }

// delivered is the place of a filter whose config comes by extension discovery under
// the filter's name. A proxy that refuses the first one that it is given goes by the
// config without: else Envoy would open the listener and answer every request with 500.
func delivered(name string, without proto.Message) *hcmv3.HttpFilter {
	config := mustAny(without)
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{
		ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource:  beforeOpening(),
			DefaultConfig: config,
			TypeUrls:      []string{config.TypeUrl},
		},
	}}
}

// askResolver asks about requests that carry rules when its turn comes and that
// nothing has answered yet. That a route turns it on would not do: what a route
// says about a filter counts only if it is the first one that was picked, which
// a policy's decision changes. The resolver is told only of
// the headers that its answer depends on, so of no cookie or token, and of every
// line as it is, since lines of l5d-dtab are rules of their own.
//
// Of several control planes the one has to answer that the proxy is connected to,
// since it alone can tell it of a cluster: another one says that it is not available.
func askResolver(r listenerSpec) *hcmv3.HttpFilter {
	ask := extension(extAuthzFilter, &authzv3.ExtAuthz{
		StatPrefix:          statName(r.Name),
		TransportApiVersion: corev3.ApiVersion_V3,
		Services:            asksControlPlane(r),
		ClearRouteCache:     true,
		EncodeRawHeaders:    true,
		AllowedHeaders:      exactly(HeaderDtab, HeaderCtxDtab, headerDogfood, r.Identifying, HeaderNode),
		StatusOnError:       &typev3.HttpStatus{Code: resolverAway},
	})
	return whenNotAnswered("kibble.ask", anyOf([]*xdsPredicate{hasHeader(HeaderDtab), hasHeader(HeaderCtxDtab)}),
		sayWho(), ask)
}

// sayWho has the request say which proxy asks, until it is routed (resolvedRoute).
// In the initial metadata of the call the same expression ends Envoy 1.40: they are
// read by a thread that may not make one.
func sayWho() *corev3.TypedExtensionConfig {
	return extension("who", &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
		RequestMutations: []*mutationrulesv3.HeaderMutation{appendHeader(setHeader(HeaderNode, "%CEL(xds.node.id)%"))},
	}})
}

// whenNotAnswered runs filters for requests of which a predicate holds, nil for
// all, and whose cluster nothing has named yet.
func whenNotAnswered(name string, holds *xdsPredicate, filters ...*corev3.TypedExtensionConfig) *hcmv3.HttpFilter {
	p := noneOf(hasHeader(HeaderCluster))
	if holds != nil {
		p = allOf([]*xdsPredicate{holds, p})
	}
	return httpFilter(name, &compositev3.Composite{Matcher: when(p, execute(filters))})
}

// exactly matches the names that are not empty.
func exactly(names ...string) *matcherv3.ListStringMatcher {
	list := &matcherv3.ListStringMatcher{}
	for _, name := range sortedNames(names) {
		list.Patterns = append(list.Patterns, &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: name}})
	}
	return list
}

// lastMutations are made on every request of an untrusted router after its route
// is known; routes add their own. Nothing of ours goes out, and nothing comes in
// by way of trailers, which are read after the route was picked.
func lastMutations(r listenerSpec) *mutationv3.HeaderMutation {
	strip := removePrefixes(outsidePrefixes())
	var request []*mutationrulesv3.HeaderMutation
	if r.AdHoc { // also where no policy was decided, or none grants
		request = append(request, removeHeader(headerAside))
	}
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
		RequestMutations:          request,
		RequestTrailersMutations:  append(slices.Clone(strip), removeHeader(dogfood.BaggageHeader)),
		ResponseMutations:         strip,
		ResponseTrailersMutations: strip,
	}}
}
