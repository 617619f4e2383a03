// Package xds serves proxies over gRPC: what they ask for, one changed resource
// at a time, in an order that never breaks a request (package publish decides
// it), and what they answered.
//
// It answers the aggregated streams itself, delta and state of the world, on
// go-control-plane's protocol types. That project's server is not used: it
// holds back the next response of a type until the last one is answered, which
// is how a cluster that never gets warm stops all later ones, and it does not
// tell which response a proxy refused. There is no Fetch and no reflection.
package xds

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

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
	// Register adds other services to the gRPC server.
	Register func(*grpc.Server)
	// ServerOptions are gRPC's own, such as credentials.
	ServerOptions []grpc.ServerOption
}

// Limits of the gRPC server.
const (
	maxMessage = 16 << 20
	maxStreams = 1000
	tickEvery  = 200 * time.Millisecond
)

// Server serves snapshots to proxies. It is safe for concurrent use.
type Server struct {
	opts    Options
	metrics *metrics

	mu        sync.Mutex
	published bool
	classes   map[string]*class
	changed   chan struct{} // closed and replaced when a proxy's state may have changed
}

// class is a proxy class: its publisher, its streams, and what Ensure added.
type class struct {
	*publish.Class
	streams map[*publish.Proxy]*stream
	extra   map[string]extra
}

// extra is a resource that Ensure added.
type extra struct {
	resource *translate.Resource
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
	return &Server{
		opts: o, metrics: newMetrics(o.Registerer),
		classes: map[string]*class{}, changed: make(chan struct{}),
	}
}

// Publish sets what all proxies are to have. What equals what they have is not
// sent. The snapshot must not be changed afterwards.
func (s *Server) Publish(snapshot *translate.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	for name := range snapshot.Classes {
		s.class(name)
	}
	for name, c := range s.classes {
		c.Publish(now, snapshot.Classes[name])
		if len(c.extra) > 0 {
			c.Extra(now, c.extras()) // those that came before the class was known
		}
	}
	s.published = true
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
		s.classes[name] = c
	}
	return c
}

// wake tells the streams that may have something to send.
func (s *Server) wake() {
	for _, c := range s.classes {
		for _, p := range c.Ready() {
			if st := c.streams[p]; st != nil {
				st.wake()
			}
		}
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Serve answers proxies until the context ends, then lets them go. The listener
// is closed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	options := append([]grpc.ServerOption{
		grpc.WaitForHandlers(true), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	}, s.opts.ServerOptions...)
	g := grpc.NewServer(options...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, &ads{server: s})
	if s.opts.Register != nil {
		s.opts.Register(g)
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tasks.Go(func() { s.tick(ctx) })
	tasks.Go(func() {
		<-ctx.Done()
		g.Stop()
	})
	if err := g.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serve xDS on %s: %w", l.Addr(), err)
	}
	return nil
}

// tick tells the publishers the time.
func (s *Server) tick(ctx context.Context) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		now := s.opts.Now()
		for _, c := range s.classes {
			c.Tick(now)
			c.release(now)
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

func (c *class) extras() map[string]map[string]*translate.Resource {
	all := map[string]map[string]*translate.Resource{}
	for _, e := range c.extra {
		typ := e.resource.Body.GetTypeUrl()
		if all[typ] == nil {
			all[typ] = map[string]*translate.Resource{}
		}
		all[typ][e.resource.Name] = e.resource
	}
	return all
}

// Ensure adds clusters and load assignments to a class, beside what is
// published, and returns when every proxy of the class that answers has them,
// or with the context's error. They stay for a while. What is published under
// the same name wins.
func (s *Server) Ensure(ctx context.Context, name string, resources []*translate.Resource) error {
	s.mu.Lock()
	c := s.class(name)
	now := s.opts.Now()
	added := false
	for _, r := range resources {
		key := r.Body.GetTypeUrl() + " " + r.Name
		had, ok := c.extra[key]
		added = added || !ok || had.resource.Version != r.Version
		c.extra[key] = extra{resource: r, until: now.Add(s.opts.KeepExtra)}
	}
	if added {
		c.Extra(now, c.extras())
		s.wake()
	}
	for {
		pending := c.pending(now, resources)
		changed := s.changed
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
		now = s.opts.Now()
	}
}

// pending tells that a proxy does not have one of the clusters yet. One that
// refused it, or does not answer, is not waited for.
func (c *class) pending(now time.Time, resources []*translate.Resource) bool {
	for _, r := range resources {
		if r.Body.GetTypeUrl() != translate.ClusterType {
			continue
		}
		if slices.ContainsFunc(c.Proxies(), func(p *publish.Proxy) bool { return p.Has(now, r.Name) == publish.Pending }) {
			return true
		}
	}
	return false
}

// ProxyStatus is a connected proxy.
type ProxyStatus struct {
	Node      string           `json:"node"`
	Class     string           `json:"proxyClass"`
	Protocol  string           `json:"protocol"`
	Connected time.Time        `json:"connected"`
	Types     []publish.Status `json:"types"`
}

// Proxies gives the connected proxies, sorted by class, then node.
func (s *Server) Proxies() []ProxyStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []ProxyStatus
	for name, c := range s.classes {
		for p, st := range c.streams {
			all = append(all, ProxyStatus{
				Node: st.node, Class: name, Protocol: st.protocol, Connected: p.Connected(), Types: p.Status(),
			})
		}
	}
	slices.SortFunc(all, func(a, b ProxyStatus) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Node, b.Node), a.Connected.Compare(b.Connected))
	})
	return all
}
