package soaktest

import (
	"context"
	"fmt"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"kibble.dev/translate"
)

// client is a proxy as far as a control plane can tell: it asks for everything,
// and accepts it, or refuses it now and then.
type client struct {
	address, node, class string
	// refuses is after how many answers it refuses one; 0: never.
	refuses int
}

// live connects and talks until ctx ends. told is called with each answer.
func (c *client) live(ctx context.Context, told func()) error {
	connection, err := grpc.NewClient(c.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	node := &corev3.Node{Id: c.node, Cluster: c.class}
	for _, typ := range []string{translate.ClusterType, translate.ListenerType} {
		if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: typ, ResourceNamesSubscribe: []string{"*"}}); err != nil {
			return ended(ctx, err)
		}
	}
	for n := 1; ; n++ {
		answer, err := stream.Recv()
		if err != nil {
			return ended(ctx, err)
		}
		reply := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: answer.GetTypeUrl(), ResponseNonce: answer.GetNonce()}
		if c.refuses > 0 && n%c.refuses == 0 {
			reply.ErrorDetail = &status.Status{Code: 13, Message: "not this one"}
		}
		if err := stream.Send(reply); err != nil {
			return ended(ctx, err)
		}
		if answer.GetTypeUrl() == translate.ClusterType {
			if err := stream.Send(follow(answer)); err != nil {
				return ended(ctx, err)
			}
		}
		told()
	}
}

// follow asks for the endpoints of clusters.
func follow(clusters *discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryRequest {
	r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: translate.EndpointType, ResourceNamesUnsubscribe: clusters.GetRemovedResources()}
	for _, c := range clusters.GetResources() {
		r.ResourceNamesSubscribe = append(r.ResourceNamesSubscribe, c.GetName())
	}
	return r
}

// ended makes nothing of an error that comes of the end.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // see above
	}
	return fmt.Errorf("a proxy lost its stream: %w", err)
}
