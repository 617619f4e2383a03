package translate

import (
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"kibble.dev/dogfood"
)

// headerOutside is how the first filter of an aggregate tells the next one that
// the endpoint of this attempt is outside.
const headerOutside = ownPrefix + "outside"

// markOutside says of every endpoint that it is outside.
func markOutside(cla *endpointv3.ClusterLoadAssignment) *endpointv3.ClusterLoadAssignment {
	for _, group := range cla.Endpoints {
		for _, e := range group.LbEndpoints {
			e.Metadata.FilterMetadata[metadataKey].Fields["outside"] = structpb.NewStringValue("1")
		}
	}
	return cla
}

// tellMember names the member that was chosen in l5d-dst-client.
func tellMember() *hcmv3.HttpFilter {
	return mutate(appendHeader(setHeader(HeaderDst, "%UPSTREAM_METADATA("+metadataKey+":dst)%")))
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
		appendHeader(setHeader(headerOutside, "%UPSTREAM_METADATA("+metadataKey+":outside)%")),
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

func mutate(mutations ...*mutationrulesv3.HeaderMutation) *hcmv3.HttpFilter {
	return httpFilter(mutationFilter, &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{RequestMutations: mutations}})
}

func appendHeader(h *corev3.HeaderValueOption) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Append{Append: h}}
}

func removeHeader(name string) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: name}}
}
