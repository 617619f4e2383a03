package xds

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"kibble.dev/translate"
)

// Limits of the gRPC server.
const (
	maxMessage = 16 << 20 // a proxy that comes back names all that it has
	maxCalls   = 1000     // at once on one connection: overrides are resolved on it too
	tickEvery  = 100 * time.Millisecond
	countEvery = time.Second
	goodbye    = 3 * time.Second // calls may take to end when the server stops
)

// Serve answers proxies until the context ends, then lets them go: their
// streams end, and calls to other services have a few seconds. The listener is
// closed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	options := append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()), grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxCalls),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, append(s.guards(), s.opts.ServerOptions...)...)
	g := grpc.NewServer(options...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, &ads{server: s, ctx: ctx})
	if s.opts.Register != nil {
		s.opts.Register(g)
	}
	s.mu.Lock()
	s.began = s.clock.read()
	s.mu.Unlock()
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	tasks.Go(func() { s.tick(ctx) })
	tasks.Go(func() {
		<-ctx.Done()
		end := time.AfterFunc(goodbye, g.Stop)
		defer end.Stop()
		g.GracefulStop()
	})
	if err := g.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve xDS on %s: %w", l.Addr(), err)
	}
	return nil
}

// ads is the aggregated discovery service.
type ads struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	server *Server
	ctx    context.Context // ends all streams
}

// accept makes a stream, if there is room for one more. Its context says who calls.
func (s *Server) accept(ctx context.Context, protocol string) (*stream, error) {
	defer s.enter()()
	if s.streams >= s.opts.MaxStreams {
		return nil, status.Errorf(codes.ResourceExhausted, "%d proxies are connected, and no more are allowed", s.streams)
	}
	s.streams++
	s.metrics.streams.Inc()
	return newStream(ctx, s, protocol), nil
}

// byNameOnly gives the types of which a first request without names asks for
// nothing. Envoy asks so when it comes back and has none.
func byNameOnly() []string {
	return []string{translate.EndpointType, translate.RouteType, translate.ExtensionType, translate.SecretType}
}

// tick tells the publishers the time.
func (s *Server) tick(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	var counted time.Time
	changes := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		now := s.clock.read()
		for _, c := range s.classes {
			c.Tick(now)
			s.metrics.becameLate(c.Late())
			for _, st := range c.streams {
				st.rescue(now)
			}
			c.release(now)
		}
		if now.Sub(counted) >= countEvery {
			s.metrics.alarms(s.classes)
			counted = now
			if n := s.changes(); n != changes && s.opts.Learnt != nil {
				changes = n
				s.opts.Learnt()
			}
		}
		s.wake()
		s.mu.Unlock()
	}
}
