// Package usertext holds texts that users may write, and that one program reads
// differently than another, or not at all: for tests of who accepts what.
package usertext

import "strings"

// All are texts of any kind: names of headers, hosts, paths, addresses, numbers,
// tables, and what none of them may hold.
func All() []string {
	long := strings.Repeat("a", 300)
	return []string{
		"", " ", "*", "**", "/", "//", "/a//b", "/../", "/a?b#c", "%", "%%", "%REQ(x)%", "/a%2fb", "\x00", "\n", "a\r\nb: c", "é", "日本", "\u007f",
		"Host", "host", ":path", ":authority", ":x", "content-length", "Connection", "x y", "x_y", "a%b", "a|b", "a'b", "a`b", "a*b", "a^b", "a&b", "a#b", "a~b", "a!b", "a$b", "a+b", "a.b", "a(b)", "A-B", "a?b", "a:5", "l5d-ctx-dogfood", "x-envoy-retry-on", "x-forwarded-for",
		"cookie", "Set-Cookie", "authorization", "Baggage", "te", "upgrade", "x\t", ".", "..", "-", "_", "a.", ".a", "*.a", "a.*", "*a", "a*", "a:80", "a:*", "[::1]", "::1", "fe80::1%eth0",
		"127.0.0.1", "0.0.0.0", "0.0.0.0/0", "::/0", "10.0.0.1/8", "::ffff:10.0.0.0/104", "0", "-1", "65536", "99999999999", "1e3", "true", "null", "{}", "[]", "{namespace}", "{x}",
		long, "/" + long, long + ".a", strings.Repeat("a.", 40), strings.Repeat("/a", 60), strings.Repeat("é", 200), strings.Repeat("x", 17000),
		`\`, `"`, "'", "<", ">", "$", "/$/inet/1.2.3.4/99999", "/$/inet/a b/80", "/#/io.l5d.k8s/default/80/world", "/$/io.buoyant.rinet/80", "/$/inet", "/$/nil", "~", "!", "$", "/svc", "/srv/world | /srv/none", "0 * /srv/world & 0 * /srv/none",
		"/a => /b", "/svc => /svc/a", "/svc => /$/io.buoyant.http.anyHostPfx/a", `/svc/a\x20b => /srv/world`,
	}
}

// Regexes are regular expressions, or nearly, that Go and RE2 may read differently.
func Regexes() []string {
	return []string{
		`\pL`, `\p{Greek}`, `\p{Letter}`, `\p{L}`, `\PN`, `\p{^Greek}`, `\z`, `\A`, `\Z`, `\C`, `\Q.\E`, `\Q.`, `(?i)a`, `(?s).`, `(?U)a+`, `(?-s).`, `(?P<n>a)`, `(?<n>a)`, `(?'n'a)`, `(?=a)`, `(?!a)`, `(?:a)`, `(?#a)`,
		`a{1000}`, `a{1001}`, `(a{30}){30}`, `(a{500}){2}`, `((a{10}){10}){10}`, `a**`, `a{2}{3}`, `a{,3}`, `a{2,1}`, `a{`, `{`, `}`, `]`, `[`, `[]a]`, `[^]a]`, `[a-`, `[z-a]`, `[[:alpha:]]`, `[[:foo:]]`, `[[:^word:]]`,
		`\1`, `\8`, `\0`, `\012`, `\x`, `\x4`, `\x41`, `\x{41}`, `\x{10ffff}`, `\x{110000}`, `\u0041`, `\cA`, `\e`, `\a`, `\v`, `\h`, `\R`, `\K`, `\G`, `\_`, `\-`, `\é`, `é`, `[é]`, `.`, `^`, `$`, `|`, `||`, `()`, `(|a)`, `(`, `)`, `*`, `+`, `?`, `a?`, `a??`, `a*+`, `\b`, `\B`, `\w`, `\W`, `\s`, `\d`,
		`(?i)ſ`, `(?i)k`, `[^a]`, `[^\x00-\x{10FFFF}]`, `.{900}`, `(x+x+)+y`, `(?i:` + strings.Repeat("ab|", 60) + `c)`, `[\w\-.]`, `[\pN]`, `[\p{Han}a]`, `\N{name}`, `(?i)(?-i)a`, `(?im-s)^a.$`, `(?m)^$`, `\`,
	}
}

// KeySets are JSON Web Key Sets (RFC 7517), or nearly.
func KeySets() []string {
	const (
		x     = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
		y     = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
		okp   = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
		whole = `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}`
	)
	n := "u" + strings.Repeat("7", 339) + "Pw" // 2048 odd bits
	var all []string
	for _, key := range []string{
		whole, whole + "," + whole, `{"kty":"EC"},` + whole, `{"kty":"AKP"},` + whole, "", `7`, `null`, `"a"`, `{}`, `{"kty":7}`, `{"kty":"AKP"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + x + `"}`, `{"kty":"EC","crv":"P-384","x":"` + x + `","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-256","alg":"ES384","x":"` + x + `","y":"` + y + `"}`, `{"kty":"EC","crv":"P-256","x":"` + x + `=","y":"` + y + `="}`,
		`{"kty":"EC","crv":"P-256","alg":"RS256","x":"` + x + `","y":"` + y + `"}`, `{"kty":"EC","crv":"P-256","kid":7,"x":"` + x + `","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-256","use":7,"x":"` + x + `","y":"` + y + `"}`, `{"kty":"EC","crv":"P-256","x5c":["a"],"x":"` + x + `","y":"` + y + `"}`,
		`{"kty":"oct","k":"c2VjcmV0"}`, `{"kty":"oct","k":"c2VjcmV0","alg":"RS256"}`, `{"kty":"oct","k":"c2Vj*mV0"}`, `{"kty":"oct","k":""}`, `{"kty":"oct"}`, `{"kty":"oct","k":"c2VjcmV0="}`, `{"kty":"oct","k":"c"}`, `{"kty":"oct","k":"cz"}`,
		`{"kty":"OKP","crv":"Ed25519","x":"` + okp + `"}`, `{"kty":"OKP","crv":"Ed25519","x":"` + okp + `a"}`, `{"kty":"OKP","crv":"X25519","x":"` + okp + `"}`, `{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"` + okp + `"}`, `{"kty":"OKP","x":"` + okp + `"}`,
		`{"kty":"RSA","n":"` + n + `","e":"AQAB"}`, `{"kty":"RSA","n":"` + n + `","e":"Aw"}`, `{"kty":"RSA","n":"` + n + `","e":"BQ"}`, `{"kty":"RSA","n":"` + n + `","e":"AAEAAQ"}`, `{"kty":"RSA","n":"Aw","e":"AQAB"}`, `{"kty":"RSA","n":"` + n + `"}`,
		`{"kty":"RSA","alg":"PS512","n":"` + n + `","e":"AQAB"}`, `{"kty":"RSA","alg":"HS256","n":"` + n + `","e":"AQAB"}`, `{"kty":"RSA","n":"` + strings.Repeat("7", 3000) + `","e":"AQAB"}`, `{"kty":"RSA","n":"` + n[:len(n)-2] + `8A","e":"AQAB"}`,
	} {
		all = append(all, `{"keys":[`+key+`]}`)
	}
	return append(all, `{}`, `[]`, `{"keys":{}}`, `{"a":"-----BEGIN CERTIFICATE-----"}`)
}
