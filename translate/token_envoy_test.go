package translate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"kibble.dev/dogfood"
)

// signer makes tokens of one algorithm.
type signer struct {
	algorithm string
	public    any
	sign      func(text string) []byte
}

func digest(h crypto.Hash, text string) []byte {
	d := h.New()
	d.Write([]byte(text))
	return d.Sum(nil)
}

// newSigners makes a signer for each algorithm that Envoy knows, with keys of their own.
func newSigners(t testing.TB) []signer {
	t.Helper()
	must := func(sig []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	hashes := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}
	curves := map[string]elliptic.Curve{"256": elliptic.P256(), "384": elliptic.P384(), "512": elliptic.P521()}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var all []signer
	for _, bits := range slices.Sorted(maps.Keys(hashes)) {
		h := hashes[bits]
		ec, err := ecdsa.GenerateKey(curves[bits], rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		secret := []byte(strings.Repeat("secret "+bits, 8))
		all = append(all,
			signer{"RS" + bits, &rsaKey.PublicKey, func(text string) []byte {
				return must(rsa.SignPKCS1v15(rand.Reader, rsaKey, h, digest(h, text)))
			}},
			signer{"PS" + bits, &rsaKey.PublicKey, func(text string) []byte {
				return must(rsa.SignPSS(rand.Reader, rsaKey, h, digest(h, text), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
			}},
			signer{"ES" + bits, &ec.PublicKey, func(text string) []byte {
				r, s, err := ecdsa.Sign(rand.Reader, ec, digest(h, text))
				must(nil, err)
				half := (curves[bits].Params().BitSize + 7) / 8
				return append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)
			}},
			signer{"HS" + bits, secret, func(text string) []byte {
				mac := hmac.New(h.New, secret)
				mac.Write([]byte(text))
				return mac.Sum(nil)
			}})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return append(all, signer{"EdDSA", public, func(text string) []byte { return ed25519.Sign(private, []byte(text)) }})
}

// keySet gives the public keys, with key ids and algorithms or without.
func keySet(t testing.TB, signers []signer, kid, alg bool) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, s := range signers {
		key := jose.JSONWebKey{Key: s.public}
		if kid {
			key.KeyID = "of " + s.algorithm
		}
		if alg {
			key.Algorithm = s.algorithm
		}
		set.Keys = append(set.Keys, key)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// drawToken makes a token that is good, or wrong in one of many ways.
func drawToken(t *rapid.T, signers []signer) string {
	base64url := base64.RawURLEncoding.EncodeToString
	pick := func(what string, some ...any) any { return rapid.SampledFrom(some).Draw(t, what) }
	s := rapid.SampledFrom(signers).Draw(t, "signer")
	header := map[string]any{"alg": s.algorithm}
	switch rapid.IntRange(0, 9).Draw(t, "header") {
	case 0:
		header["kid"] = pick("kid", "of "+s.algorithm, "of RS256", "", 7, "other")
	case 1:
		header["alg"] = pick("alg", "none", "RS256", "HS256", "ES256", "PS512", "EdDSA", "HS1", 7, nil)
	case 2:
		header["typ"], header["x5t"] = "JWT", "a"
	default:
		header["kid"] = "of " + s.algorithm
	}
	// Envoy's clocks may differ by 60 s; a test is not that exact.
	now := time.Now().Unix()
	at := func(what string) any {
		return pick(what, now+3600, now-3600, now-75, now-40, now+40, now+75, 0, float64(now)+0.5, "soon", -1, 1e30, true)
	}
	claims := map[string]any{"iss": testIssuer, "sub": "ann", "exp": now + 3600, "aud": "dog"}
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		switch rapid.IntRange(0, 7).Draw(t, "claim") {
		case 0:
			claims["exp"] = at("exp")
		case 1:
			claims["nbf"] = at("nbf")
		case 2:
			claims["iat"] = at("iat")
		case 3:
			claims["aud"] = pick("aud", "cat", "dog", []any{"x", "cat"}, []any{}, []any{"dog", 1}, 7, "https://dog/", "http://cat", "dog/", "", "x", nil)
		case 4:
			claims["iss"] = pick("iss", "https://other.example", 7, "", testIssuer+"/")
		case 5:
			claims["sub"] = pick("sub", 7, "", "bob", nil)
		case 6:
			claims["jti"] = pick("jti", 7, "j")
		default:
			delete(claims, rapid.SampledFrom([]string{"exp", "aud", "iss", "sub"}).Draw(t, "missing"))
		}
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64url(head) + "." + base64url(body)
	sig := s.sign(text)
	switch rapid.IntRange(0, 19).Draw(t, "signature") {
	case 0:
		sig = sig[:len(sig)-1]
	case 1:
		sig[0] ^= 1
	case 2:
		return text + "."
	case 3:
		return text + "." + base64url(sig) + "."
	case 4:
		return text + "." + base64url(sig) + ".x"
	case 5:
		return base64url(head) + "." + base64url([]byte(`{"iss":"`+testIssuer+`"}`)) + "." + base64url(sig)
	case 6:
		return text + "." + base64.URLEncoding.EncodeToString(sig)
	case 7:
		text = base64url([]byte("[]")) + "." + base64url(body)
		return text + "." + base64url(s.sign(text))
	case 8:
		sig = rapid.SampledFrom(signers).Draw(t, "other signer").sign(text)
	case 9:
		text = base64url(head) + "." + base64url(append(body, " {}"...))
		return text + "." + base64url(s.sign(text))
	}
	return text + "." + base64url(sig)
}

// A token is valid for Envoy when it is for explain: every algorithm, keys with
// and without names, times, audiences, and every way of being forged.
func TestEnvoyChecksTokensAsExplained(t *testing.T) {
	signers := newSigners(t)
	var specs [][2]string
	for i, keys := range []string{
		keySet(t, signers, true, true), keySet(t, signers, true, false), keySet(t, signers, false, false),
		keySet(t, signers[:3], false, true), testKeys(),
	} {
		for k, rest := range []string{"", ", audiences: [dog, 'http://cat/']"} {
			specs = append(specs, [2]string{fmt.Sprintf("p%d%d", i, k),
				"{when: {jwt: {issuer: '" + testIssuer + "', cookie: t, jwks: '" + keys + "'" + rest + "}}}"})
		}
	}
	policies := compilePolicies(t, nil, specs...)
	up, upstream := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: 1}, policies, upstream)
	c := newRawClient(t, l.address)
	answers := map[string]bool{}
	var last *http.Request
	every := func() bool {
		for _, want := range []string{"a valid one", "expired", "not valid before", "not signed", "no key for it", "iss", "aud", "alg", "three parts", "out of range"} {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(answers)), func(a string) bool { return strings.Contains(a, want) }) {
				return false
			}
		}
		return true
	}
	checkUntil(t, every, func(rt *rapid.T) {
		for range 10 {
			r := dogfood.Request{Method: "GET", Host: "a", Path: "/", Header: http.Header{}}
			r.Header.Set("Cookie", "t="+drawToken(rt, signers))
			compareDecision(rt, c, func() *http.Request { last = up.last(t); return last }, policies, r)
			if got := last.Header.Get("Cookie"); got != r.Header.Get("Cookie") {
				rt.Fatalf("the cookie arrives as %q", got)
			}
			for name, lines := range last.Header {
				if name != "Cookie" && strings.Contains(strings.Join(lines, " "), "corp.example") {
					rt.Fatalf("the application is told of the token in %s: %q", name, lines)
				}
			}
			for _, p := range policies {
				answers[p.When.Explain(r, verifyNow).Parts[0].Found] = true
			}
		}
	})
}
