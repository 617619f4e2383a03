package translate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"kibble.dev/translate"
)

// What is encoded by hand is what protobuf reads, under any version.
func TestDelta(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(0, 200, -1).Draw(t, "name")
		c := &clusterv3.Cluster{Name: name, ConnectTimeout: durationpb.New(time.Second), AltStatName: strings.Repeat("x", rapid.IntRange(0, 20_000).Draw(t, "more"))}
		r, err := translate.NewResource(name, c, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, version := range []string{r.Version, r.Version + "~", "", rapid.String().Draw(t, "version")} {
			field := r.Delta(version)
			var m discoveryv3.DeltaDiscoveryResponse
			if err := proto.Unmarshal(slices.Concat(field, field), &m); err != nil {
				t.Fatal(err)
			}
			want := &discoveryv3.Resource{Name: name, Version: version, Resource: r.Body}
			for _, got := range m.GetResources() {
				if !proto.Equal(got, want) {
					t.Fatalf("got %v, want %v", got, want)
				}
			}
			if len(m.GetResources()) != 2 {
				t.Fatalf("%d resources", len(m.GetResources()))
			}
		}
	})
}

// Bytes are made once.
func TestDeltaIsShared(t *testing.T) {
	r, err := translate.NewResource("a", &clusterv3.Cluster{Name: "a"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { r.Delta(r.Version) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
