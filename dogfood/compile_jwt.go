package dogfood

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

func (c conditionCompiler) jwt(path string, in v1alpha1.JWT) Condition {
	j := JWT{Issuer: in.Issuer, Audiences: in.Audiences, Cookie: in.Cookie, JWKS: in.JWKS, JWKSURL: in.JWKSURL}
	if j.Cookie == "" {
		j.Header = "authorization"
		if in.Header != "" {
			j.Header = c.headerName(path+".header", in.Header)
		}
		if j.Header == "authorization" {
			j.Prefix = "Bearer "
		}
	}
	c.checkCookieName(path+".cookie", j.Cookie)
	if j.JWKS != "" {
		c.checkKeys(path+".jwks", j.JWKS)
	}
	for i, m := range in.Claims {
		at := path + ".claims[" + strconv.Itoa(i) + "]"
		j.Claims = append(j.Claims, Claim{Path: claimPath(m.Name), Is: c.text(at, m)})
		if slices.Contains(j.Claims[i].Path, "") {
			c.report.add(dtab.Error, codeCondition, at+".name", quote(m.Name)+" has an empty part", `names of nested claims are joined by ".", and a dot in a name is written "\."`)
		}
	}
	return j
}

// checkKeys makes sure that there is a key at all: Envoy takes any text, and
// then no token is ever valid.
func (c conditionCompiler) checkKeys(path, jwks string) {
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
		} `json:"keys"`
	}
	err := json.Unmarshal([]byte(jwks), &set)
	switch {
	case err != nil:
		c.report.add(dtab.Error, codeCondition, path, "the keys are not JSON as RFC 7517 says: "+err.Error(), `{"keys": [{"kty": …}]}`)
	case len(set.Keys) == 0:
		c.report.add(dtab.Error, codeCondition, path, "there is no key in it", `{"keys": [{"kty": …}]}`)
	}
	for _, k := range set.Keys {
		if k.Type == "" {
			c.report.add(dtab.Error, codeCondition, path, `a key has no "kty"`, `each key is like {"kty": "RSA", "kid": …, "n": …, "e": …}`)
			return
		}
	}
}

// claimPath takes "a.b" apart; "\." is a dot in a name.
func claimPath(name string) []string {
	const escaped = "\x00"
	parts := strings.Split(strings.ReplaceAll(name, `\.`, escaped), ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], escaped, ".")
	}
	return parts
}
