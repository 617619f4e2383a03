package faults_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"kibble.dev/e2e/demotest"
)

// policiesAlike returns when another control plane would give the edge the policies
// that it has from its own. Each of them hears of a change, and tries it, in its own
// time.
func policiesAlike(l *demotest.Lab, own, other *demotest.Replica) {
	l.Helper()
	l.Eventually("both serve the same policies", func() error {
		want := l.Accepted(own, "edge", "TypedExtensionConfig")
		got, err := extensions(l, other, slices.Sorted(maps.Keys(want)))
		if err == nil && (len(want) == 0 || !maps.Equal(want, got)) {
			err = fmt.Errorf("one serves %v, the other %v", want, got)
		}
		return err
	})
}

// extensions asks a control plane, as an edge would, for extensions, and gives
// their versions.
func extensions(l *demotest.Lab, of *demotest.Replica, names []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(l.Context(), 30*time.Second)
	defer cancel()
	connection := l.Dial("edge", of)
	defer connection.Close()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{
		Node: &corev3.Node{Id: "asks", Cluster: "edge"}, TypeUrl: resourcev3.ExtensionConfigType, ResourceNamesSubscribe: names,
	}); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for len(versions) < len(names) {
		r, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		for _, res := range r.GetResources() {
			versions[res.GetName()] = res.GetVersion()
		}
		if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}); err != nil {
			return nil, err
		}
	}
	return versions, nil
}
