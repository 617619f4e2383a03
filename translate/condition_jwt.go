package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"kibble.dev/dogfood"
)

// jwtProviders are the different ways in which tokens are checked, sorted.
// Several conditions that differ in claims only share one.
type jwtProviders []dogfood.JWT

func newJWTProviders(conditions []dogfood.Condition) jwtProviders {
	var all jwtProviders
	for _, c := range conditions {
		eachLeaf(c, func(leaf dogfood.Condition) {
			if j, ok := leaf.(dogfood.JWT); ok {
				j.Claims = nil
				all = append(all, j)
			}
		})
	}
	slices.SortFunc(all, func(a, b dogfood.JWT) int { return cmp.Compare(jwtKey(a), jwtKey(b)) })
	return slices.CompactFunc(all, func(a, b dogfood.JWT) bool { return jwtKey(a) == jwtKey(b) })
}

// jwtKey is equal for conditions that one provider can check.
func jwtKey(j dogfood.JWT) string {
	return fmt.Sprintf("%q", append([]string{j.Issuer, j.Header, j.Prefix, j.Cookie, j.JWKS, j.JWKSURL}, j.Audiences...))
}

// name of the provider for a condition, and of the payload that it leaves.
func (p jwtProviders) name(j dogfood.JWT) string {
	i := slices.IndexFunc(p, func(q dogfood.JWT) bool { return jwtKey(q) == jwtKey(j) })
	return "jwt" + strconv.Itoa(i)
}

// filter checks tokens and leaves their payloads. Nobody is turned away: a
// token that is absent, expired or forged leaves nothing.
func (p jwtProviders) filter() *corev3.TypedExtensionConfig {
	config := &jwtv3.JwtAuthentication{Providers: map[string]*jwtv3.JwtProvider{}}
	var each []*jwtv3.JwtRequirement
	for _, j := range p {
		config.Providers[p.name(j)] = jwtProvider(j, p.name(j))
		each = append(each, &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAny{
			RequiresAny: &jwtv3.JwtRequirementOrList{Requirements: []*jwtv3.JwtRequirement{
				{RequiresType: &jwtv3.JwtRequirement_ProviderName{ProviderName: p.name(j)}},
				{RequiresType: &jwtv3.JwtRequirement_AllowMissingOrFailed{AllowMissingOrFailed: &emptypb.Empty{}}},
			}},
		}})
	}
	requires := each[0]
	if len(each) > 1 {
		requires = &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAll{
			RequiresAll: &jwtv3.JwtRequirementAndList{Requirements: each},
		}}
	}
	config.Rules = []*jwtv3.RequirementRule{{
		Match:           &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		RequirementType: &jwtv3.RequirementRule_Requires{Requires: requires},
	}}
	return extension("jwt", config)
}

func jwtProvider(j dogfood.JWT, payload string) *jwtv3.JwtProvider {
	p := &jwtv3.JwtProvider{
		Issuer: j.Issuer, Audiences: j.Audiences,
		Forward: true, PayloadInMetadata: payload,
	}
	if j.Cookie != "" {
		p.FromCookies = []string{j.Cookie}
	} else {
		p.FromHeaders = []*jwtv3.JwtHeader{{Name: j.Header, ValuePrefix: j.Prefix}}
	}
	if j.JWKS != "" {
		p.JwksSourceSpecifier = &jwtv3.JwtProvider_LocalJwks{LocalJwks: &corev3.DataSource{
			Specifier: &corev3.DataSource_InlineString{InlineString: j.JWKS},
		}}
		return p
	}
	p.JwksSourceSpecifier = &jwtv3.JwtProvider_RemoteJwks{RemoteJwks: &jwtv3.RemoteJwks{
		HttpUri: &corev3.HttpUri{
			Uri:              j.JWKSURL,
			HttpUpstreamType: &corev3.HttpUri_Cluster{Cluster: keysClusterName(j.JWKSURL)},
			Timeout:          durationpb.New(time.Second),
		},
		CacheDuration: durationpb.New(5 * time.Minute),
	}}
	return p
}
