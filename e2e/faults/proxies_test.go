package faults_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	discoveryk8s "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

// subscribe opens a stream as a sidecar would, asks for all clusters and
// listeners, and returns with the first answer, which it does not acknowledge.
// Its connection ends when ctx does.
func subscribe(ctx context.Context, l *demotest.Lab, id string) error {
	connection := l.Dial("sidecar", l.Replicas[0])
	context.AfterFunc(ctx, func() { _ = connection.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(connection).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	for _, typ := range []string{resourcev3.ClusterType, resourcev3.ListenerType} {
		err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{
			Node: &corev3.Node{Id: id, Cluster: "sidecar"}, TypeUrl: typ, ResourceNamesSubscribe: []string{"*"},
		})
		if err != nil {
			return err
		}
	}
	_, err = stream.Recv()
	return err
}

// Proxies that take what they are sent and never say so keep nobody else waiting.
func neverAcknowledges(l *demotest.Lab, _ *demotest.Link) {
	ctx, cancel := context.WithCancel(l.Context())
	defer cancel()
	for i := range 20 {
		l.Must(subscribe(ctx, l, fmt.Sprintf("mute-%d", i)))
	}
	for range 3 {
		there(l)
	}
}

// Proxies that connect, ask for everything and go, again and again, do not
// disturb the others.
func reconnects(l *demotest.Lab, _ *demotest.Link) {
	ctx, cancel := context.WithCancel(l.Context())
	var times, failed atomic.Int64
	var loops sync.WaitGroup
	for i := range 4 {
		loops.Go(func() {
			for ctx.Err() == nil {
				once, end := context.WithCancel(ctx)
				if err := subscribe(once, l, fmt.Sprintf("restless-%d", i)); err != nil && ctx.Err() == nil {
					failed.Add(1)
				}
				times.Add(1)
				end()
			}
		})
	}
	for range 3 {
		there(l)
	}
	cancel()
	loops.Wait()
	if l.Logf("%d times a proxy came and went", times.Load()); times.Load() == 0 || failed.Load() > 0 {
		l.Errorf("%d of %d streams failed", failed.Load(), times.Load())
	}
}

// churn is how many slices of a hundred endpoints change, and how often each.
const (
	churned = 10
	rounds  = 50
)

// Endpoints of ten services that routes lead to change a hundred at a time, as
// fast as the API server takes it and no slower than 1,000 in a second. Other
// changes go on arriving, and in the end what was written last is what counts.
func manyChanges(l *demotest.Lab, _ *demotest.Link) {
	services := make([]string, churned)
	for i := range services {
		services[i] = fmt.Sprintf("churn-%d", i)
		l.Apply(l.Objects(fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}", services[i]))...)
		_, err := l.Kube.DiscoveryV1().EndpointSlices("default").Create(l.Context(), slice(services[i], 0), metav1.CreateOptions{})
		l.Must(err)
	}
	rule := "/host/world => /srv/world-v1"
	for _, s := range services {
		rule += " ;\n/host/" + s + " => /srv/" + s
	}
	l.EditDtab("outgoing", toV1, rule)
	hello := l.Envoys[l.Top.Pod("hello").Name]
	l.AwaitEndpoint(hello, address(churned-1, 0))

	began := time.Now()
	var writers sync.WaitGroup
	errs := make(chan error, churned)
	for i, s := range services {
		writers.Go(func() {
			for round := range rounds {
				if _, err := l.Kube.DiscoveryV1().EndpointSlices("default").Update(l.Context(), slice(s, round+1), metav1.UpdateOptions{}); err != nil {
					errs <- fmt.Errorf("slice %d: %w", i, err)
					return
				}
			}
		})
	}
	writers.Wait()
	took := time.Since(began)
	close(errs)
	for err := range errs {
		l.Error(err)
	}
	written := time.Now()
	for i := range services {
		l.AwaitEndpoint(hello, address(i, rounds))
	}
	changes := churned * rounds * perSlice
	l.Logf("%d endpoint changes in %v, %.0f in a second; an Envoy had the last %v later",
		changes, took.Round(time.Millisecond), float64(changes)/took.Seconds(), time.Since(written).Round(time.Millisecond))
	there(l)
	l.EditDtab("outgoing", rule, toV1)
	for _, s := range services {
		l.Must(l.Kube.CoreV1().Services("default").Delete(l.Context(), s, metav1.DeleteOptions{}))
		l.Must(l.Kube.DiscoveryV1().EndpointSlices("default").Delete(l.Context(), s, metav1.DeleteOptions{}))
	}
}

const perSlice = 100

// address is that of the first endpoint of a service, in a round.
func address(service, round int) string { return fmt.Sprintf("10.%d.%d.1", 100+service, round) }

// slice holds a service's endpoints, which are others in each round.
func slice(service string, round int) *discoveryk8s.EndpointSlice {
	var number int
	_, _ = fmt.Sscanf(service, "churn-%d", &number)
	name, port, ready := "http", int32(80), true
	s := &discoveryk8s.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: service, Labels: map[string]string{discoveryk8s.LabelServiceName: service}},
		AddressType: discoveryk8s.AddressTypeIPv4, Ports: []discoveryk8s.EndpointPort{{Name: &name, Port: &port}},
	}
	for i := range perSlice {
		s.Endpoints = append(s.Endpoints, discoveryk8s.Endpoint{
			Addresses:  []string{fmt.Sprintf("10.%d.%d.%d", 100+number, round, i+1)},
			Conditions: discoveryk8s.EndpointConditions{Ready: &ready},
		})
	}
	return s
}
