package translate

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"kibble.dev/dogfood"
)

// ask sends a request and gives the context that the upstream was told, and
// the route that was taken.
func (l lab) ask(t testing.TB, c *http.Client, up echo, req dogfood.Request) (context []string, route string) {
	r, err := http.NewRequest(req.Method, "http://"+req.Host+req.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = req.Header.Clone()
	if req.Source.IsValid() {
		r.Header.Set("X-Forwarded-For", req.Source.String())
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s %v", resp.Status, err)
	}
	got := <-up.seen
	return got.Header.Values(dogfood.ContextHeader), got.Header.Get("X-Route")
}

func TestEdgeDecides(t *testing.T) {
	namespaces := map[string]map[string]string{"pr-1": {"preview": "yes"}, "pr-2": {"preview": "yes"}, "default": nil}
	family := "{forEach: {namespaceSelector: {matchLabels: {preview: 'yes'}}}, when: {cookie: {name: env, exact: '{namespace}'}}}"
	policies := compilePolicies(t, namespaces,
		[2]string{"world-v2", "{when: {cookie: {name: special_employee_cookie, regex: '(?i)dogfood'}}}"},
		[2]string{"a-first", "{when: {cookie: {name: beta, exact: '1'}}, priority: 5}"},
		[2]string{"office", "{when: {sourceRanges: [10.0.0.0/8], header: {name: x-beta, exact: '1'}}}"},
		[2]string{"preview", family},
	)
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true, Hops: 1}, policies, address)
	for _, test := range []struct {
		name, want string
		header     http.Header
		source     string
	}{
		{"nothing", "", nil, ""},
		{"cookie", "world-v2", http.Header{"Cookie": {"a=b; special_employee_cookie=xDogFOODx"}}, ""},
		{"other value", "", http.Header{"Cookie": {"special_employee_cookie=cat"}}, ""},
		{"other name", "", http.Header{"Cookie": {"not_special_employee_cookie=dogfood"}}, ""},
		{"two, the stronger one last", "world-v2,a-first", http.Header{"Cookie": {"beta=1; special_employee_cookie=dogfood"}}, ""},
		{"family first", "preview.pr-2,world-v2,a-first", http.Header{"Cookie": {"beta=1; special_employee_cookie=dogfood; env=pr-2"}}, ""},
		{"no such member", "", http.Header{"Cookie": {"env=default"}}, ""},
		{"address", "office", http.Header{"X-Beta": {"1"}}, "10.1.1.1"},
		{"other address", "", http.Header{"X-Beta": {"1"}}, "11.1.1.1"},
		{"forged", "world-v2", http.Header{"Cookie": {"special_employee_cookie=dogfood"}, "L5d-Ctx-Dogfood": {"a-first"}}, ""},
	} {
		for _, http2 := range []bool{false, true} {
			req := dogfood.Request{Method: "GET", Host: "world", Path: "/", Header: test.header}
			if test.source != "" {
				req.Source = netip.MustParseAddr(test.source)
			}
			if req.Header == nil {
				req.Header = http.Header{}
			}
			lines, route := l.ask(t, l.client(t, http2), up, req)
			if got := strings.Join(lines, " | "); got != test.want {
				t.Errorf("%s: context %q, want %q", test.name, got, test.want)
			}
			if want := map[bool]string{true: "baseline", false: "override"}[test.want == ""]; route != want {
				t.Errorf("%s: route %s, want %s", test.name, route, want)
			}
		}
	}
}

// A change of the policies is felt at once, and no connection is closed for it.
func TestPoliciesChangeUnderConnections(t *testing.T) {
	up, address := newEcho(t)
	l := newLab(t, listenerSpec{Untrusted: true, Policies: true}, nil, address)
	c := newRawClient(t, l.address)
	for i, specs := range [][][2]string{
		nil,
		{{"one", "{when: {header: {name: x-a, exact: '1'}}}"}},
		{{"two", "{when: {not: {header: {name: x-b, exact: '1'}}}}"}, {"one", "{when: {header: {name: x-a, exact: '1'}}}"}},
		{{"two", "{when: {header: {name: x-b, exact: '1'}}}"}},
		nil,
	} {
		want := []string{"", "one", "one,two", "", ""}[i]
		if i > 0 {
			ext, err := newPolicyExtension("policies", compilePolicies(t, nil, specs...))
			if err != nil {
				t.Fatal(err)
			}
			l.publish(t, "policies", ext)
		}
		c.send(t, "GET / HTTP/1.1\r\nHost: a\r\nx-a: 1\r\n\r\n")
		if got := up.last(t).Header.Get(dogfood.ContextHeader); got != want {
			t.Errorf("step %d: context %q, want %q", i, got, want)
		}
	}
	if got := l.counter(t, "http.front.downstream_cx_total"); !strings.HasSuffix(got, ": 1\n") {
		t.Errorf("the connection was closed: %s", got)
	}
}
