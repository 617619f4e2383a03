package xds_test

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
	"kibble.dev/xds"
)

// limit is how long a test waits for what must come.
const limit = 30 * time.Second

// serve runs a server on a free port until the test ends.
func serve(t testing.TB, o xds.Options) (s *xds.Server, address string) {
	t.Helper()
	l := envoytest.Listen(t)
	s = xds.New(o)
	t.Cleanup(serveOn(t, s, l))
	return s, l.Addr().String()
}

// serveReplaceable is serve; replace puts another server in the place of the last one.
func serveReplaceable(t testing.TB, o xds.Options) (s *xds.Server, address string, replace func(xds.Options) *xds.Server) {
	t.Helper()
	address = envoytest.FreeAddress(t)
	stop := func() {}
	replace = func(o xds.Options) *xds.Server {
		stop()
		s := xds.New(o)
		stop = serveOn(t, s, listenAgain(t, address))
		return s
	}
	t.Cleanup(func() { stop() })
	return replace(o), address, replace
}

// serveOn runs a server on a listener, and gives what stops it.
func serveOn(t testing.TB, s *xds.Server, l net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// listenAgain listens where another listener was.
func listenAgain(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// message is a response of either form of the protocol.
type message struct {
	typ, nonce string
	resources  map[string]string // delta: version by name
	bodies     int
	removed    []string
}

func (m message) names() []string {
	var names []string
	for n := range m.resources {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// peer is a proxy: a real gRPC client that says what a test tells it.
type peer struct {
	t     testing.TB
	send  func(*discoveryv3.DeltaDiscoveryRequest)
	node  *corev3.Node
	known map[string]map[string]string // delta: what it says it has, by type
	in    chan message
	close func()
	err   error // why the stream ended; after in is closed
}

// node makes the node of a peer.
func node(id, class string, metadata ...string) *corev3.Node {
	n := &corev3.Node{Id: id, Cluster: class, Metadata: &structpb.Struct{Fields: map[string]*structpb.Value{}}}
	for i := 0; i < len(metadata); i += 2 {
		n.Metadata.Fields[metadata[i]] = structpb.NewStringValue(metadata[i+1])
	}
	return n
}

// dial connects a peer that speaks delta, or state of the world.
func dial(t testing.TB, address, protocol string, n *corev3.Node) *peer {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{t: t, node: n, known: map[string]map[string]string{}, in: make(chan message, 100)}
	done := make(chan struct{})
	api := discoveryv3.NewAggregatedDiscoveryServiceClient(conn)
	open := p.overDelta
	if protocol == "sotw" {
		open = p.overSotW
	}
	recv := open(ctx, api)
	go func() {
		defer close(done)
		defer close(p.in)
		for {
			m, err := recv()
			if err != nil {
				p.err = err
				return
			}
			p.in <- m
		}
	}()
	p.close = func() {
		cancel()
		<-done
		conn.Close()
	}
	t.Cleanup(p.close)
	return p
}

func (p *peer) overDelta(ctx context.Context, api discoveryv3.AggregatedDiscoveryServiceClient) func() (message, error) {
	stream, err := api.DeltaAggregatedResources(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	p.send = func(r *discoveryv3.DeltaDiscoveryRequest) { _ = stream.Send(r) } // an error shows when receiving
	return func() (message, error) {
		r, err := stream.Recv()
		m := message{typ: r.GetTypeUrl(), nonce: r.GetNonce(), resources: map[string]string{}, removed: r.GetRemovedResources()}
		for _, res := range r.GetResources() {
			m.resources[res.GetName()] = res.GetVersion()
			m.bodies++
		}
		return m, err
	}
}

// overSotW says the same in state of the world: names are always all names.
func (p *peer) overSotW(ctx context.Context, api discoveryv3.AggregatedDiscoveryServiceClient) func() (message, error) {
	stream, err := api.StreamAggregatedResources(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	var mu sync.Mutex
	names, version, newest := map[string][]string{}, map[string]string{}, map[string]string{}
	p.send = func(r *discoveryv3.DeltaDiscoveryRequest) {
		mu.Lock()
		defer mu.Unlock()
		typ := r.GetTypeUrl()
		names[typ] = slices.DeleteFunc(names[typ], func(name string) bool { return slices.Contains(r.GetResourceNamesUnsubscribe(), name) })
		names[typ] = append(names[typ], r.GetResourceNamesSubscribe()...)
		if r.GetResponseNonce() != "" && r.GetErrorDetail() == nil {
			version[typ] = r.GetResponseNonce()
		}
		// A request for more names carries the nonce of the newest response.
		_ = stream.Send(&discoveryv3.DiscoveryRequest{
			Node: r.GetNode(), TypeUrl: typ, ResourceNames: names[typ], VersionInfo: version[typ],
			ResponseNonce: cmp.Or(r.GetResponseNonce(), newest[typ]), ErrorDetail: r.GetErrorDetail(),
		})
	}
	return func() (message, error) {
		r, err := stream.Recv()
		mu.Lock()
		newest[r.GetTypeUrl()] = r.GetNonce()
		mu.Unlock()
		m := message{typ: r.GetTypeUrl(), nonce: r.GetNonce(), resources: map[string]string{}}
		for _, body := range r.GetResources() {
			m.resources[nameOf(p.t, body)] = ""
			m.bodies++
		}
		return m, err
	}
}

// ask subscribes to names of a type; without names to all.
func (p *peer) ask(typ string, names ...string) {
	p.send(&discoveryv3.DeltaDiscoveryRequest{
		Node: p.node, TypeUrl: typ, ResourceNamesSubscribe: names, InitialResourceVersions: p.known[typ],
	})
	p.node, p.known[typ] = nil, nil
}

// leave gives up names of a type.
func (p *peer) leave(typ string, names ...string) {
	p.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typ, ResourceNamesUnsubscribe: names})
}

// begin asks for all clusters, which these are, and then for their endpoints.
func (p *peer) begin(clusters ...string) message {
	p.t.Helper()
	p.ask(cds)
	p.accept(cds, clusters...)
	p.ask(eds, clusters...)
	return p.accept(eds, clusters...)
}

func (p *peer) ack(m message) {
	p.send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: m.typ, ResponseNonce: m.nonce})
}

func (p *peer) nack(m message, words string) {
	p.send(&discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: m.typ, ResponseNonce: m.nonce, ErrorDetail: &status.Status{Code: 13, Message: words},
	})
}

// next waits for the next response.
func (p *peer) next() message {
	p.t.Helper()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case m, ok := <-p.in:
		if !ok {
			p.t.Fatalf("the stream ended: %v", p.err)
		}
		return m
	case <-timer.C:
		p.t.Fatal("no response came")
	}
	return message{}
}

// expect waits for a response with exactly these resources.
func (p *peer) expect(typ string, names ...string) message {
	p.t.Helper()
	m := p.next()
	if m.typ != typ || !slices.Equal(m.names(), names) || m.bodies != len(names) {
		p.t.Fatalf("got %s %v (removed %v), want %s %v", m.typ, m.names(), m.removed, typ, names)
	}
	return m
}

// accept is expect and ack.
func (p *peer) accept(typ string, names ...string) message {
	p.t.Helper()
	m := p.expect(typ, names...)
	p.ack(m)
	return m
}

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	waittest.Until(t, what, holds)
}
