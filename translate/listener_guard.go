package translate

import (
	"slices"
	"time"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	earlyv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/http/early_header_mutation/header_mutation/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/dogfood"
)

// Limits for clients that are anybody, as the Envoy project recommends for
// edge proxies (docs: best_practices/edge).
const (
	headersMost        = 100
	headersKB          = 60
	streamsMost        = 100
	streamWindow       = 64 << 10
	connectionWindow   = 1 << 20
	connectionIdle     = 5 * time.Minute
	streamIdle         = 5 * time.Minute
	requestMost        = 5 * time.Minute
	requestHeadersMost = 10 * time.Second
)

// ownPrefix begins the names of the headers by which filters, routes and the log of
// one proxy talk to each other. Nobody else may write them.
const ownPrefix = "x-kibble-"

// outsidePrefixes begin the names of headers that nobody outside may send.
func outsidePrefixes() []string { return dogfood.CarrierPrefixes() }

// guardClients keeps clients from what they could do to the proxy, and from
// spellings that an application may read differently than the proxy does.
func guardClients(hcm *hcmv3.HttpConnectionManager) {
	hcm.UseRemoteAddress = wrapperspb.Bool(true)
	hcm.NormalizePath = wrapperspb.Bool(true)
	hcm.MergeSlashes = true
	hcm.PathWithEscapedSlashesAction = hcmv3.HttpConnectionManager_UNESCAPE_AND_REDIRECT
	hcm.CommonHttpProtocolOptions = &corev3.HttpProtocolOptions{
		IdleTimeout:                  durationpb.New(connectionIdle),
		MaxHeadersCount:              wrapperspb.UInt32(headersMost),
		HeadersWithUnderscoresAction: corev3.HttpProtocolOptions_REJECT_REQUEST,
	}
	hcm.Http2ProtocolOptions = &corev3.Http2ProtocolOptions{
		MaxConcurrentStreams:        wrapperspb.UInt32(streamsMost),
		InitialStreamWindowSize:     wrapperspb.UInt32(streamWindow),
		InitialConnectionWindowSize: wrapperspb.UInt32(connectionWindow),
	}
	hcm.MaxRequestHeadersKb = wrapperspb.UInt32(headersKB)
	hcm.StreamIdleTimeout = durationpb.New(streamIdle)
	hcm.RequestTimeout = durationpb.New(requestMost)
	hcm.RequestHeadersTimeout = durationpb.New(requestHeadersMost)
}

// early changes headers before the route is picked and before any filter reads
// them: the only place in Envoy that is early enough and takes prefixes. Names
// are in lower case by then.
func early(mutations []*mutationrulesv3.HeaderMutation) []*corev3.TypedExtensionConfig {
	return []*corev3.TypedExtensionConfig{
		extension("envoy.http.early_header_mutation.header_mutation", &earlyv3.HeaderMutation{Mutations: mutations}),
	}
}

// setRulesAside removes what nobody outside may send, and keeps a client's own
// rules under a name that says nothing yet: whether they count is for policies
// to say, once the route is picked. The lines become one, joined by commas, so
// that none gets lost; our own names go first, so that nobody writes that one.
func setRulesAside() []*mutationrulesv3.HeaderMutation {
	all := removePrefixes([]string{ownPrefix})
	all = append(all, appendHeader(setHeader(headerAside, "%CEL(request.headers['"+HeaderDtab+"'])%")))
	others := slices.DeleteFunc(outsidePrefixes(), func(prefix string) bool { return prefix == ownPrefix })
	return append(all, removePrefixes(others)...)
}

// removeTraces takes away what a client says of traces.
func removeTraces() []*mutationrulesv3.HeaderMutation {
	all := removePrefixes([]string{traceHeaderPrefix})
	for _, name := range traceHeaders() {
		all = append(all, removeHeader(name))
	}
	return all
}

func removePrefixes(prefixes []string) []*mutationrulesv3.HeaderMutation {
	all := make([]*mutationrulesv3.HeaderMutation, len(prefixes))
	for i, prefix := range prefixes {
		all[i] = &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_RemoveOnMatch_{
			RemoveOnMatch: &mutationrulesv3.HeaderMutation_RemoveOnMatch{KeyMatcher: &matcherv3.StringMatcher{
				MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: prefix},
			}},
		}}
	}
	return all
}
