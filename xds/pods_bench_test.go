package xds_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// Proxies by the thousand that connect at once, as when a control plane has been
// restarted: until the last one has its listeners, and how long the change of an
// endpoint takes meanwhile until a proxy has it that was there before. With bind pod
// each has listeners of its own; the floor are those that all share.
func BenchmarkPodsConnect(b *testing.B) {
	const proxies = 2000
	for _, bind := range []v1alpha1.Bind{v1alpha1.BindAny, v1alpha1.BindPod} {
		b.Run(fmt.Sprintf("bind=%s", bind), func(b *testing.B) {
			var all time.Duration
			var took, waited []time.Duration
			n := 0
			for b.Loop() {
				last, publishing, changes := podsConnect(b, bind, proxies)
				n, all = n+1, all+last
				took, waited = append(took, publishing...), append(waited, changes...)
			}
			b.ReportMetric(float64(all.Milliseconds())/float64(n), "ms/all")
			for what, times := range map[string][]time.Duration{"publish": took, "change": waited} {
				slices.Sort(times)
				b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, what+"-p50-ms")
				b.ReportMetric(float64(times[len(times)-1].Microseconds())/1000, what+"-max-ms")
			}
			b.ReportMetric(float64(len(waited))/float64(n), "changes")
			b.ReportMetric(0, "ns/op") // it would be that of building all of this, too
		})
	}
}

// podsConnect gives the time until all have their two listeners, and of each change
// meanwhile how long the server took to take it, and how long it was under way. The
// second is also that of the clients, which take most of the processors.
func podsConnect(b *testing.B, bind v1alpha1.Bind, proxies int) (all time.Duration, took, waited []time.Duration) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	inv := meshed(b, bind)
	model := translate.NewModel(inv, time.Now())
	snapshot, _ := model.Snapshot()
	s, address := serve(b, xds.Options{})
	s.Publish(snapshot)

	changed := inv.Services[translate.Key{Namespace: "default", Name: "s0"}]
	got := make(chan received, 1000)
	podClient(ctx, b, dialPods(b, address), "probe", "10.9.9.9", func(r *discoveryv3.DeltaDiscoveryResponse) {
		if r.GetTypeUrl() == eds {
			got <- received{len(r.GetResources()), 0}
		}
	})
	receive(got, len(snapshot.Classes["sidecar"].Resources[eds]))

	var connections []*grpc.ClientConn
	for range 20 {
		connections = append(connections, dialPods(b, address))
	}
	var left sync.WaitGroup
	left.Add(proxies)
	began := time.Now()
	go func() {
		for i := range proxies {
			listeners, once := 0, sync.OnceFunc(left.Done)
			podClient(ctx, b, connections[i%len(connections)], fmt.Sprintf("p%d", i), fmt.Sprintf("10.1.%d.%d", i/250, 1+i%250), func(r *discoveryv3.DeltaDiscoveryResponse) {
				if r.GetTypeUrl() == lds {
					if listeners += len(r.GetResources()); listeners >= 2 {
						once()
					}
				}
			})
		}
	}()
	done := make(chan struct{})
	go func() {
		left.Wait()
		close(done)
	}()
	for i := 0; ; i++ {
		select {
		case <-done:
			return time.Since(began), took, waited
		default:
		}
		next, services := *inv, maps.Clone(inv.Services)
		services[changed.Key] = service(b, "s0", fmt.Sprintf("10.2.%d.%d:80", i/250%250, 1+i%250))
		next.Services = services
		model = model.Next(&next, time.Now())
		snapshot, _ = model.SnapshotAfter(snapshot)
		at := time.Now()
		s.Publish(snapshot)
		took = append(took, time.Since(at))
		receive(got, 1)
		waited = append(waited, time.Since(at))
		time.Sleep(5 * time.Millisecond)
	}
}

// meshed are 100 services, and the two routers beside each pod.
func meshed(b *testing.B, bind v1alpha1.Bind) *translate.Inventory {
	b.Helper()
	inv := &translate.Inventory{Services: map[translate.Key]*translate.Service{}, Namespaces: map[string]translate.Labels{"default": nil}}
	for i := range 100 {
		name := fmt.Sprintf("s%d", i)
		inv.Services[translate.Key{Namespace: "default", Name: name}] = service(b, name, "10.0.0.1:80")
	}
	for name, port := range map[string]int32{"incoming": 4141, "outgoing": 4140} {
		r := &translate.Sourced[v1alpha1.Router]{Origin: translate.Origin{Name: name}}
		r.Object.Name, r.Object.Namespace = name, "default"
		r.Object.Spec = v1alpha1.RouterSpec{
			ProxyClass: "sidecar", Bind: bind, Port: port, Dtab: "/svc => /#/io.l5d.k8s/default/http ;",
			AdHocOverrides: &v1alpha1.AdHocOverrides{Allow: []string{"/svc"}},
		}
		inv.Routers = append(inv.Routers, r)
	}
	slices.SortFunc(inv.Routers, func(x, y *translate.Sourced[v1alpha1.Router]) int {
		return int(y.Object.Spec.Port - x.Object.Spec.Port)
	})
	return inv
}

func dialPods(b *testing.B, address string) *grpc.ClientConn {
	b.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// podClient is a proxy beside a pod that asks for clusters and listeners, and accepts
// what it gets.
func podClient(ctx context.Context, b *testing.B, conn *grpc.ClientConn, id, ip string, got func(*discoveryv3.DeltaDiscoveryResponse)) {
	b.Helper()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		b.Error(err)
		return
	}
	for _, typ := range []string{cds, lds} {
		r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ, ResourceNamesSubscribe: []string{"*"}}
		if typ == cds {
			r.Node = node(id, "sidecar", "POD_IP", ip)
		}
		if err := stream.Send(r); err != nil {
			b.Error(err)
		}
	}
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			ack := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}
			if err := stream.Send(ack); err != nil {
				return
			}
			if r.GetTypeUrl() == cds { // of which it then asks for the endpoints
				ask := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds}
				for _, cluster := range r.GetResources() {
					ask.ResourceNamesSubscribe = append(ask.ResourceNamesSubscribe, cluster.GetName())
				}
				if err := stream.Send(ask); err != nil {
					return
				}
			}
			got(r)
		}
	}()
}
