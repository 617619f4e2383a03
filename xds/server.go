// Package xds serves proxies over gRPC: what they ask for, one changed resource
// at a time, in an order that never breaks a request (package publish decides
// it), and what they answered.
//
// There are aggregated streams only, no Fetch and no reflection. Those of changes
// (delta) are served here, with bytes that all proxies share; those of the state
// of the world by go-control-plane's server, which has, in place of one of its
// caches, one for each stream that asks the publisher. Either may hand over a
// further response before the last one is answered: Envoy answers nothing about
// clusters while one of them is not getting warm, and only a further response
// gets it out of that.
package xds

import (
	"cmp"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

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
	Register func(grpc.ServiceRegistrar)
	// ServerOptions are gRPC's own, such as credentials.
	ServerOptions []grpc.ServerOption
}

// Server serves snapshots to proxies. It is safe for concurrent use.
type Server struct {
	opts    Options
	metrics *metrics

	refusals  refusals
	turns     chan struct{} // of streams
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

// class is a proxy class: its publisher, its streams, also by node, and what
// Ensure added, by cluster.
type class struct {
	*publish.Class
	streams   map[*publish.Proxy]*stream
	nodes     map[string][]*stream
	wishes    map[string]wished
	elsewhere map[string]struct{} // nodes that were waited for in vain
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
		opts: o, metrics: newMetrics(o.Registerer), clock: clock{now: o.Now}, turns: make(chan struct{}, turnsAtOnce),
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
	changed := false
	for name, c := range s.classes {
		changed = c.Publish(now, snapshot.Classes[name]) || changed
		if len(c.wishes) > 0 {
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
	s.metrics.published(snapshot, changed)
	s.wake()
}

// class gives the class of a name, which is made if it is new.
func (s *Server) class(name string) *class {
	c := s.classes[name]
	if c == nil {
		c = &class{
			Class:   publish.NewClass(publish.Options{Drain: s.opts.Drain, AckLimit: s.opts.AckLimit}),
			streams: map[*publish.Proxy]*stream{}, nodes: map[string][]*stream{},
			wishes: map[string]wished{}, elsewhere: map[string]struct{}{},
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
