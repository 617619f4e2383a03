package translate

import (
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	compositev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/composite/v3"
	forwardv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/dynamic_forward_proxy/v3"
	authzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// controlPlaneCluster is the control plane in every bootstrap.
const controlPlaneCluster = "xds_cluster"

// askClass is metadata of a call to the resolver: the proxy class that asks.
const askClass = "x-kibble-class"

// tokenExtensionName is the name of the extension that newTokenExtension makes,
// beside that of the policies.
func tokenExtensionName(policyExtension string) string { return policyExtension + "/tokens" }

// resolverTimeout is how long a request with a rule of its own waits for the resolver.
const resolverTimeout = time.Second

// httpFilters are run in this order: tokens are checked, policies are decided, a caller's own rule
// is resolved, the last changes to headers are made, and the request is sent.
func httpFilters(r listenerSpec) []*hcmv3.HttpFilter {
	var filters []*hcmv3.HttpFilter
	if r.Untrusted && r.Policies {
		filters = append(filters,
			delivered(tokenExtensionName(r.PolicyExtension), &jwtv3.JwtAuthentication{}),
			delivered(r.PolicyExtension, &compositev3.Composite{}))
	}
	if r.AdHoc {
		filters = append(filters, askResolver(r))
	}
	filters = append(filters, httpFilter(mutationFilter, lastMutations(r)))
	if r.DynamicForwardProxy {
		filters = append(filters, httpFilter("envoy.filters.http.dynamic_forward_proxy", &forwardv3.FilterConfig{
			ImplementationSpecifier: &forwardv3.FilterConfig_DnsCacheConfig{DnsCacheConfig: dnsCacheConfig()},
		}))
	}
	return append(filters, httpFilter(routerFilter, &routerv3.Router{SuppressEnvoyHeaders: true}))
}

// delivered is the place of a filter whose config, of the type of an empty
// one, comes by extension discovery under the filter's name.
func delivered(name string, empty proto.Message) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{
		ConfigDiscovery: &corev3.ExtensionConfigSource{
			ConfigSource: beforeOpening(),
			TypeUrls:     []string{mustAny(empty).TypeUrl},
		},
	}}
}

// askResolver is off but for routes that turn it on. The resolver is told of
// every header line as it is, since lines of l5d-dtab are rules of their own.
func askResolver(r listenerSpec) *hcmv3.HttpFilter {
	f := httpFilter(extAuthzFilter, &authzv3.ExtAuthz{
		StatPrefix:          statName(r.Name),
		TransportApiVersion: corev3.ApiVersion_V3,
		Services: &authzv3.ExtAuthz_GrpcService{GrpcService: &corev3.GrpcService{
			TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: controlPlaneCluster}},
			Timeout:         durationpb.New(resolverTimeout),
			InitialMetadata: []*corev3.HeaderValue{{Key: HeaderRouter, Value: r.Router}, {Key: askClass, Value: r.Class}},
		}},
		ClearRouteCache:  true,
		EncodeRawHeaders: true,
		StatusOnError:    &typev3.HttpStatus{Code: typev3.StatusCode_ServiceUnavailable},
	})
	f.Disabled = true
	return f
}

// lastMutations are made on every request after its route is known; routes add
// their own. Outside, nothing of ours comes back, and nothing comes in by way
// of trailers, which are read after the route was picked.
func lastMutations(r listenerSpec) *mutationv3.HeaderMutation {
	if !r.Untrusted {
		return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
			RequestTrailersMutations: removePrefixes([]string{ownPrefix}),
		}}
	}
	strip := removePrefixes(outsidePrefixes())
	return &mutationv3.HeaderMutation{Mutations: &mutationv3.Mutations{
		RequestTrailersMutations:  strip,
		ResponseMutations:         strip,
		ResponseTrailersMutations: strip,
	}}
}
