package xds_test

import (
	"fmt"
	"maps"
	"net"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

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

// client is a delta client that acknowledges everything and counts resources.
func client(b *testing.B, address string, names []string, got chan<- int) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range []*discoveryv3.DeltaDiscoveryRequest{
		{Node: node("n", "edge"), TypeUrl: cds}, {TypeUrl: eds, ResourceNamesSubscribe: names},
	} {
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
			got <- len(r.GetResources())
		}
	}()
}

// BenchmarkEndpointChange is one changed endpoint of 1,000 services, until
// every client has it.
func BenchmarkEndpointChange(b *testing.B) {
	for _, clients := range []int{1, 50, 200} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			snapshot, names := services(b, 1000)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			s := xds.New(xds.Options{})
			stop := serveOn(b, s, l)
			defer stop()
			s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": snapshot}})
			got := make(chan int, 1000)
			for range clients {
				client(b, l.Addr().String(), names, got)
			}
			receive := func(n int) {
				for n > 0 {
					n -= <-got
				}
			}
			receive(clients * 2000)
			changed := []*translate.Resource{endpoints(b, names[0], "10.0.0.2:80"), endpoints(b, names[0], "10.0.0.3:80")}
			i := 0
			for b.Loop() {
				next := *snapshot
				next.Resources = maps.Clone(snapshot.Resources)
				next.Resources[eds] = maps.Clone(snapshot.Resources[eds])
				next.Resources[eds][names[0]] = changed[i%2]
				i++
				s.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": &next}})
				receive(clients)
			}
		})
	}
}
