package dogfood

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

func (c conditionCompiler) jwt(path string, in v1alpha1.JWT) JWT {
	j := JWT{Issuer: in.Issuer, Audiences: in.Audiences, Cookie: in.Cookie, JWKSURL: in.JWKSURL}
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
	keys, field, err := c.facts.keys(c.namespace, in)
	switch {
	case err != nil:
		c.report.add(dtab.Error, codeKeys, path+"."+field, err.Error(), "")
	case j.JWKSURL == "":
		c.checkKeys(path, field, keys)
	}
	j.JWKS = keys
	for i, m := range in.Claims {
		at := path + ".claims[" + strconv.Itoa(i) + "]"
		j.Claims = append(j.Claims, Claim{Path: c.claimPath(at+".name", m.Name), Is: c.text(at, m)})
	}
	return j
}

// checkKeys makes sure that there is a key that Envoy can use: of a set without
// one it refuses not the policy, but the listener. Others are left out by it, and
// told of here. No part of the text is ever in a finding.
func (c conditionCompiler) checkKeys(path, field string, keys Sealed) {
	const like = `{"keys": [{"kty": "RSA", "kid": …, "n": …, "e": …}]}`
	say := func(severity dtab.Severity, message, hint string) {
		c.report.add(severity, codeKeys, path+"."+field, message, hint)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(keys), &set); err != nil {
		say(dtab.Error, "the keys are not JSON as RFC 7517 says: "+withoutQuotes(err), like)
		return
	}
	if len(set.Keys) == 0 {
		say(dtab.Error, "there is no key in it", like)
	}
	severity := dtab.Error
	if slices.ContainsFunc(set.Keys, func(text json.RawMessage) bool { return unusable(text) == "" }) {
		severity = dtab.Warning
	}
	for i, text := range set.Keys {
		nth := "key " + strconv.Itoa(i+1)
		var k struct {
			Type    string `json:"kty"`
			Private any    `json:"d"`
		}
		_ = json.Unmarshal(text, &k) // what cannot be read is unusable
		why := unusable(text)
		switch {
		case why != "" && k.Private == nil:
			say(severity, nth+" cannot be used: "+why, like)
		case k.Private != nil && k.Type != "oct":
			say(dtab.Error, nth+" is a private key, which nobody but the issuer may have", "publish a key set without private parts, and take this key out of use")
		case k.Type == "oct" && field == "jwks":
			say(dtab.Warning, nth+" is a secret (kty oct), and whoever may read the policy can sign tokens with it", "put it into a Secret, and set jwksSecretRef")
		}
	}
}

// withoutQuotes says what is wrong with JSON without saying what stands there.
func withoutQuotes(err error) string {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return "it goes wrong at byte " + strconv.FormatInt(syntax.Offset, 10)
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "a wrong type at " + kind.Field
	}
	return "it cannot be read"
}

// claimPath takes "a.b" apart; "\." is a dot in a name.
func (c conditionCompiler) claimPath(at, name string) []string {
	const escaped = "\x00"
	parts := strings.Split(strings.ReplaceAll(name, `\.`, escaped), ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], escaped, ".")
	}
	if slices.Contains(parts, "") {
		c.report.add(dtab.Error, codeCondition, at, quote(name)+" has an empty part", `names of nested claims are joined by ".", and a dot in a name is written "\."`)
	}
	return parts
}
