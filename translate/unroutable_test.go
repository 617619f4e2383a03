package translate

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What Envoy would refuse is left out, and is a finding with its words (KB1202)
// and with what it was made of. No object leads there as far as we know: what is
// made of objects is checked field by field before.
func TestWouldBeRefused(t *testing.T) {
	cb := &classBuilder{source: "routers.yaml:3", snapshot: &ClassSnapshot{Resources: map[string]map[string]*Resource{}}}
	cb.put("web", &clusterv3.Cluster{Name: "web", ConnectTimeout: durationpb.New(-1)})
	if len(cb.found) != 1 || len(cb.snapshot.Resources) > 0 {
		t.Fatalf("found %v; served %v", cb.found, cb.snapshot.Resources)
	}
	said := cb.found[0].String()
	for _, part := range []string{"routers.yaml:3", "error: Envoy would refuse web: ", "ConnectTimeout", "[KB1202]"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}
