package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc"

	"kibble.dev/e2e/demotest"
)

// crowded is how many proxies there are beside the demo's.
const crowded = 150

// Proxies by the hundred lose their control plane and come back at once to one
// that has just started, with less memory than it would take (GOMEMLIMIT). An
// Envoy that starts while it is away waits, and is given all when it is there.
// Those that run are told nothing, and then what changes.
func crowdComesBack(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	crowd := assemble(l, kibble)
	defer crowd.leave()
	l.Eventually("all are there", crowd.connected)
	late := l.Top.Pod("hello")
	late.Name, late.IP, late.Via = "hello-alone", "10.244.9.8", "10.244.9.8"
	pods := l.Top.Pods
	l.Top.Pods = append(slices.Clone(pods), late)
	l.StartPod(late)
	l.AwaitUsed(late.IP)
	l.SetReady(late.Name, false) // nobody else uses it
	l.AwaitForgotten(late.IP)
	before := l.Settled()

	kibble.Kill()
	waits := l.RestartEnvoyAlone(late)
	if waits.Ready() {
		l.Error("an Envoy without configuration says that it is ready")
	}
	l.Await("earth", "world")
	kibble.Env = append(os.Environ(), "GOMEMLIMIT=20MiB")
	kibble.Start()
	l.AwaitReady(kibble)
	l.Eventually("all are there again", crowd.connected)
	waits.WaitReady(l)
	l.Eventually("the sidecar that waited leads to world", func() error { return through(l.Top.ProxyFor(late), "world (") })
	if told := demotest.Difference(before, l.Told()); onlyOf(told, late.Name) != len(told) {
		l.Errorf("proxies were told something: %v", told)
	}
	for range 3 {
		there(l)
	}
	crowd.leave()
	l.StopPod(late)
	l.Top.Pods = pods
	kibble.Kill()
	kibble.Env = nil
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
}

// crowd are proxies that accept all that they are sent, and come back when their
// stream ends.
type crowd struct {
	leave func()
	there atomic.Int64 // those that have been sent clusters over the stream that they have
}

func assemble(l *demotest.Lab, kibble *demotest.Replica) *crowd {
	ctx, cancel := context.WithCancel(l.Context())
	c := &crowd{}
	var members sync.WaitGroup
	c.leave = func() {
		cancel()
		members.Wait()
	}
	connections := make([]*grpc.ClientConn, 10)
	for i := range connections {
		connections[i] = l.Dial("sidecar", kibble)
	}
	for i := range crowded {
		members.Go(func() {
			for ctx.Err() == nil {
				_ = c.follow(ctx, connections[i%len(connections)], fmt.Sprintf("crowd-%d", i))
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
	return c
}

func (c *crowd) connected() error {
	if n := c.there.Load(); n != crowded {
		return fmt.Errorf("%d of %d are", n, crowded)
	}
	return nil
}

// follow is one stream of one proxy.
func (c *crowd) follow(ctx context.Context, to *grpc.ClientConn, node string) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(to).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	for _, typ := range []string{resourcev3.ClusterType, resourcev3.ListenerType} {
		err = errors.Join(err, stream.Send(&discoveryv3.DeltaDiscoveryRequest{
			Node: &corev3.Node{Id: node, Cluster: "sidecar"}, TypeUrl: typ, ResourceNamesSubscribe: []string{"*"},
		}))
	}
	counted := false
	defer func() {
		if counted {
			c.there.Add(-1)
		}
	}()
	for err == nil {
		var r *discoveryv3.DeltaDiscoveryResponse
		if r, err = stream.Recv(); err != nil {
			break
		}
		if !counted && r.GetTypeUrl() == resourcev3.ClusterType && len(r.GetResources()) > 0 {
			counted = true
			c.there.Add(1)
		}
		err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()})
		if r.GetTypeUrl() == resourcev3.ClusterType && err == nil {
			err = stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: resourcev3.EndpointType, ResourceNamesSubscribe: endpointsOf(r)})
		}
	}
	return err
}

// endpointsOf are the names of the clusters of a response that have endpoints of their own.
func endpointsOf(r *discoveryv3.DeltaDiscoveryResponse) (names []string) {
	for _, res := range r.GetResources() {
		if !strings.HasPrefix(res.GetName(), "aggregate") {
			names = append(names, res.GetName())
		}
	}
	return names
}
