package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

const maxMessage = 64 << 20

// hostType is that of virtual hosts that travel one by one.
const hostType = resource.VirtualHostType

// client is one stream.
type client struct {
	fleet  *fleet
	id     string
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

	asked    map[string]map[string]bool // by type, names
	has      map[string]map[string]bool // by type, names
	hosts    int                        // in route tables, without those that travel
	complete bool
	found    *sighting // newest
}

// run follows the control plane until the context ends.
func (c *client) run(ctx context.Context) error {
	conn, err := grpc.NewClient(c.fleet.address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler((*received)(c.fleet)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{BaseDelay: 5 * time.Millisecond, Multiplier: 1, MaxDelay: 5 * time.Millisecond}, MinConnectTimeout: time.Second,
		}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", c.fleet.address, err)
	}
	defer conn.Close()
	c.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return fmt.Errorf("open a stream: %w", err)
	}
	c.asked, c.has = map[string]map[string]bool{}, map[string]map[string]bool{}
	node := &corev3.Node{Id: c.id, Cluster: c.fleet.class}
	if err := c.send(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: resource.ClusterType}); err != nil {
		return err
	}
	if err := c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resource.ListenerType}); err != nil {
		return err
	}
	for {
		r, err := c.stream.Recv()
		if err != nil {
			return fmt.Errorf("%s: receive: %w", c.id, err)
		}
		if err := c.take(r); err != nil {
			return err
		}
	}
}

func (c *client) send(r *discoveryv3.DeltaDiscoveryRequest) error {
	if err := c.stream.Send(r); err != nil {
		return fmt.Errorf("%s: send: %w", c.id, err)
	}
	return nil
}

// take acknowledges a response, asks for what its resources name, and looks
// for what is waited for.
func (c *client) take(r *discoveryv3.DeltaDiscoveryResponse) error {
	at := now()
	typ := r.GetTypeUrl()
	if err := c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ, ResponseNonce: r.GetNonce()}); err != nil {
		return err
	}
	if c.has[typ] == nil {
		c.has[typ] = map[string]bool{}
	}
	want := map[string][]string{}
	for _, res := range r.GetResources() {
		c.has[typ][res.GetName()] = true
		s := c.fleet.seen(typ, res)
		if s.err != nil {
			return fmt.Errorf("%s %s: %w", typ, res.GetName(), s.err)
		}
		if typ == resource.RouteType {
			c.hosts = s.hosts
		}
		for asked, names := range s.names {
			want[asked] = append(want[asked], names...)
		}
		if s.found != nil && s.found != c.found {
			c.found = s.found
			c.fleet.arrived(s.found, at, s.size)
		}
	}
	for _, name := range r.GetRemovedResources() {
		delete(c.has[typ], name)
	}
	for asked, names := range want {
		if err := c.ask(asked, names); err != nil {
			return err
		}
	}
	if !c.complete && c.everything() {
		c.complete = true
		c.fleet.arrived(c.fleet.everything, at, 0)
	}
	return nil
}

// ask subscribes to names that were not asked for yet.
func (c *client) ask(typ string, names []string) error {
	first := c.asked[typ] == nil
	if first {
		c.asked[typ] = map[string]bool{}
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		had := c.asked[typ][n]
		c.asked[typ][n] = true
		return had
	})
	switch {
	case typ == hostType && first:
		names = nil // all virtual hosts of the table are asked for without a name
	case typ == hostType || len(names) == 0:
		return nil
	}
	return c.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ, ResourceNamesSubscribe: names})
}

// everything tells that the client could work.
func (c *client) everything() bool {
	n := c.fleet.services
	if len(c.has[resource.ClusterType]) < n || len(c.has[resource.EndpointType]) < n || len(c.has[resource.ListenerType]) == 0 ||
		c.hosts+len(c.has[hostType]) < n {
		return false
	}
	for typ, names := range c.asked {
		for name := range names {
			if typ != hostType && !c.has[typ][name] {
				return false
			}
		}
	}
	return true
}
