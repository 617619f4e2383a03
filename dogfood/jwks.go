package dogfood

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// unusable says why Envoy 1.40 cannot check tokens with a key of a set; "" if it
// can. What it takes though it is written against RFC 7517 counts as unusable.
// No part of the key is in what it says.
func unusable(text json.RawMessage) string {
	var raw map[string]any
	if json.Unmarshal(text, &raw) != nil || raw == nil {
		return "it is no JSON object"
	}
	for _, name := range []string{"kty", "kid", "alg", "crv", "n", "e", "x", "y", "k"} {
		value, there := raw[name]
		if _, is := value.(string); there && !is {
			return `its "` + name + `" is no text`
		}
	}
	get := func(name string) string { value, _ := raw[name].(string); return value }
	kind := get("kty")
	if kind == "" {
		return `it has no "kty"`
	}
	for _, name := range partsOf(kind) {
		part, err := base64.RawURLEncoding.Strict().DecodeString(get(name))
		if err != nil || len(part) == 0 {
			return `its "` + name + `" is not base64url, without padding`
		}
	}
	if kind == "oct" {
		return misfit(get("alg"), "HS256", "HS384", "HS512")
	}
	var key jose.JSONWebKey
	if key.UnmarshalJSON(text) != nil || !key.Valid() {
		return "it is no key of kty RSA, EC, OKP or oct"
	}
	switch k := key.Public().Key.(type) {
	case *rsa.PublicKey:
		if k.E != 3 && k.E != 65537 {
			return `its "e" is neither 3 nor 65537`
		}
		if bits := k.N.BitLen(); bits < 1024 || bits > 16384 {
			return "it has fewer than 1024 bits, or more than 16384"
		}
		if k.N.Bit(0) == 0 {
			return `its "n" is even`
		}
		return misfit(get("alg"), "RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
	case *ecdsa.PublicKey:
		return misfit(get("alg"), "ES"+map[string]string{"P-256": "256", "P-384": "384", "P-521": "512"}[get("crv")])
	case ed25519.PublicKey:
		return misfit(get("alg"), "EdDSA")
	}
	return "it is no key of kty RSA, EC, OKP or oct"
}

// partsOf names what a key of a kind is made of.
func partsOf(kind string) []string {
	switch kind {
	case "RSA":
		return []string{"n", "e"}
	case "EC":
		return []string{"x", "y"}
	case "OKP":
		return []string{"x"}
	case "oct":
		return []string{"k"}
	}
	return nil
}

// misfit says that a key's alg, which may be absent, is not one of its kind.
func misfit(alg string, of ...string) string {
	if alg == "" || slices.Contains(of, alg) {
		return ""
	}
	return `its "alg" is none of ` + strings.Join(of, ", ")
}
