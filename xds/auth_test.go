package xds_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"kibble.dev/internal/logtest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// as connects with the certificate of a class.
func (s *secured) as(t *testing.T, class string) *grpc.ClientConn {
	t.Helper()
	pair, err := s.ca.Client(class, nil, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return s.with(t, c)
}

func (s *secured) with(t *testing.T, certificates ...tls.Certificate) *grpc.ClientConn {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.ca.Certificate)
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: roots, ServerName: "kibble.test", Certificates: certificates,
	})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// join opens a stream of a node and gives how it ended, or the first response.
func join(t *testing.T, conn *grpc.ClientConn, n *corev3.Node, md ...string) (*discoveryv3.DeltaDiscoveryResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), md...), limit)
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: n, TypeUrl: cds}); err != nil {
		t.Log(err) // the stream's end says more
	}
	return stream.Recv()
}

// What a proxy claims must be what its certificate grants; the refusal says both.
func TestCertificates(t *testing.T) {
	s := serveTLS(t, xds.Options{})
	s.Publish(edge(cluster(t, "a", time.Second)))
	if r, err := join(t, s.as(t, "edge"), node("n", "edge")); err != nil || len(r.GetResources()) != 1 {
		t.Errorf("the right certificate: %v, %v", r, err)
	}
	_, err := join(t, s.as(t, "sidecar"), node("n", "edge"))
	want := `proxy class "edge" is claimed, and certificate spiffe://kibble.dev/kibble/class/sidecar is granted sidecar`
	if grpcstatus.Code(err) != codes.PermissionDenied || grpcstatus.Convert(err).Message() != want {
		t.Errorf("another class: %v", err)
	}
	if _, err := join(t, s.with(t), node("n", "edge")); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("no certificate: %v", err)
	}
	// A server's own certificate is signed by the same authority, and grants nothing.
	pair, err := s.ca.Server([]string{"edge"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := join(t, s.with(t, c), node("n", "edge")); err == nil {
		t.Errorf("the server's certificate: %v", r)
	}
}

// Fetch, the one-type services and reflection are not there, also not for
// somebody who is known.
func TestNothingElseIsServed(t *testing.T) {
	s := serveTLS(t, xds.Options{})
	s.Publish(edge(cluster(t, "a", time.Second)))
	conn := s.as(t, "edge")
	_, err := clusterv3.NewClusterDiscoveryServiceClient(conn).FetchClusters(t.Context(), &discoveryv3.DiscoveryRequest{})
	if grpcstatus.Code(err) != codes.Unimplemented {
		t.Errorf("fetch: %v", err)
	}
	for _, method := range []string{
		"/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters",
		"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
		"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
	} {
		stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err == nil {
			err = stream.RecvMsg(&discoveryv3.DiscoveryResponse{})
		}
		if grpcstatus.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A call of somebody who is not known is refused before any of its message is read,
// of which there may be much.
func TestStrangersAreNotRead(t *testing.T) {
	_, address := serve(t, xds.Options{Authenticator: xds.Certificates{}, Register: func(g grpc.ServiceRegistrar) {
		authv3.RegisterAuthorizationServer(g, &xds.Resolver{Model: func() *translate.Model { return nil }})
	}})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	stream, err := connection(t, address).NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, authv3.Authorization_Check_FullMethodName)
	if err == nil {
		err = stream.RecvMsg(&authv3.CheckResponse{})
	}
	if grpcstatus.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
}

// Refusals are had for nothing: however many there are, few are logged one by one.
func TestRefusalsAreLoggedTogether(t *testing.T) {
	const calls = 500
	clock, registry, log := newLater(), prometheus.NewRegistry(), &logtest.Log{}
	_, address := serve(t, xds.Options{
		Authenticator: xds.Certificates{}, Now: clock.now, Registerer: registry, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	conn := connection(t, address)
	for range calls {
		if err := open(t, conn, "delta").RecvMsg(&discoveryv3.DeltaDiscoveryResponse{}); grpcstatus.Code(err) != codes.Unauthenticated {
			t.Fatal(err)
		}
	}
	if n := counted(t, registry, "kibble_xds_denied_total"); n != calls {
		t.Errorf("%v refusals are counted, want %d", n, calls)
	}
	clock.hurries.Store(true)
	more := regexp.MustCompile(`(?m)more=(\d+)$`)
	until(t, "all are told of", func() bool {
		told := strings.Count(log.String(), "msg=refused")
		for _, m := range more.FindAllStringSubmatch(log.String(), -1) {
			n, _ := strconv.Atoi(m[1])
			told += n
		}
		return told == calls
	})
	if n := strings.Count(log.String(), "msg=refused"); n > calls/10 {
		t.Errorf("%d of %d refusals are logged one by one", n, calls)
	}
}

// Headers are read before it is known who calls, and a byte can stand for one of them:
// a connection ends whose headers are too many, though they have not ended.
func TestHeadersAreBounded(t *testing.T) {
	_, address := serve(t, xds.Options{Now: newLater().now})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // it may be refused half-way
		_, _ = io.WriteString(conn, http2.ClientPreface)
		f := http2.NewFramer(conn, nil)
		_ = f.WriteSettings()
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x40, 1, 'a', 1, 'b'}}) // to be known as 0xbe
		for range 16 {
			_ = f.WriteContinuation(1, false, bytes.Repeat([]byte{0xbe}, 16<<10))
		}
	}()
	ended(t, conn)
}

// The resolver on the same port answers for routers of the caller's class only,
// and does not say whether there are others.
func TestResolverOfOwnClass(t *testing.T) {
	m := model(t)
	var s *secured
	s = serveTLS(t, xds.Options{Register: func(g grpc.ServiceRegistrar) {
		authv3.RegisterAuthorizationServer(g, &xds.Resolver{
			Model:  func() *translate.Model { return m },
			Ensure: func(context.Context, xds.Wish) error { return nil },
			Ask:    func(string, string, translate.Request) (a translate.HostAnswer, ok bool) { return a, true },
			Deny:   func(ctx context.Context, why string) { s.Deny(ctx, why) },
		})
	}})
	ask := func(conn *grpc.ClientConn, router string, more ...string) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), append(more, "x-kibble-router", router, "x-kibble-class", "sidecar")...)
		_, err := authv3.NewAuthorizationClient(conn).Check(ctx, &authv3.CheckRequest{})
		return err
	}
	if err := ask(s.as(t, "sidecar"), "default/out"); err != nil {
		t.Errorf("its own class: %v", err)
	}
	for _, router := range []string{"default/out", "default/none"} {
		err := ask(s.as(t, "edge"), router)
		want := `router "` + router + `" is claimed, and certificate spiffe://kibble.dev/kibble/class/edge is granted those of proxy class edge`
		if grpcstatus.Code(err) != codes.PermissionDenied || grpcstatus.Convert(err).Message() != want {
			t.Errorf("another class: %v", err)
		}
	}
	if err := ask(s.with(t), "default/out"); grpcstatus.Code(err) != codes.Unavailable {
		t.Errorf("nobody: %v", err)
	}
	host := []string{translate.HeaderAsks, translate.AsksHost}
	if err := ask(s.as(t, "sidecar"), "default/out", host...); err != nil {
		t.Errorf("its own class, about a host: %v", err)
	}
	for who, conn := range map[string]*grpc.ClientConn{"another class": s.as(t, "edge"), "nobody": s.with(t)} {
		if err := ask(conn, "default/out", host...); err == nil {
			t.Errorf("%s is answered about a host", who)
		}
	}
	if n := counted(t, s.registry, "kibble_xds_denied_total"); n != 3 {
		t.Errorf("%v refusals are counted, want 3", n)
	}
}
