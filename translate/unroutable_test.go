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
	m := &maker{source: "routers.yaml:3"}
	made := m.cluster(&clusterv3.Cluster{Name: "web", ConnectTimeout: durationpb.New(-1)})
	if made != nil || len(m.found) != 1 || len(m.failed) != 1 {
		t.Fatalf("found %v, failed %v; served %v", m.found, m.failed, made)
	}
	said := m.found[0].String()
	for _, part := range []string{"routers.yaml:3", "error: Envoy would refuse web: ", "ConnectTimeout", "[KB1202]"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}
