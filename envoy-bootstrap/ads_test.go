package bootstrap_test

import (
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// A rendered bootstrap makes a real Envoy ask for clusters by delta ADS, say
// who it is, and wait with its readiness for the answers.
func TestEnvoyAsksAndWaits(t *testing.T) {
	server := serve(t)
	b, err := bootstrap.Render(bootstrap.Options{
		Class: "sidecar", NodeID: "hello-0", Server: server.address,
		PodIP: "127.0.10.1", NodeName: "n1", Namespace: "default",
	})
	if err != nil {
		t.Fatal(err)
	}
	envoy := envoytest.Run(t, b)

	first := <-server.asked
	node := first.GetNode()
	got := map[string]string{
		"type": first.GetTypeUrl(), "id": node.GetId(), "cluster": node.GetCluster(),
	}
	for k, v := range node.GetMetadata().GetFields() {
		got[k] = v.GetStringValue()
	}
	want := map[string]string{
		"type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "id": "hello-0", "cluster": "sidecar",
		"POD_IP": "127.0.10.1", "NODE_NAME": "n1", "NAMESPACE": "default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("first request (-want +got):\n%s", diff)
	}

	resp, err := http.Get("http://" + envoy.Admin + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/ready before the first answer: %s, want 503", resp.Status)
	}
	close(server.answer)
	envoy.WaitReady(t)
}

// adsServer answers every request with no resources, once answer is closed.
type adsServer struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer

	address string
	asked   chan *discovery.DeltaDiscoveryRequest // the first request of a stream
	answer  chan struct{}
}

func serve(t *testing.T) *adsServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &adsServer{
		address: l.Addr().String(),
		asked:   make(chan *discovery.DeltaDiscoveryRequest, 1),
		answer:  make(chan struct{}),
	}
	g := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(g, s)
	go func() {
		if err := g.Serve(l); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(g.Stop)
	return s
}

func (s *adsServer) DeltaAggregatedResources(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	for first := true; ; first = false {
		request, err := stream.Recv()
		if err != nil {
			return err
		}
		if first {
			s.asked <- request
		}
		if request.GetResponseNonce() != "" {
			continue
		}
		select {
		case <-s.answer:
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-time.After(time.Minute):
			return errors.New("the test never asked for an answer")
		}
		err = stream.Send(&discovery.DeltaDiscoveryResponse{TypeUrl: request.GetTypeUrl(), Nonce: "1"})
		if err != nil {
			return err
		}
	}
}
