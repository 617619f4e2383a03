// Package tokens checks signed tokens (JWT) as Envoy 1.40 does, so that an
// explanation says of a token what Envoy says. It decides nothing about
// requests: Envoy does. The package is pure; the time is a parameter.
//
// Known differences: Envoy also takes keys that are written against the RFCs,
// such as an EC key without a curve.
package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"kibble.dev/dogfood"
)

// Verifier gives the check of tokens at a time. Keys that Envoy fetches from a
// URL are known only if they are given: fetched is their key set, or "".
func Verifier(now time.Time, fetched dogfood.Sealed) dogfood.Verify {
	return func(j dogfood.JWT, token string) (map[string]any, error) {
		if j.JWKSURL != "" && fetched == "" {
			return nil, fmt.Errorf("a token that was not checked here: Envoy fetches the keys from %s; --jwks FILE gives them", j.JWKSURL)
		}
		keys := j.JWKS
		if j.JWKSURL != "" {
			keys = fetched
		}
		t, err := parse(token)
		if err != nil {
			return nil, fmt.Errorf("it is not a token: %w", err)
		}
		if err := t.isFor(j, now); err != nil {
			return nil, err
		}
		return t.claims, t.isSignedBy(keys)
	}
}

// skew is by how much clocks may differ: Envoy's default.
const skew = 60

// token is one taken apart.
type token struct {
	algorithm, keyID string
	claims           map[string]any
	signed           string // the text that the signature is of
	signature        []byte
	audiences        []string
	notBefore, ends  uint64
}

func parse(text string) (*token, error) {
	parts := slices.DeleteFunc(strings.Split(text, "."), func(p string) bool { return p == "" })
	if len(parts) != 3 {
		return nil, errors.New("it does not consist of three parts")
	}
	header, err := object(parts[0])
	if err != nil {
		return nil, fmt.Errorf("its header %w", err)
	}
	t := &token{signed: parts[0] + "." + parts[1]}
	var ok bool
	if t.algorithm, ok = header["alg"].(string); !ok || !supported(t.algorithm) {
		return nil, fmt.Errorf("its algorithm (alg) is %v, which is none to sign with", header["alg"])
	}
	if t.keyID, err = optionalText(header, "kid"); err != nil {
		return nil, err
	}
	if t.claims, err = object(parts[1]); err != nil {
		return nil, fmt.Errorf("its payload %w", err)
	}
	if err := t.readClaims(); err != nil {
		return nil, err
	}
	if t.signature, err = unbase64(parts[2]); err != nil {
		return nil, errors.New("its signature is not base64url")
	}
	return t, nil
}

// readClaims reads those that every token is judged by.
func (t *token) readClaims() error {
	for _, name := range []string{"iss", "sub", "jti"} {
		if _, err := optionalText(t.claims, name); err != nil {
			return err
		}
	}
	var err error
	if _, err = seconds(t.claims, "iat"); err != nil {
		return err
	}
	if t.notBefore, err = seconds(t.claims, "nbf"); err != nil {
		return err
	}
	if t.ends, err = seconds(t.claims, "exp"); err != nil {
		return err
	}
	switch aud := t.claims["aud"].(type) {
	case string:
		t.audiences = []string{aud}
	case []any:
		for _, a := range aud {
			text, ok := a.(string)
			if !ok {
				return errors.New("its audience (aud) is not a list of texts")
			}
			t.audiences = append(t.audiences, text)
		}
	default:
		if _, there := t.claims["aud"]; there {
			return errors.New("its audience (aud) is neither a text nor a list of texts")
		}
	}
	return nil
}

// isFor checks whom a token is of and for, and when it is valid.
func (t *token) isFor(j dogfood.JWT, now time.Time) error {
	if iss, _ := t.claims["iss"].(string); iss != j.Issuer {
		return fmt.Errorf("its issuer (iss) is %q, not %q", iss, j.Issuer)
	}
	at := uint64(max(now.Unix(), 0))
	if at+skew < t.notBefore {
		return fmt.Errorf("it is not valid before %s", clock(t.notBefore))
	}
	if t.ends != 0 && at > t.ends+skew {
		return fmt.Errorf("it expired at %s", clock(t.ends))
	}
	if len(j.Audiences) == 0 {
		return nil
	}
	for _, a := range t.audiences {
		if slices.ContainsFunc(j.Audiences, func(want string) bool { return bare(want) == bare(a) }) {
			return nil
		}
	}
	return fmt.Errorf("it is for %s (aud), not for %s", orNobody(t.audiences), strings.Join(j.Audiences, " or "))
}

func orNobody(names []string) string {
	if len(names) == 0 {
		return "nobody in particular"
	}
	return strings.Join(names, " and ")
}

// clock prints seconds since 1970, even those of a far future.
func clock(at uint64) string {
	return time.Unix(int64(min(at, math.MaxInt32*100)), 0).UTC().Format(time.RFC3339)
}

// bare is an audience without the scheme and the last slash, which Envoy
// (check_audience.cc) does not compare.
func bare(audience string) string {
	if rest, ok := strings.CutPrefix(audience, "http://"); ok {
		audience = rest
	} else {
		audience = strings.TrimPrefix(audience, "https://")
	}
	return strings.TrimSuffix(audience, "/")
}

func optionalText(object map[string]any, name string) (string, error) {
	value, there := object[name]
	if text, ok := value.(string); ok || !there {
		return text, nil
	}
	return "", fmt.Errorf("its %s is not a text", name)
}

// seconds reads a time, 0 if there is none.
func seconds(claims map[string]any, name string) (uint64, error) {
	value, there := claims[name]
	if !there {
		return 0, nil
	}
	number, ok := value.(float64)
	if !ok {
		return 0, fmt.Errorf("its %s is not a number", name)
	}
	if number < 0 || number >= math.MaxUint64 {
		return 0, fmt.Errorf("its %s is out of range", name)
	}
	return uint64(number), nil
}

// object decodes a part of a token that is a JSON object.
func object(part string) (map[string]any, error) {
	text, err := unbase64(part)
	if err != nil {
		return nil, errors.New("is not base64url")
	}
	var o map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&o); err != nil || o == nil {
		return nil, errors.New("is not a JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is more than a JSON object")
	}
	return o, nil
}

// unbase64 decodes base64url with or without padding.
func unbase64(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}
