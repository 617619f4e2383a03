package translate

import (
	"fmt"
	"net/http"
	"testing"

	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
)

// Keys are fetched from where the policy says. While they cannot be had no
// token is valid, and nobody is turned away.
func TestKeysAreFetched(t *testing.T) {
	keys := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/keys" {
			fmt.Fprint(w, testKeys())
		} else {
			http.NotFound(w, r)
		}
	}))
	token := testTokens()[0]
	for _, test := range []struct{ url, want string }{
		{"http://" + keys + "/keys", "staff"},
		{"http://" + keys + "/other", ""},
		{"http://" + refusing(t) + "/keys", ""},
	} {
		policies := compilePolicies(t, nil, [2]string{"staff",
			"{when: {jwt: {issuer: '" + testIssuer + "', jwksUrl: '" + test.url + "', cookie: t, claims: [{name: groups, exact: ab}]}}}"})
		up, address := newEcho(t)
		l := newLab(t, listenerSpec{Untrusted: true, Policies: true}, policies, address)
		resp, _ := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\nCookie: t="+token+"\r\n\r\n")
		if got := up.last(t).Header.Get(dogfood.ContextHeader); got != test.want || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, context %q, want %q", test.url, resp.Status, got, test.want)
		}
	}
}

func TestKeysClusters(t *testing.T) {
	policies := compilePolicies(t, nil,
		[2]string{"a", "{when: {jwt: {issuer: a, jwksUrl: 'https://Keys.Example/x'}}}"},
		[2]string{"b", "{when: {any: [{jwt: {issuer: b, jwksUrl: 'https://keys.example:443/y'}}, {jwt: {issuer: c, jwksUrl: 'http://keys.example/'}}]}}"})
	var names []string
	for _, c := range policyClusters(policies) {
		names = append(names, c.Name)
		if err := validateDeep(c); err != nil {
			t.Error(err)
		}
	}
	if got := fmt.Sprint(names); got != "[kibble/keys/http/keys.example:80 kibble/keys/https/keys.example:443]" {
		t.Error(got)
	}
}
