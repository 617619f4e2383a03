package livetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// upload is a body that is kept until there is an answer; it is far more than a guarded
// listener lets a connection hold.
const upload = 900 << 10

// counts is a program that says how much it was sent.
func counts(t testing.TB, name string) pod {
	t.Helper()
	return pod{address: upstreamOf(t, func(r *http.Request) string {
		n, err := io.Copy(io.Discard, r.Body)
		return fmt.Sprint(name, " ", n, " ", err)
	})}
}

// post sends a body to a router.
func (x *live) post(t testing.TB, router, host string, body []byte, headers http.Header) answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+x.address(router)+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host, req.Header = host, headers
	a, err := x.do(req)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What refuses connections has not seen a request, however large it is: somebody else
// gets all of it, from anybody's hands and inside, next to the proxy and behind another.
func TestUploadFindsSomebody(t *testing.T) {
	v1, body := counts(t, "v1"), make([]byte, upload)
	receiver := start(t, behind, map[string][]pod{"world-v1": {v1}, "world-v2": {refusing(t)}})
	proxy := []pod{{address: receiver.address("inside")}}
	inV2 := http.Header{"Cookie": {"env=world-v2"}, "L5d-Ctx-Dogfood": {"world-v2"}}
	for _, test := range []struct {
		what     string
		pods     map[string][]pod
		header   http.Header
		fallback string
	}{
		{"an environment that refuses", map[string][]pod{"world-v1": {v1}, "world-v2": {refusing(t), refusing(t)}}, inV2, "world-v2"},
		{"an environment that refuses its proxy", map[string][]pod{"world-v1": proxy, "world-v2": proxy}, inV2, "world-v2"},
		{"two of three refuse", map[string][]pod{"world-v1": {v1, refusing(t), refusing(t)}}, http.Header{}, ""},
	} {
		for _, router := range []string{"front", "inside"} {
			x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"), test.pods)
			for range 4 {
				a := x.post(t, router, "world", body, test.header)
				if want := fmt.Sprint("v1 ", upload, " <nil>"); a.status != http.StatusOK || a.body != want || a.fallback != test.fallback {
					t.Errorf("%s, %s: %s, want 200 %s fallback=%q", test.what, router, a, want, test.fallback)
				}
			}
			x.Stop()
		}
	}
}
