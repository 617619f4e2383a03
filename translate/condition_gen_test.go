package translate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dogfood/tokens"
	"kibble.dev/dtab"
)

// Random conditions and requests over a small world, so that they often meet.

func genCondition() *rapid.Generator[v1alpha1.Condition] {
	return rapid.Custom(func(t *rapid.T) v1alpha1.Condition { return drawCondition(t, 3) })
}

func drawCondition(t *rapid.T, depth int) v1alpha1.Condition {
	var c v1alpha1.Condition
	most := 4
	if depth > 0 {
		most = 7
	}
	// One field, or two that are ANDed.
	for range rapid.IntRange(1, 2).Draw(t, "fields") {
		switch rapid.IntRange(0, most).Draw(t, "field") {
		case 0, 1:
			m := drawMatch(t, rapid.SampledFrom([]string{"a", "b", "a-b", "A"}).Draw(t, "cookie"))
			c.Cookie = &m
		case 2:
			m := drawMatch(t, rapid.SampledFrom([]string{"x-a", "X-B", "host", ":path"}).Draw(t, "header"))
			c.Header = &m
		case 3:
			c.SourceRanges = rapid.SliceOfN(rapid.SampledFrom([]string{
				"10.0.0.0/8", "10.1.2.3/32", "10.1.0.0/15", "127.0.0.0/8", "2001:db8::/33", "::ffff:10.0.0.0/104", "0.0.0.0/0",
			}), 1, 3).Draw(t, "ranges")
		case 4:
			p := v1alpha1.Percent{Of: rapid.SampledFrom([]string{"0", "0.0001", "10", "50", "99.9999", "100"}).Draw(t, "of")}
			switch rapid.IntRange(0, 2).Draw(t, "by") {
			case 0:
				p.Cookie = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "cookie")
			case 1:
				p.Header = rapid.SampledFrom([]string{"x-a", "x-b"}).Draw(t, "header")
			default:
				p.Claim = rapid.SampledFrom([]string{"sub", "team", "realm.id", "level", "text", `ns\.x`}).Draw(t, "claim")
				if c.JWT == nil {
					j := drawJWT(t)
					j.Claims = nil
					c.JWT = &j
				}
			}
			c.Percent = &p
		case 5:
			j := drawJWT(t)
			c.JWT = &j
		case 6:
			n := drawCondition(t, depth-1)
			c.Not = &n
		case 7:
			for range rapid.IntRange(1, 3).Draw(t, "members") {
				c.All = append(c.All, drawCondition(t, depth-1))
			}
			for range rapid.IntRange(0, 3).Draw(t, "members") {
				c.Any = append(c.Any, drawCondition(t, depth-1))
			}
		}
	}
	return c
}

func drawMatch(t *rapid.T, name string) v1alpha1.Match {
	m := v1alpha1.Match{Name: name, IgnoreCase: rapid.Bool().Draw(t, "ignoreCase")}
	text := rapid.OneOf(rapid.SampledFrom([]string{"ab", "A", "é", "k", `"ab"`}), rapid.StringMatching(`[abAB0é. -]{1,3}`)).Draw(t, "text")
	switch rapid.IntRange(0, 5).Draw(t, "op") {
	case 0:
		m.Exact = &text
	case 1:
		m.Prefix = &text
	case 2:
		m.Suffix = &text
	case 3:
		m.Contains = &text
	default:
		rx := drawRegex(t, 3)
		m.Regex = &rx
	}
	return m
}

func drawRegex(t *rapid.T, depth int) string {
	atoms := []string{
		"a", "ab", "K", "0", ".", `\.`, "[ab]", "[^a]", "[a-z]", "(?i)b", "(?i:k)", `\w`, `\W`, `\d`, `\s`, `\b`, `\B`, "^", "$", `\A`, `\z`,
		`\xff`, `[\x80-\xff]`, `(?i)\xe9`, `\pL`, `\p{Greek}`, `\PL`, "[[:upper:]]", `[^\x00-\x{10FFFF}]`, "(?i)[^k]", "(?s:.)", "(?m:^)", `\Qa.\E`, `\Q[`, "", "s", "(?i:S)", "[é]"[:1] + "b]",
	}
	if depth == 0 {
		return rapid.SampledFrom(atoms).Draw(t, "atom")
	}
	sub := func() string { return drawRegex(t, depth-1) }
	switch rapid.IntRange(0, 6).Draw(t, "regex") {
	case 0:
		return sub() + sub()
	case 1:
		return "(" + sub() + ")" + rapid.SampledFrom([]string{"*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", ""}).Draw(t, "times")
	case 2:
		return sub() + "|" + sub()
	case 3:
		return "(?P<name>" + sub() + ")" + sub()
	}
	return rapid.SampledFrom(atoms).Draw(t, "atom")
}

const testIssuer = "https://corp.example"

func drawJWT(t *rapid.T) v1alpha1.JWT {
	j := v1alpha1.JWT{Issuer: testIssuer, JWKS: testKeys()}
	switch rapid.IntRange(0, 2).Draw(t, "place") {
	case 0:
		j.Cookie = rapid.SampledFrom([]string{"t", "a"}).Draw(t, "cookie")
	case 1:
		j.Header = "x-token"
	}
	if rapid.Bool().Draw(t, "audience") {
		j.Audiences = []string{"dog", "cat"}
	}
	names := []string{"groups", "team", "admin", "level", "realm.roles", `ns\.x`, "none", "text"}
	for range rapid.IntRange(0, 2).Draw(t, "claims") {
		m := drawMatch(t, rapid.SampledFrom(names).Draw(t, "claim"))
		if rapid.Bool().Draw(t, "known") {
			exact := rapid.SampledFrom([]string{"ab", "true", "false", "7", "7.5", "A"}).Draw(t, "exact")
			m = v1alpha1.Match{Name: m.Name, Exact: &exact}
		}
		j.Claims = append(j.Claims, m)
	}
	return j
}

// testTokens are signed well and badly, with all kinds of claims.
func testTokens() []string {
	future, past := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()
	claims := []map[string]any{
		{"iss": testIssuer, "exp": future, "aud": "dog", "groups": []any{"ab", "x"}, "admin": true, "level": 7, "realm": map[string]any{"roles": []any{"A"}, "id": "r1"}, "sub": "ann"},
		{"iss": testIssuer, "exp": future, "aud": []any{"cat"}, "groups": "ab", "team": "kéb", "ns.x": "a", "admin": "true", "level": "7", "sub": "bob, \"the\" élève"},
		{"iss": testIssuer, "exp": future, "groups": []any{}, "level": 7.5, "admin": false, "text": "a\nb", "realm": "ab", "sub": ""},
		{"iss": testIssuer, "exp": future, "team": "-", "sub": strings.Repeat("long", 100), "realm": map[string]any{"id": "%REQ(x-a)%"}},
		{"iss": testIssuer, "exp": past, "aud": "dog", "groups": "ab"},
		{"iss": "https://other.example", "exp": future, "aud": "dog", "groups": "ab"},
	}
	var all []string
	for _, c := range claims {
		all = append(all, sign(c))
	}
	head, _, _ := strings.Cut(all[0], ".")
	parts := strings.Split(all[1], ".")
	return append(all, all[0]+"x", head+"."+parts[1]+".AAAA", "a.b.c", "ab",
		base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+parts[1]+".")
}

const testSecret = "0123456789abcdef0123456789abcdef"

func testKeys() string {
	return `{"keys":[{"kty":"oct","alg":"HS256","kid":"k","k":"` + base64.RawURLEncoding.EncodeToString([]byte(testSecret)) + `"}]}`
}

func sign(claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"k"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + signature(text)
}

func signature(text string) string {
	mac := hmac.New(sha256.New, []byte(testSecret))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// verifyNow checks tokens as explain does.
func verifyNow(j dogfood.JWT, token string) (map[string]any, error) {
	return tokens.Verifier(time.Now(), "")(j, token)
}

// genEdgeRequest draws a request in the form in which it is sent.
func genEdgeRequest(tokens []string) *rapid.Generator[dogfood.Request] {
	value := rapid.OneOf(
		rapid.SampledFrom([]string{"", "ab", "AB", "a", "k", "é", "xabx", `"ab"`, "a=b", "K", "S"}),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "A", "0", ".", " ", "-", "é", "\xff", "\x80", "\xe9", "k", "K", "ſ", `"`, "=", ",", "\t"}), 0, 6),
			func(s []string) string { return strings.Trim(strings.Join(s, ""), " \t") }),
	)
	pair := rapid.Custom(func(t *rapid.T) string {
		v := value.Draw(t, "value")
		if rapid.IntRange(0, 3).Draw(t, "token?") == 0 {
			v = rapid.SampledFrom(tokens).Draw(t, "token")
		}
		name := rapid.SampledFrom([]string{"a", "b", "a-b", "A", "t", " a", "xa", "\ta", "a "}).Draw(t, "name")
		return name + rapid.SampledFrom([]string{"=", "=", "=", ""}).Draw(t, "equals") + v
	})
	cookies := rapid.Custom(func(t *rapid.T) string {
		sep := rapid.SampledFrom([]string{"; ", ";", ";;", " ; "}).Draw(t, "separator")
		return strings.Trim(strings.Join(rapid.SliceOfN(pair, 0, 3).Draw(t, "pairs"), sep), " \t")
	})
	return rapid.Custom(func(t *rapid.T) dogfood.Request {
		r := dogfood.Request{
			Method: "GET", Host: rapid.SampledFrom([]string{"ab", "AB.", "www.ab:80", "ab.:80", "10.0.0.1"}).Draw(t, "host"),
			Path: rapid.SampledFrom([]string{"/", "/a", "/ab?k=A"}).Draw(t, "path"), Header: http.Header{},
		}
		for range rapid.IntRange(0, 2).Draw(t, "cookie lines") {
			r.Header.Add("Cookie", cookies.Draw(t, "cookies"))
		}
		for _, name := range []string{"x-a", "X-B"} {
			for range rapid.SampledFrom([]int{0, 1, 1, 2}).Draw(t, "lines") {
				r.Header.Add(name, value.Draw(t, "value"))
			}
		}
		for _, name := range []string{"Authorization", "X-Token"} {
			if rapid.Bool().Draw(t, "token?") {
				prefix := rapid.SampledFrom([]string{"Bearer ", "Bearer ", "", "x Bearer  "}).Draw(t, "prefix")
				r.Header.Add(name, prefix+rapid.SampledFrom(tokens).Draw(t, "token"))
			}
		}
		r.Source = netip.MustParseAddr(rapid.SampledFrom([]string{
			"10.1.2.3", "10.2.0.1", "192.0.2.1", "127.0.0.1", "2001:db8::1", "2001:db8:8000::1", "::ffff:10.1.2.3",
		}).Draw(t, "source"))
		return r
	})
}

// requestText writes the request as a trusted proxy in front passes it on.
func requestText(r dogfood.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\n", r.Method, r.Path, r.Host, r.Source)
	for name, values := range r.Header {
		for _, v := range values {
			b.WriteString(name + ": " + v + "\r\n")
		}
	}
	return b.String() + "\r\n"
}

// compileCondition gives the policy with the id and the condition, or false if
// it is not one that can be served.
func compileCondition(id string, when v1alpha1.Condition) (dogfood.Policy, bool) {
	obj := v1alpha1.DogfoodPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: id, Namespace: "default"},
		Spec:       v1alpha1.DogfoodPolicySpec{When: when, Override: "/a => /b"},
	}
	policies, _ := dogfood.Compile(obj, func(string) dtab.Source { return dtab.Source{} }, dogfood.Facts{}, time.Now())
	if len(policies) != 1 {
		return dogfood.Policy{}, false
	}
	return policies[0], true
}

// somePolicies gives n policies that differ from run to run of the seed only.
func somePolicies(t testing.TB, n, seed int, want func(dogfood.Policy) bool) []dogfood.Policy {
	t.Helper()
	var all []dogfood.Policy
	for i := 0; len(all) < n; i++ {
		p, ok := compileCondition(fmt.Sprintf("p%d", len(all)), genCondition().Example(seed+i))
		if ok && want(p) {
			all = append(all, p)
		}
	}
	return all
}
