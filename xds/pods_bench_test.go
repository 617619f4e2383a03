package xds_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
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
// meanwhile how long the server took to take it, and how long it was under way.
func podsConnect(b *testing.B, bind v1alpha1.Bind, proxies int) (all time.Duration, took, waited []time.Duration) {
	b.Helper()
	inv := meshed(b, bind)
	model := translate.NewModel(inv, time.Now())
	snapshot, _ := model.Snapshot()
	s, address := serve(b, xds.Options{})
	s.Publish(snapshot)

	changed := inv.Services[translate.Key{Namespace: "default", Name: "s0"}]
	got := make(chan received, 1000)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	if err := podStream(b.Context(), conn, "probe", "10.9.9.9", func(r *discoveryv3.DeltaDiscoveryResponse) {
		if r.GetTypeUrl() == eds {
			got <- received{len(r.GetResources()), 0}
		}
	}); err != nil {
		b.Fatal(err)
	}
	receive(got, len(snapshot.Classes["sidecar"].Resources[eds]))

	change := func(i int) (at time.Time) {
		next, services := *inv, maps.Clone(inv.Services)
		services[changed.Key] = service(b, "s0", fmt.Sprintf("10.2.%d.%d:80", i/250%250, 1+i%250))
		next.Services = services
		model = model.Next(&next, time.Now())
		snapshot, _ = model.SnapshotAfter(snapshot)
		at = time.Now()
		s.Publish(snapshot)
		return at
	}
	const before = 100 // changes, to a proxy that has been there for long
	for i := range before {
		change(i)
		receive(got, 1)
	}
	began := time.Now()
	done, end := startPods(b, address, proxies)
	defer end()
	for i := before; ; i++ {
		select {
		case <-done:
			return time.Since(began), took, waited
		default:
		}
		at := change(i)
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

// The environment variables that have this program be proxies, and how many.
const (
	podsOf     = "KIBBLE_TEST_PODS_OF"
	podsNumber = "KIBBLE_TEST_PODS"
)

// startPods runs proxies in a process of their own: in this one they would be in the
// server's way. done is closed when all of them have their listeners.
func startPods(b *testing.B, address string, proxies int) (done chan struct{}, end func()) {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), podsOf+"="+address, podsNumber+"="+strconv.Itoa(proxies))
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	done = make(chan struct{})
	go func() {
		_, _ = out.Read(make([]byte, 1))
		close(done)
	}()
	return done, func() {
		in.Close()
		<-done
		if err := command.Wait(); err != nil {
			b.Error(err)
		}
	}
}

// bePods is that process. It ends when nobody holds its standard input any more.
func bePods(address, number string) error {
	proxies, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var connections []*grpc.ClientConn
	for range 20 {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		connections = append(connections, conn) // they end with the process
	}
	var left sync.WaitGroup
	left.Add(proxies)
	for i := range proxies {
		listeners, once := 0, sync.OnceFunc(left.Done)
		err := podStream(ctx, connections[i%len(connections)], fmt.Sprintf("p%d", i), fmt.Sprintf("10.1.%d.%d", i/250, 1+i%250), func(r *discoveryv3.DeltaDiscoveryResponse) {
			if r.GetTypeUrl() == lds {
				if listeners += len(r.GetResources()); listeners >= 2 {
					once()
				}
			}
		})
		if err != nil {
			return err
		}
	}
	left.Wait()
	fmt.Println("all")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// podStream is a proxy beside a pod that asks for clusters and listeners, and accepts
// what it gets, which it tells.
func podStream(ctx context.Context, conn *grpc.ClientConn, id, ip string, got func(*discoveryv3.DeltaDiscoveryResponse)) error {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return err
	}
	for _, typ := range []string{cds, lds} {
		r := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ, ResourceNamesSubscribe: []string{"*"}}
		if typ == cds {
			r.Node = node(id, "sidecar", "POD_IP", ip)
		}
		if err := stream.Send(r); err != nil {
			return err
		}
	}
	go func() {
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			asks := []*discoveryv3.DeltaDiscoveryRequest{{TypeUrl: r.GetTypeUrl(), ResponseNonce: r.GetNonce()}}
			if r.GetTypeUrl() == cds { // of which it then asks for the endpoints
				more := &discoveryv3.DeltaDiscoveryRequest{TypeUrl: eds}
				for _, cluster := range r.GetResources() {
					more.ResourceNamesSubscribe = append(more.ResourceNamesSubscribe, cluster.GetName())
				}
				asks = append(asks, more)
			}
			for _, ask := range asks {
				if err := stream.Send(ask); err != nil {
					return
				}
			}
			got(r)
		}
	}()
	return nil
}
