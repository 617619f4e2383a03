package xds_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"kibble.dev/translate"
	"kibble.dev/xds"
)

// services is a snapshot of n clusters with endpoints, and the name of each.
func services(b *testing.B, n int) (*translate.ClassSnapshot, []string) {
	snapshot := classOf()
	snapshot.Resources[cds], snapshot.Resources[eds] = map[string]*translate.Resource{}, map[string]*translate.Resource{}
	var names []string
	for i := range n {
		name := fmt.Sprintf("/#/io.l5d.k8s/default/http/service-%d", i)
		snapshot.Resources[cds][name] = cluster(b, name, time.Second)
		snapshot.Resources[eds][name] = endpoints(b, name, "10.0.0.1:80")
		names = append(names, name)
	}
	return snapshot, names
}

// client is a delta client that asks for what it is told to, acknowledges
// everything, and tells of each response how many resources it has and its size.
func client(b *testing.B, address string, got chan<- received, asks ...*discoveryv3.DeltaDiscoveryRequest) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range asks {
		if r = proto.CloneOf(r); i == 0 {
			r.Node = node("n", "edge")
		}
		if err := stream.Send(r); err != nil {
			b.Fatal(err)
		}
	}
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}); err != nil {
				return
			}
			got <- received{len(r.GetResources()), proto.Size(r)}
		}
	}()
}

type received struct{ resources, bytes int }

// receive waits until clients have been given a number of resources, and gives
// the bytes that they came in.
func receive(got <-chan received, n int) (bytes int) {
	for n > 0 {
		r := <-got
		n, bytes = n-r.resources, bytes+r.bytes
	}
	return bytes
}

// BenchmarkEndpointChange is one changed endpoint of 1,000 services, until
// every client has it.
func BenchmarkEndpointChange(b *testing.B) {
	snapshot, names := services(b, 1000)
	changed := []*translate.Resource{endpoints(b, names[0], "10.0.0.2:80"), endpoints(b, names[0], "10.0.0.3:80")}
	changes(b, snapshot, changed, 2000,
		&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds}, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: names})
}

// BenchmarkRouteChange is one changed virtual host of 1,000, until every client
// has it.
func BenchmarkRouteChange(b *testing.B) {
	snapshot, names := services(b, 1000)
	snapshot.Resources[rds] = map[string]*translate.Resource{"default/outgoing": table(b, "default/outgoing")}
	snapshot.Resources[vhds] = map[string]*translate.Resource{}
	for i, name := range names {
		h := host(b, "default/outgoing", fmt.Sprintf("service-%d", i), name, nil)
		snapshot.Resources[vhds][h.Name] = h
	}
	changed := []*translate.Resource{
		host(b, "default/outgoing", "service-0", names[1], nil), host(b, "default/outgoing", "service-0", names[2], nil),
	}
	changes(b, snapshot, changed, 3001,
		&discoveryv3.DeltaDiscoveryRequest{TypeUrl: cds}, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds, ResourceNamesSubscribe: names},
		&discoveryv3.DeltaDiscoveryRequest{TypeUrl: rds, ResourceNamesSubscribe: []string{"default/outgoing"}}, &discoveryv3.DeltaDiscoveryRequest{TypeUrl: vhds})
}

// changes measures how long it takes until every client has each change of one
// resource, and beside it how long the floor takes.
func changes(b *testing.B, snapshot *translate.ClassSnapshot, changed []*translate.Resource, all int, asks ...*discoveryv3.DeltaDiscoveryRequest) {
	typ, name := changed[0].Body.GetTypeUrl(), changed[0].Name
	for _, clients := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s, address := serve(b, xds.Options{})
			s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": snapshot}})
			got := make(chan received, 1000)
			for range clients {
				client(b, address, got, asks...)
			}
			receive(got, clients*all)
			i, bytes := 0, 0
			for b.Loop() {
				next := *snapshot
				next.Resources = maps.Clone(snapshot.Resources)
				next.Resources[typ] = maps.Clone(snapshot.Resources[typ])
				next.Resources[typ][name] = changed[i%2]
				i++
				s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": &next}})
				bytes += receive(got, clients)
			}
			b.ReportMetric(float64(bytes)/float64(i*clients), "bytes/client")
		})
		b.Run(fmt.Sprintf("floor/clients=%d", clients), func(b *testing.B) {
			f, address := serveFloor(b)
			got := make(chan received, 1000)
			for range clients {
				client(b, address, got, asks...)
			}
			until(b, "clients are there", func() bool { return f.connected() == clients })
			i := 0
			for b.Loop() {
				f.publish(b, changed[i%2])
				i++
				receive(got, clients)
			}
		})
	}
}
