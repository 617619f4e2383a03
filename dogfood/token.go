package dogfood

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Verify decides whether a token is valid (signature, issuer, audience, times)
// and gives its claims as encoding/json decodes them. The error says in words
// why it is not.
type Verify func(j JWT, token string) (claims map[string]any, err error)

// Explain of JWT: a part for the token, and one for each claim.
func (j JWT) Explain(r Request, verify Verify) Verdict {
	token := Verdict{Text: "valid token in " + j.place()}
	var claims map[string]any
	claims, token.Found, token.Holds = j.claims(r, verify)
	v := Verdict{Text: "token of " + quote(j.Issuer), Holds: token.Holds, Parts: []Verdict{token}}
	if !token.Holds {
		return v
	}
	for _, c := range j.Claims {
		value, ok := lookup(claims, c.Path)
		part := Verdict{Text: c.String(), Found: "no such claim"}
		if ok {
			part.Found = showClaim(value)
			part.Holds = c.matches(value)
		}
		v.Holds = v.Holds && part.Holds
		v.Parts = append(v.Parts, part)
	}
	return v
}

func (j JWT) claims(r Request, verify Verify) (claims map[string]any, found string, ok bool) {
	token, ok := j.token(r)
	switch {
	case !ok:
		return nil, "no token", false
	case verify == nil:
		return nil, "a token that was not checked", false
	}
	claims, err := verify(j, token)
	if err != nil {
		return nil, err.Error(), false
	}
	return claims, "a valid one", true
}

// text gives a claim of a valid token that is a text, and not an empty one.
func (j JWT) text(r Request, verify Verify, path []string) (value string, ok bool, found string) {
	claims, found, ok := j.claims(r, verify)
	if !ok {
		return "", false, found
	}
	claim, ok := lookup(claims, path)
	if !ok {
		return "", false, "no such claim"
	}
	value, ok = claim.(string)
	return value, ok && value != "", showClaim(claim) + ", which is no text that tells people apart"
}

// blanks are what C calls white space.
const blanks = " \t\n\v\f\r"

// token takes the token out of the request: the value of the cookie or header
// without blanks around it, or, where there is a prefix, what follows that, as
// far as characters of a token go.
func (j JWT) token(r Request) (string, bool) {
	if j.Cookie != "" {
		value, ok := r.cookie(j.Cookie)
		return strings.Trim(value, blanks), ok
	}
	value, ok := r.header(j.Header)
	if !ok || j.Prefix == "" {
		return strings.Trim(value, blanks), ok
	}
	_, rest, ok := strings.Cut(value, j.Prefix)
	isOther := func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '_' && r != '.'
	}
	rest = strings.TrimLeftFunc(rest, isOther)
	if end := strings.IndexFunc(rest, isOther); end >= 0 {
		rest = rest[:end]
	}
	return rest, ok && rest != ""
}

// lookup follows a path through nested objects.
func lookup(claims map[string]any, path []string) (any, bool) {
	var value any = claims
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}

func (c Claim) matches(value any) bool {
	if list, ok := value.([]any); ok {
		for _, member := range list {
			if text, ok := member.(string); ok && c.Is.Matches(text) {
				return true
			}
		}
		return false
	}
	switch value := value.(type) {
	case string:
		return c.Is.Matches(value)
	case bool:
		want, ok := c.Bool()
		return ok && want == value
	case float64:
		want, ok := c.Number()
		return ok && want == value
	}
	return false
}

// Bool is the boolean that the claim may be, if its text says one.
func (c Claim) Bool() (want, ok bool) {
	return c.Is.Want == "true", c.Is.Op == OpExact && (c.Is.Want == "true" || c.Is.Want == "false")
}

// Number is the number that the claim may be, if its text is one as JSON writes it.
func (c Claim) Number() (want float64, ok bool) {
	if c.Is.Op != OpExact || !json.Valid([]byte(c.Is.Want)) {
		return 0, false
	}
	want, err := strconv.ParseFloat(c.Is.Want, 64)
	return want, err == nil
}

func showClaim(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	if most := 200; len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
