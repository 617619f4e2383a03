package translate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	chainv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/filter_chain/v3"
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
			switch leaf := leaf.(type) {
			case dogfood.JWT:
				leaf.Claims = nil
				all = append(all, leaf)
			case dogfood.Percent:
				if leaf.Token != nil {
					all = append(all, *leaf.Token)
				}
			}
		})
	}
	slices.SortFunc(all, func(a, b dogfood.JWT) int { return cmp.Compare(jwtKey(a), jwtKey(b)) })
	return slices.CompactFunc(all, func(a, b dogfood.JWT) bool { return jwtKey(a) == jwtKey(b) })
}

// jwtKey is equal for conditions that one provider can check.
func jwtKey(j dogfood.JWT) string {
	return fmt.Sprintf("%q", append([]string{j.Issuer, j.Header, j.Prefix, j.Cookie, string(j.JWKS), j.JWKSURL}, j.Audiences...))
}

// providerName is the name of the provider for a condition, and of the payload
// that it leaves. It depends on what is checked only: the filter that checks
// and the one that reads payloads are delivered one after the other.
func providerName(j dogfood.JWT) string {
	sum := sha256.Sum256([]byte(jwtKey(j)))
	return "jwt-" + hex.EncodeToString(sum[:8])
}

// newTokenExtension is the filter that checks the tokens that policies ask for
// and leaves their payloads for the filter of newPolicyExtension. Nobody is
// turned away: a token that is absent, expired or forged leaves nothing.
//
// It stands by itself because it may have to wait for keys: in the chain of a
// composite filter a request that has waited skips the rest of the chain
// (Envoy 1.40). Without tokens to check it is a chain of no filters, which costs
// a request next to nothing; a filter that has nothing to do costs about 1 µs.
func newTokenExtension(name string, policies []dogfood.Policy) (*corev3.TypedExtensionConfig, error) {
	config := &chainv3.FilterChainConfig{}
	if providers := newJWTProviders(conditionsOf(policies)); len(providers) > 0 {
		config.DefaultFilterChain = &chainv3.FilterChain{Filters: []*corev3.TypedExtensionConfig{extension("tokens", providers.config())}}
	}
	ext := extension(name, config)
	return ext, validateDeep(ext)
}

func (p jwtProviders) config() *jwtv3.JwtAuthentication {
	config := &jwtv3.JwtAuthentication{Providers: map[string]*jwtv3.JwtProvider{}}
	var each []*jwtv3.JwtRequirement
	for _, j := range p {
		name := providerName(j)
		config.Providers[name] = jwtProvider(j, name)
		each = append(each, &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAny{
			RequiresAny: &jwtv3.JwtRequirementOrList{Requirements: []*jwtv3.JwtRequirement{
				{RequiresType: &jwtv3.JwtRequirement_ProviderName{ProviderName: name}},
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
		Match:           anyPath(),
		RequirementType: &jwtv3.RequirementRule_Requires{Requires: requires},
	}}
	return config
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
			Specifier: &corev3.DataSource_InlineString{InlineString: string(j.JWKS)},
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
		// Keys are there before they are needed, and renewed before they are old.
		AsyncFetch: &jwtv3.JwksAsyncFetch{FastListener: true},
	}}
	return p
}
