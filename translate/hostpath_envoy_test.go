package translate

import (
	"fmt"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"kibble.dev/dogfood"
	"kibble.dev/internal/usertext"
)

// Whatever regular expression of a path is not refused, Envoy takes, and it
// matches those paths that we say.
func TestEnvoyReadsPathExpressionsAlike(t *testing.T) {
	var sets []hostPath
	for _, text := range usertext.Regexes() {
		for _, path := range []string{text, "/" + text, "/(" + text + ")+", "/[" + text + "]"} {
			whole, err := dogfood.WholeText(path)
			if err == nil {
				sets = append(sets, hostPath{kind: IngressRegex, path: path, whole: whole})
			}
		}
	}
	rc := &routev3.RouteConfiguration{Name: "r"}
	for i, set := range sets {
		domain := fmt.Sprintf("h%d", i)
		rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{
			Name: domain, Domains: []string{domain},
			Routes: []*routev3.Route{{Match: set.match(domain), Action: &routev3.Route_DirectResponse{
				DirectResponse: &routev3.DirectResponseAction{Status: 200, Body: &corev3.DataSource{
					Specifier: &corev3.DataSource_InlineString{InlineString: "yes"},
				}},
			}}},
		})
	}
	client := startMatchers(t, []*routev3.RouteConfiguration{rc})[0]
	paths := []string{"/", "/a", "/A", "/aa", "/a/b", "/b", "/k", "/0", "/_", "/-", "/.", "/,", "/x", "/ab", "/a?b", "/a.", "/aaaaaaaaaa", "/p", "/L", "/{", "/é", "/\xe9", "/\xc5"}
	matched := 0
	for i, set := range sets {
		for _, path := range paths {
			resp, _ := client.send(t, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: h%d\r\n\r\n", path, i))
			if resp.StatusCode == 400 {
				continue // Envoy does not read such a request
			}
			plain, _, _ := strings.Cut(path, "?")
			want := set.matches(fmt.Sprintf("h%d", i), plain)
			if want {
				matched++
			}
			if got := resp.StatusCode == 200; got != want {
				t.Errorf("%q (%q) matches %q: Envoy says %v, we %v", set.path, set.whole.Pattern, path, got, want)
			}
		}
	}
	if t.Logf("%d expressions, %d matches", len(sets), matched); matched < 200 {
		t.Error("the paths prove little")
	}
}
