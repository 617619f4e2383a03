package translate

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"

	"kibble.dev/dogfood"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
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
		{"http://" + envoytest.FreeAddress(t) + "/keys", ""},
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

// What was fetched is good while it cannot be fetched again, however old it is. Here
// it is old after a second.
func TestKeysOutliveTheirIssuer(t *testing.T) {
	var away atomic.Bool
	var had, missed atomic.Int64
	keys := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			missed.Add(1)
			http.NotFound(w, r)
		} else {
			had.Add(1)
			fmt.Fprint(w, testKeys())
		}
	}))
	more := func(fetches *atomic.Int64) {
		from := fetches.Load()
		waittest.Until(t, "the keys are fetched again", func() bool { return fetches.Load() >= from+4 })
	}
	policies := compilePolicies(t, nil, [2]string{"staff",
		"{when: {jwt: {issuer: '" + testIssuer + "', jwksUrl: 'http://" + keys + "/keys', cookie: t, claims: [{name: groups, exact: ab}]}}}"})
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true}, policies, address)
	tokens, err := os.ReadFile(filepath.Join(l.dir, "tokens.json"))
	if err != nil {
		t.Fatal(err)
	}
	short := regexp.MustCompile(`"cacheDuration": *"300s"`).ReplaceAll(tokens, []byte(`"cacheDuration":"1s"`))
	if bytes.Equal(short, tokens) {
		t.Fatalf("there is no age of keys in %s", tokens)
	}
	next := filepath.Join(l.dir, "next.json")
	if err := errors.Join(os.WriteFile(next, short, 0o600), os.Rename(next, filepath.Join(l.dir, "tokens.json"))); err != nil {
		t.Fatal(err)
	}
	more(&had) // those of the older filters come every five minutes
	for _, fetches := range []*atomic.Int64{&had, &missed} {
		away.Store(fetches == &missed)
		more(fetches) // two filters do so once a second
		resp, _ := newRawClient(t, l.address).send(t, "GET / HTTP/1.1\r\nHost: a\r\nCookie: t="+testTokens()[0]+"\r\n\r\n")
		if got := up.last(t).Header.Get(dogfood.ContextHeader); got != "staff" || resp.StatusCode != http.StatusOK {
			t.Errorf("the issuer is away: %t: %s, context %q", away.Load(), resp.Status, got)
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
