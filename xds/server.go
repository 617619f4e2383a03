// Package xds serves proxies over gRPC: what they ask for, one changed resource
// at a time, in an order that never breaks a request (package publish decides
// it), and what they answered.
//
// The streams are those of go-control-plane's server, delta and state of the
// world, aggregated only: there is no Fetch and no reflection. In place of one
// of its caches every stream has a cache of its own that asks the publisher,
// and that may hand over a further response before the last one is answered:
// Envoy answers nothing about clusters while one of them is not getting warm,
// and only a further response gets it out of that.
package xds

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// Options of a Server. All are optional.
type Options struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	// Now is the clock.
	Now func() time.Time
	// Drain and AckLimit are the publisher's.
	Drain, AckLimit time.Duration
	// KeepExtra is how long a cluster that Ensure added stays after it was last
	// asked for; default 10 min.
	KeepExtra time.Duration
	// MaxStreams bounds the connected proxies; default 10,000.
	MaxStreams int
	// Learnt is called when what Remember gives may have become another. It must
	// return at once and not call the server.
	Learnt func()
	// Authenticator says who may call; nil lets everybody in as whoever they say.
	Authenticator Authenticator
	// Register adds other services to the gRPC server.
	Register func(*grpc.Server)
	// ServerOptions are gRPC's own, such as credentials.
	ServerOptions []grpc.ServerOption
}

// Limits of the gRPC server.
const (
	maxMessage = 16 << 20 // a proxy that comes back names all that it has
	maxCalls   = 1000     // at once on one connection: overrides are resolved on it too
	tickEvery  = 100 * time.Millisecond
	countEvery = time.Second
	goodbye    = 3 * time.Second // calls may take to end when the server stops
)

// Server serves snapshots to proxies. It is safe for concurrent use.
type Server struct {
	opts    Options
	metrics *metrics

	mu        sync.Mutex
	clock     clock
	published bool
	complete  bool // by Publish, and not only by Provisional
	recalled  map[string]*publish.Remembered
	streams   int
	classes   map[string]*class
	changed   chan struct{} // closed and replaced when a proxy's state may have changed
	waiting   int           // how many wait for that, at most
}

// class is a proxy class: its publisher, its streams, and what Ensure added.
type class struct {
	*publish.Class
	streams map[*publish.Proxy]*stream
	extra   map[string]extra
}

// extra is what Ensure added under one name: the resource, those that differ by
// proxy, or both.
type extra struct {
	resource *translate.Resource
	local    map[translate.Scope]*translate.Resource
	until    time.Time
}

// New makes a server that serves nothing yet: proxies may connect, and wait.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.KeepExtra = cmp.Or(o.KeepExtra, 10*time.Minute)
	o.MaxStreams = cmp.Or(o.MaxStreams, 10_000)
	return &Server{
		opts: o, metrics: newMetrics(o.Registerer), clock: clock{now: o.Now},
		classes: map[string]*class{}, changed: make(chan struct{}),
	}
}

// Publish sets what all proxies are to have. What equals what they have is not
// sent. The snapshot must not be changed afterwards. What is known to be refused
// is kept from proxies that have not accepted it, as if one had refused it.
func (s *Server) Publish(snapshot *translate.Snapshot, refused ...Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.read()
	for name := range snapshot.Classes {
		s.class(name)
	}
	for name, c := range s.classes {
		c.Publish(now, snapshot.Classes[name])
		if len(c.extra) > 0 {
			c.Extra(now, c.extras()) // those that came before the class was known
		}
	}
	for _, v := range refused {
		if c := s.classes[v.Class]; c != nil {
			c.Refuse(now, v.Version, v.Words)
		}
	}
	s.recalled = nil // each class has its own part
	s.published, s.complete = true, true
	s.metrics.resources(snapshot)
	s.wake()
}

// class gives the class of a name, which is made if it is new.
func (s *Server) class(name string) *class {
	c := s.classes[name]
	if c == nil {
		c = &class{
			Class:   publish.NewClass(publish.Options{Drain: s.opts.Drain, AckLimit: s.opts.AckLimit}),
			streams: map[*publish.Proxy]*stream{}, extra: map[string]extra{},
		}
		c.Recall(s.recalled[name])
		s.classes[name] = c
	}
	return c
}

// wake hands over what may be sent, and tells those who wait for proxies.
func (s *Server) wake() {
	for _, c := range s.classes {
		for ready := c.Ready(); len(ready) > 0; ready = c.Ready() {
			for _, p := range ready {
				if st := c.streams[p]; st != nil {
					st.pump()
				}
			}
		}
	}
	if s.waiting > 0 {
		close(s.changed)
		s.changed, s.waiting = make(chan struct{}), 0
	}
}

// Serve answers proxies until the context ends, then lets them go: their
// streams end, and calls to other services have a few seconds. The listener is
// closed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	options := append([]grpc.ServerOption{
		grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxCalls),
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
	s.mu.Lock()
	defer s.mu.Unlock()
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

// release lets go of what Ensure added and nobody asked for since.
func (c *class) release(now time.Time) {
	gone := false
	for key, e := range c.extra {
		if now.After(e.until) {
			delete(c.extra, key)
			gone = true
		}
	}
	if gone {
		c.Extra(now, c.extras())
	}
}

func (c *class) extras() *translate.ClassSnapshot {
	all := &translate.ClassSnapshot{
		Resources: map[string]map[string]*translate.Resource{}, Local: map[string]map[translate.Scope]*translate.Resource{},
	}
	for _, e := range c.extra {
		r := e.resource
		typ := r.Body.GetTypeUrl()
		if all.Resources[typ] == nil {
			all.Resources[typ] = map[string]*translate.Resource{}
		}
		all.Resources[typ][r.Name] = r
		if len(e.local) > 0 {
			all.Local[r.Name] = e.local
		}
	}
	return all
}

// Ensure adds clusters and load assignments to a class, beside what is
// published, and returns when every proxy of the class that answers has them,
// or with the context's error. They stay for a while. What is published under
// the same name wins.
func (s *Server) Ensure(ctx context.Context, name string, needs translate.Needs) error {
	s.mu.Lock()
	c := s.class(name)
	now := s.clock.read()
	if c.add(needs, now.Add(s.opts.KeepExtra)) {
		c.Extra(now, c.extras())
		s.wake()
	}
	for {
		pending := c.pending(now, needs.Resources)
		changed := s.changed
		if pending {
			s.waiting++
		}
		s.mu.Unlock()
		if !pending {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
		s.mu.Lock()
		now = s.clock.read()
	}
}

// add puts what is needed beside what the class has until then, and tells
// whether anything of it is new.
func (c *class) add(needs translate.Needs, until time.Time) bool {
	added := false
	for _, r := range needs.Resources {
		e := extra{resource: r, until: until}
		if r.Body.GetTypeUrl() == translate.EndpointType {
			e.local = needs.Local[r.Name]
		}
		key := r.Body.GetTypeUrl() + " " + r.Name
		had, ok := c.extra[key]
		added = added || !ok || had.resource.Version != r.Version || !sameLocal(had.local, e.local)
		c.extra[key] = e
	}
	return added
}

func sameLocal(a, b map[translate.Scope]*translate.Resource) bool {
	return maps.EqualFunc(a, b, func(x, y *translate.Resource) bool { return x.Version == y.Version })
}

// pending tells that a proxy does not have one of the clusters yet. One that
// refused it, or does not answer, is not waited for.
func (c *class) pending(now time.Time, resources []*translate.Resource) bool {
	for _, r := range resources {
		if r.Body.GetTypeUrl() != translate.ClusterType {
			continue
		}
		for p := range c.streams {
			if p.Has(now, r.Name) == publish.Pending {
				return true
			}
		}
	}
	return false
}

// ProxyStatus is a connected proxy.
type ProxyStatus struct {
	Node      string    `json:"node"`
	Class     string    `json:"proxyClass"`
	Protocol  string    `json:"protocol"`
	Connected time.Time `json:"connected"`
	// InSync says that it has accepted all that it is to have; BehindSince is
	// since when it has not.
	InSync      bool      `json:"inSync"`
	BehindSince time.Time `json:"behindSince,omitzero"`
	// Stuck says that it came back and asks for no clusters, because one of
	// them is not getting warm. It is sent what helps without asking, where that
	// is known.
	Stuck bool             `json:"stuck,omitempty"`
	Types []publish.Status `json:"types"`
}

func statusOf(class string, st *stream, now time.Time) ProxyStatus {
	p := ProxyStatus{
		Node: st.node, Class: class, Protocol: st.protocol, Connected: st.proxy.Connected(),
		Types: st.proxy.Status(), Stuck: st.proxy.Mute(now),
	}
	for _, typ := range p.Types {
		if typ.Behind > 0 && (p.BehindSince.IsZero() || typ.Since.Before(p.BehindSince)) {
			p.BehindSince = typ.Since
		}
	}
	c := &st.server.clock
	p.Connected, p.BehindSince = c.shown(p.Connected), c.shown(p.BehindSince)
	for i := range p.Types {
		typ := &p.Types[i]
		typ.Since, typ.Unanswered = c.shown(typ.Since), c.shown(typ.Unanswered)
		for j := range typ.Refused {
			typ.Refused[j].Since = c.shown(typ.Refused[j].Since)
		}
	}
	p.InSync = st.class.Known() && !st.class.Waits() && p.BehindSince.IsZero() && !p.Stuck
	return p
}

// Proxies gives the connected proxies, sorted by class, then node.
func (s *Server) Proxies() []ProxyStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ProxyStatus
	now := s.clock.read()
	for name, c := range s.classes {
		for _, st := range c.streams {
			all = append(all, statusOf(name, st, now))
		}
	}
	slices.SortFunc(all, func(a, b ProxyStatus) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Node, b.Node), a.Connected.Compare(b.Connected))
	})
	return all
}
