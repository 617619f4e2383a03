package translate

import (
	"testing"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// The name of a port says that its endpoints speak HTTP/2, whichever namer has
// found it, and nothing else does.
func TestPortsOfHTTP2(t *testing.T) {
	for port, want := range map[string]bool{
		"grpc": true, "h2": true, "h2c": true, "http2": true, "grpc-api": true, "h2-incoming": true,
		"http": false, "grpcs": false, "https": false, "h22": false, "api-grpc": false,
	} {
		for kind, rest := range map[string]dtab.Path{dtab.KindK8s: {"default", port, "web"}, dtab.KindK8sNS: {port, "web"}} {
			namer := &namerSpec{config: v1alpha1.Namer{Kind: kind}, prefix: dtab.Path{kind}}
			target := target{namer: namer, id: append(dtab.Path{"#", kind}, rest...)}
			if got := target.speaksHTTP2(); got != want {
				t.Errorf("port %s of %s: %t", port, kind, got)
			}
		}
	}
}
