package translate

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	authzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Thousands of virtual hosts cost a proxy too. At a router on demand whose table
// leads requests for hosts that it does not know nowhere, a proxy has only those
// that lead to a cluster which it has. A request for another one meets the
// virtual host for all others, which turns a filter on that asks the control
// plane: it names the cluster (see hostanswer.go), or lets the virtual host
// refuse the request. The proxy, which then asks for this cluster by name, is
// given the virtual host with it, and never asks again. Envoy has on-demand VHDS
// for this, but there a request waits without a limit while nobody answers.

// AsksHost is the value of HeaderAsks where it is asked about a host.
const AsksHost = "host"

const (
	hostFilter = "kibble.host"
	// askedAway is what Envoy answers where no control plane says where a host leads,
	// so that localReplies can tell. Its clients get 503 in its place.
	askedAway = typev3.StatusCode_InsufficientStorage
)

// asksHosts tells that the proxies of a router ask about hosts, where its table
// allows it. At an untrusted router anybody could have the control plane asked.
// Where something else than the host counts too, or answers before the table
// does, hosts are told in advance.
func (r *router) asksHosts() bool {
	return r.spec.OnDemand != nil && !r.untrusted() && !r.handsOver() && !r.portsCount() &&
		slices.Equal(r.identifier.vars, []variable{hostVar}) && len(r.responses) == 0 && r.tls == nil
}

// asksAbout tells that requests for a domain are asked about: it is that of all
// hosts without one of their own, and leads nowhere, whoever asks.
func (b *builder) asksAbout(d *domain) bool {
	return d.name == everyHost && b.router.asksHosts() && !slices.ContainsFunc(d.cells, func(c *cell) bool {
		return c.base.routed() || len(c.variants) > 0
	})
}

// onAsk tells that proxies can do without a domain's virtual host, which was made
// last: each of its routes leads to a cluster, and its one host has a plain name.
func (b *builder) onAsk(d *domain) bool {
	return b.router.asksHosts() && !b.refuses && len(b.leads) > 0 && !strings.HasPrefix(d.name, "*") && hostPortShape.MatchString(d.name)
}

// askAboutHost is the filter that asks, off where no route turns it on. A request
// whose cluster a rule of its own has named already is left alone.
func askAboutHost(r listenerSpec) *hcmv3.HttpFilter {
	ask := extension(extAuthzFilter, &authzv3.ExtAuthz{
		StatPrefix:          statName(r.Name),
		TransportApiVersion: corev3.ApiVersion_V3,
		Services:            asksControlPlane(r, &corev3.HeaderValue{Key: HeaderAsks, Value: AsksHost}),
		ClearRouteCache:     true,
		EncodeRawHeaders:    true,
		AllowedHeaders:      exactly(headerDogfood, HeaderNode),
		StatusOnError:       &typev3.HttpStatus{Code: askedAway},
	})
	f := whenNotAnswered(hostFilter, nil, sayWho(), ask)
	f.Disabled = true
	return f
}

// asksControlPlane is how a filter asks about requests: another control plane where
// one is away or has nothing to go by yet.
func asksControlPlane(r listenerSpec, more ...*corev3.HeaderValue) *authzv3.ExtAuthz_GrpcService {
	return &authzv3.ExtAuthz_GrpcService{GrpcService: &corev3.GrpcService{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: controlPlaneCluster}},
		Timeout:         durationpb.New(AskedMost),
		RetryPolicy:     retryOthers(),
		InitialMetadata: append([]*corev3.HeaderValue{{Key: HeaderRouter, Value: r.Router}, {Key: HeaderClass, Value: r.Class}}, more...),
	}}
}

// asking turns the filter on for routes.
func asking(routes []*routev3.Route) []*routev3.Route {
	for _, r := range routes {
		r.TypedPerFilterConfig = map[string]*anypb.Any{hostFilter: mustAny(&routev3.FilterConfig{Config: &anypb.Any{}})}
	}
	return routes
}

// answeredRoutes lead requests to the cluster that the control plane has named,
// as their own routes will. It comes first: what it does is right also where the
// cluster is that of a caller's rule.
func (b *builder) answeredRoutes() []*routev3.Route {
	route := b.resolvedRoute()
	route.Name = b.router.key.Name + "/answered"
	route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(HeaderFallback, answeredFallback))
	return []*routev3.Route{route}
}

// answeredFallback is fallbackHeader of what the answer's metadata says.
const answeredFallback = "%CEL('" + metadataKey + "' in " + upstreamSays + " && '" + saysStandIn + "' in " + upstreamSays + "['" + metadataKey +
	"'] ? " + answerSays + "." + SaysAll + " : " + answerSays + "." + SaysPassed + ")%"

// upstreamSays is where CEL finds the metadata of the endpoint that has answered.
const upstreamSays = "xds.upstream_host_metadata.filter_metadata"

// answerSays is where CEL finds the metadata of an answer.
const answerSays = "metadata.filter_metadata['" + extAuthzFilter + "']"

// What the metadata of an answer says: AnsweredBranch.
const (
	SaysPassed = "passed"
	SaysAll    = "all"
)
