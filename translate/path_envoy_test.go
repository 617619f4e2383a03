package translate

import (
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"pgregory.net/rapid"
)

// What an untrusted router makes of a path is what cleanPath says, for paths
// that are put together of all that is peculiar about paths.
func TestEnvoyCleansPaths(t *testing.T) {
	l := newLab(t, listenerSpec{Untrusted: true, Class: "edge"}, nil, "")
	rc := labRoutes()
	rc.VirtualHosts[0].Routes = []*routev3.Route{{
		Match:                anyPath(),
		Action:               &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}},
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{setHeader(told, "%REQ(:path)%")},
	}}
	l.publish(t, "routes", rc)
	client := newRawClient(t, l.address)
	paths := []string{"/a//../b", "/a/%2e%2E/%2f", "/a/..;/b", "/a/..;x=1/b", "/a/.;/b", "//", "/a%252fb", "/%zz", "/a?x=//y/../z%2f"}
	pieces := []string{"/", "//", ".", "..", "%2e", "%2E", "%2f", "%5C", `\`, "a", "b", "%41", "%7e", "%27", "'", "*", ";", "%3b", "|", "{", "%", "%2", "%zz", "?", "%20", ":", "@", "[", "%00", "#"}
	paths = append(paths, rapid.Custom(func(t *rapid.T) []string {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return "/" + strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 8).Draw(t, "pieces"), "")
		}), 400, 400).Draw(t, "paths")
	}).Example(1)...)
	var redirected, refused, changed int
	for _, path := range paths {
		resp, _ := client.send(t, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
		got := strconv.Itoa(resp.StatusCode) + " " + resp.Header.Get(told) + resp.Header.Get("Location")
		clean, redirect, ok := cleanPath(path)
		want := "200 " + clean
		switch {
		case !ok:
			refused++
			want = "400 "
		case redirect:
			redirected++
			want = "307 " + clean
		case clean != path:
			changed++
		}
		if got != want {
			t.Errorf("%s: Envoy says %q, cleanPath %q", path, got, want)
		}
	}
	if redirected < 20 || refused < 20 || changed < 20 {
		t.Errorf("the paths prove little: %d redirected, %d refused, %d changed", redirected, refused, changed)
	}
}
