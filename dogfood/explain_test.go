package dogfood

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHolds(t *testing.T) {
	header := func(pairs ...string) Request {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return Request{Method: "GET", Host: "www.Hello.world.:80", Path: "/a?b", Header: h, Source: netip.MustParseAddr("10.1.2.3")}
	}
	cookie := func(lines ...string) Request {
		r := header()
		r.Header["Cookie"] = lines
		return r
	}
	const dog = "{cookie: {name: c, regex: '(?i)dogfood'}}"
	for _, test := range []struct {
		when  string
		req   Request
		holds bool
	}{
		{dog, cookie("c=xDOGFOODx"), true},
		{dog, cookie("a=b;c=dogfood"), true},
		{dog, cookie("a=b", "c=dogfood"), true},
		{dog, cookie(`c="dogfood"`), true},
		{dog, cookie("c=no; c=dogfood"), false},
		{dog, cookie("c=; c=dogfood"), false},
		{dog, cookie("C=dogfood"), false},
		{dog, cookie("xc=dogfood"), false},
		{dog, cookie("a=c=dogfood"), false},
		{dog, cookie("\tc=dogfood"), false},
		{dog, cookie("c =dogfood"), false},
		{dog, cookie("c=\xff\xfedogfood\x80"), true},
		{dog, cookie("c=dogfood" + strings.Repeat("x", 8<<10-7)), false},
		{dog, cookie("c=dogfood" + strings.Repeat("x", 8<<10-8)), true},
		{"{cookie: {name: c, regex: '^\\Qa.b'}}", cookie("c=a.b)"), true},
		{"{cookie: {name: c, regex: 'k', ignoreCase: true}}", cookie("c=K"), true},
		{"{cookie: {name: c, exact: Letmein}}", cookie("c=letmein"), false},
		{"{cookie: {name: c, exact: Letmein, ignoreCase: true}}", cookie("c=lETMEIN"), true},
		{"{cookie: {name: c, suffix: é, ignoreCase: true}}", cookie("c=É"), false},
		{"{header: {name: x-a, exact: 'a,b'}}", header("X-A", "a", "x-a", "b"), true},
		{"{header: {name: x-a, exact: ''}}", header("X-A", ""), true},
		{"{header: {name: x-a, exact: ''}}", header(), false},
		{"{header: {name: host, exact: 'www.Hello.world:80'}}", header(), true},
		{"{header: {name: ':path', prefix: '/a?'}}", header(), true},
		{"{sourceRanges: [10.1.2.3/32, 'fd00::/8']}", header(), true},
		{"{sourceRanges: ['::ffff:0:0/96', 10.1.2.4/32]}", header(), false},
		{"{not: {header: {name: x-a, regex: .*}}}", header(), true},
		{"{all: [{header: {name: x-a, exact: a}}], any: [{sourceRanges: [10.0.0.0/8]}, {header: {name: x-b, exact: b}}]}", header("x-a", "a"), true},
		{"{all: [{header: {name: x-a, exact: a}}], any: [{sourceRanges: [11.0.0.0/8]}, {header: {name: x-b, exact: b}}]}", header("x-a", "a"), false},
		{"{percent: {of: '100', header: x-user}}", header("x-user", "u"), true},
		{"{percent: {of: '100', header: x-user}}", header("x-user", ""), false},
		{"{percent: {of: '0', header: x-user}}", header("x-user", "u"), false},
		{"{jwt: {issuer: i, cookie: t, jwks: '{\"keys\":[{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}]}'}}", cookie("t=x"), false},
	} {
		v := condition(t, test.when).Explain(test.req, nil)
		if v.Holds != test.holds {
			t.Errorf("%s with %v:\n%s", test.when, test.req, v)
		}
	}
}

func TestExplainJWT(t *testing.T) {
	c := condition(t, `{jwt: {issuer: corp, jwks: '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', claims: [
		{name: groups, exact: dogfood}, {name: "a.b\\.c.d", exact: "true"}, {name: num, exact: "7"}, {name: s, prefix: x}]}}`)
	verify := func(_ JWT, token string) (map[string]any, error) {
		if token != "a.b-_.c" {
			return nil, errors.New("the signature is wrong")
		}
		return map[string]any{
			"groups": []any{"x", "dogfood"}, "num": 7.0, "s": "y",
			"a": map[string]any{"b.c": map[string]any{"d": true}},
		}, nil
	}
	r := Request{Header: http.Header{"Authorization": {"Bearer a.b-_.c, more"}}}
	want := `no  token of "corp"
  yes valid token in header authorization: a valid one
  yes claim groups is "dogfood": ["x","dogfood"]
  yes claim a.b.c.d is "true": true
  yes claim num is "7": 7
  no  claim s begins with "x": "y"
`
	if diff := cmp.Diff(want, c.Explain(r, verify).String()); diff != "" {
		t.Error(diff)
	}
	r.Header.Set("Authorization", "Bearer other")
	want = `no  token of "corp"
  no  valid token in header authorization: the signature is wrong
`
	if diff := cmp.Diff(want, c.Explain(r, verify).String()); diff != "" {
		t.Error(diff)
	}
}

func TestVerdictReads(t *testing.T) {
	c := condition(t, "{cookie: {name: c, regex: '(?i)dogfood'}, percent: {of: '12.5', cookie: uid}, not: {sourceRanges: [10.0.0.0/8]}}")
	r := Request{Header: http.Header{"Cookie": {"c=xDog; uid=ann"}}, Source: netip.MustParseAddr("192.0.2.1")}
	place := c.(All)[1].(Percent).place("ann")
	want := fmt.Sprintf(`no  all of
  no  cookie c matches (?i)dogfood: "xDog"
  %s 12.5%% of the people told apart by cookie uid: "ann" stands at %s of 100
  yes not
    no  source address in 10.0.0.0/8: 192.0.2.1
`, map[bool]string{true: "yes", false: "no "}[place < 125_000], percentText(place))
	if diff := cmp.Diff(want, c.Explain(r, nil).String()); diff != "" {
		t.Error(diff)
	}
}
