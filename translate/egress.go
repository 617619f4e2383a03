package translate

import (
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"kibble.dev/dogfood"
)

// headerOutside is how the first filter of an aggregate tells the next one that
// the endpoint of this attempt is outside.
const headerOutside = ownPrefix + "outside"

// What an endpoint says in its metadata: behind the first of several the bound name
// that it stands for, and that it is a stand-in; and that it is outside.
const (
	saysDst     = "dst"
	saysStandIn = "stand-in"
	saysOutside = "outside"
)

// endpointSays is a format: a value of the metadata of the endpoint that was chosen.
// Where it is not there, no header is written.
func endpointSays(key string) string { return "%UPSTREAM_METADATA(" + metadataKey + ":" + key + ")%" }

// tellMember names the member that was chosen in l5d-dst-client, whatever an
// attempt before has said. If it may be a stand-in, its requests have HeaderBaseline,
// and its answers HeaderFallback, for the route to say what is passed over
// (fallbackHeader).
func tellMember(first string, role role) *hcmv3.HttpFilter {
	m := &mutationv3.Mutations{RequestMutations: []*mutationrulesv3.HeaderMutation{
		appendHeader(setHeader(HeaderDst, escapeFormat(first))),
		appendHeader(setHeader(HeaderDst, endpointSays(saysDst))),
	}}
	if role == roleStandIn {
		m.RequestMutations = append(m.RequestMutations, appendHeader(setHeader(HeaderBaseline, endpointSays(saysStandIn))))
		m.ResponseMutations = []*mutationrulesv3.HeaderMutation{
			removeHeader(HeaderFallback), appendHeader(setHeader(HeaderFallback, endpointSays(saysStandIn))),
		}
	}
	return httpFilter(mutationFilter, &mutationv3.HeaderMutation{Mutations: m})
}

// dropContext removes everything of ours from a request that leaves, and our
// member of baggage.
func dropContext() []*hcmv3.HttpFilter {
	return []*hcmv3.HttpFilter{
		httpFilter(mutationFilter, leaveContext()),
		stripBaggage(),
	}
}

// dropContextOutside does so for attempts at endpoints outside only. Trailers
// lose it in any case: nobody inside reads it there.
func dropContextOutside() []*hcmv3.HttpFilter {
	mark := leaveContext()
	mark.Mutations.RequestMutations = []*mutationrulesv3.HeaderMutation{
		removeHeader(headerOutside),
		appendHeader(setHeader(headerOutside, endpointSays(saysOutside))),
	}
	return []*hcmv3.HttpFilter{httpFilter(mutationFilter, mark), httpFilter("leave", luaConfig("leave(handle)"))}
}

// leaveContext is for headers and for trailers.
func leaveContext() *mutationv3.HeaderMutation {
	ours := removePrefixes(dogfood.CarrierPrefixes())
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
		RequestMutations: ours, RequestTrailersMutations: append(ours, removeHeader(dogfood.BaggageHeader)),
	}}
}

func appendHeader(h *corev3.HeaderValueOption) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Append{Append: h}}
}

func removeHeader(name string) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: name}}
}
