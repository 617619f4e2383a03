package xds

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"kibble.dev/translate"
)

// Limits of the gRPC server.
const (
	maxMessage = 16 << 20 // a proxy that comes back names all that it has
	maxHeaders = 64 << 10 // a call has a token and few others; the default is 16 MB, of whoever sends them
	maxCalls   = 1000     // at once on one connection: overrides are resolved on it too
	tickEvery  = 100 * time.Millisecond
	countEvery = time.Second
	goodbye    = 3 * time.Second // calls may take to end when the server stops
)

// Serve answers proxies until the context ends, then lets them go: their
// streams end, and calls to other services have a few seconds. The listener is
// closed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	d := newDoor(l, s.opts, s.metrics)
	options := append([]grpc.ServerOption{
		grpc.ConnectionTimeout(introduction),
		grpc.ForceServerCodecV2(newCodec()), grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaders), grpc.MaxConcurrentStreams(maxCalls),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, append(s.guards(), s.opts.ServerOptions...)...)
	g := grpc.NewServer(options...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, &ads{server: s, door: d, ctx: ctx})
	if s.opts.Register != nil {
		s.opts.Register(asStreams{g, d})
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer cancel()
	tasks.Go(func() { s.tick(ctx, d) })
	tasks.Go(func() {
		<-ctx.Done()
		end := time.AfterFunc(goodbye, g.Stop)
		defer end.Stop()
		g.GracefulStop()
	})
	if err := g.Serve(d); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve xDS on %s: %w", l.Addr(), err)
	}
	return nil
}

// ads is the aggregated discovery service.
type ads struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	server *Server
	door   *door
	ctx    context.Context // ends all streams
}

// accept makes a stream. The context of its call says who calls; the one that it
// gives ends with the stream, and release must be called then.
func (a *ads) accept(call context.Context, protocol string) (st *stream, ctx context.Context, release func()) {
	ctx, end := context.WithCancelCause(a.ctx)
	st = newStream(call, a.server, protocol)
	mute := a.door.open(end)
	st.spoke = sync.OnceFunc(func() {
		a.door.spoke(mute)
		a.door.knows(call)
	})
	return st, ctx, func() {
		a.door.spoke(mute)
		end(nil)
	}
}

// byNameOnly gives the types of which a first request without names asks for
// nothing. Envoy asks so when it comes back and has none.
func byNameOnly() []string {
	return []string{translate.EndpointType, translate.RouteType, translate.ExtensionType, translate.SecretType}
}

// tick tells the publishers, and the door, the time.
func (s *Server) tick(ctx context.Context, d *door) {
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
		d.expire()
		s.mu.Lock()
		now, refused := s.clock.read(), 0
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
			counted, refused = now, s.refusals.next()
			if n := s.changes(); n != changes && s.opts.Learnt != nil {
				changes = n
				s.opts.Learnt()
			}
		}
		s.wake()
		s.mu.Unlock()
		if refused > 0 {
			s.opts.Logger.WarnContext(ctx, "more calls were refused than are logged", "more", refused)
		}
	}
}
