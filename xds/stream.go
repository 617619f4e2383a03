package xds

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// ads is the aggregated discovery service.
type ads struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	server *Server
}

// request is what both forms of the protocol say.
type request struct {
	node        *corev3.Node
	typ, nonce  string
	refused     *status.Status
	names       []string // state of the world: all names
	add, drop   []string // delta
	known       map[string]string
	full, again bool // state of the world; it had something before
}

// stream is one connected proxy. All but the channel is guarded by the server's lock.
type stream struct {
	server   *Server
	class    *class
	name     string // of the class
	proxy    *publish.Proxy
	node     string
	protocol string
	woken    chan struct{}
	nonce    int
	wildcard map[string]bool
	names    map[string]map[string]bool // state of the world: by type
	sent     map[string]time.Time       // when a nonce was sent
	full     bool
	left     bool // the stream has ended: a request that was read late counts no more
}

func (st *stream) wake() {
	select {
	case st.woken <- struct{}{}:
	default:
	}
}

// DeltaAggregatedResources serves one proxy with changes.
func (a *ads) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return a.server.run(&stream{protocol: "delta"}, func() (request, error) {
		m, err := g.Recv()
		return request{
			node: m.GetNode(), typ: m.GetTypeUrl(), nonce: m.GetResponseNonce(), refused: m.GetErrorDetail(),
			add: m.GetResourceNamesSubscribe(), drop: m.GetResourceNamesUnsubscribe(), known: m.GetInitialResourceVersions(),
		}, err
	}, func(o outgoing) error {
		d := &discoveryv3.DeltaDiscoveryResponse{
			TypeUrl: o.response.Type, Nonce: o.nonce, SystemVersionInfo: o.nonce, RemovedResources: o.response.Removed,
		}
		for _, r := range o.response.Resources {
			d.Resources = append(d.Resources, &discoveryv3.Resource{Name: r.Name, Version: r.Version, Resource: r.Body})
		}
		return g.Send(d)
	})
}

// StreamAggregatedResources serves one proxy with the state of the world.
func (a *ads) StreamAggregatedResources(g discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return a.server.run(&stream{protocol: "sotw", full: true}, func() (request, error) {
		m, err := g.Recv()
		return request{
			node: m.GetNode(), typ: m.GetTypeUrl(), nonce: m.GetResponseNonce(), refused: m.GetErrorDetail(),
			names: m.GetResourceNames(), full: true, again: m.GetVersionInfo() != "",
		}, err
	}, func(o outgoing) error {
		d := &discoveryv3.DiscoveryResponse{TypeUrl: o.response.Type, Nonce: o.nonce, VersionInfo: o.nonce}
		for _, r := range o.all {
			d.Resources = append(d.Resources, r.Body)
		}
		return g.Send(d)
	})
}

// outgoing is a response on its way.
type outgoing struct {
	response *publish.Response
	nonce    string
	all      []*translate.Resource // state of the world
}

// run reads requests in a goroutine of its own and sends what is ready.
func (s *Server) run(st *stream, recv func() (request, error), send func(outgoing) error) error {
	st.server, st.woken = s, make(chan struct{}, 1)
	st.wildcard, st.names, st.sent = map[string]bool{}, map[string]map[string]bool{}, map[string]time.Time{}
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	defer s.leave(st)
	ended := make(chan error, 1)
	go func() {
		for {
			r, err := recv()
			if err == nil {
				err = s.handle(st, r)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	for {
		select {
		case err := <-ended:
			if errors.Is(err, io.EOF) || grpcstatus.Code(err) == codes.Canceled {
				return nil
			}
			return err
		case <-st.woken:
		}
		for _, o := range s.next(st) {
			if err := send(o); err != nil {
				return err
			}
		}
	}
}

func (s *Server) leave(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.left = true
	if st.proxy == nil {
		return
	}
	st.class.Disconnect(st.proxy)
	delete(st.class.streams, st.proxy)
	if st.class.Empty() && len(st.class.extra) == 0 {
		delete(s.classes, st.name) // whatever class proxies claim to be of, it costs nothing later
	}
	s.opts.Logger.Info("proxy left", "node", st.node)
	s.wake()
}

// next gives all that may be sent to a proxy now, in the order of types.
func (s *Server) next(st *stream) []outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.proxy == nil || !s.published {
		return nil
	}
	var out []outgoing
	now := s.opts.Now()
	types := publish.Types()
	for _, typ := range st.proxy.Asked() {
		if !slices.Contains(types, typ) {
			types = append(types, typ)
		}
	}
	for _, typ := range types {
		for r := st.proxy.Next(now, typ); r != nil; r = st.proxy.Next(now, typ) {
			st.nonce++
			o := outgoing{response: r, nonce: strconv.Itoa(st.nonce)}
			st.proxy.Sent(r, o.nonce)
			if st.full {
				o.all = r.Resources
				if typ == translate.ClusterType || typ == translate.ListenerType {
					o.all = st.proxy.All(r)
				}
			}
			st.sent[typ+o.nonce] = now
			s.metrics.pushed(r)
			out = append(out, o)
		}
	}
	s.wake()
	return out
}

// handle takes one request.
func (s *Server) handle(st *stream, r request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.left {
		return io.EOF
	}
	now := s.opts.Now()
	if st.proxy == nil {
		if err := s.join(st, r, now); err != nil {
			return err
		}
	}
	if r.typ == "" {
		return grpcstatus.Error(codes.InvalidArgument, "the request names no type")
	}
	if r.nonce != "" {
		s.answered(st, r, now)
	}
	if sub, changed := st.subscription(r); changed {
		st.proxy.Subscribe(now, sub)
	}
	st.wake()
	s.wake()
	return nil
}

// answered takes an acknowledgement or a refusal.
func (s *Server) answered(st *stream, r request, now time.Time) {
	key := r.typ + r.nonce
	if sent, ok := st.sent[key]; ok {
		s.metrics.answered(r.typ, r.refused == nil, now.Sub(sent))
		delete(st.sent, key)
	}
	if r.refused == nil {
		st.proxy.Ack(now, r.typ, r.nonce)
		return
	}
	response := st.proxy.Nack(now, r.typ, r.nonce, r.refused.GetMessage())
	var names, sources []string
	if response != nil {
		for _, res := range response.Resources {
			names, sources = append(names, res.Name), append(sources, res.Source)
		}
	}
	slices.Sort(sources)
	s.opts.Logger.Error("a proxy refused resources", "node", st.node, "type", r.typ,
		"words", r.refused.GetMessage(), "resources", names, "sources", slices.Compact(sources))
}

// join makes the proxy known by the node of its first request.
func (s *Server) join(st *stream, r request, now time.Time) error {
	if r.node.GetId() == "" || r.node.GetCluster() == "" {
		return grpcstatus.Error(codes.InvalidArgument,
			"the first request must carry node.id and node.cluster: start Envoy with --service-node and --service-cluster, or a bootstrap of kibble bootstrap")
	}
	st.node = r.node.GetId()
	st.name = r.node.GetCluster()
	st.class = s.class(st.name)
	var scopes []translate.Scope
	fields := r.node.GetMetadata().GetFields()
	if ip := fields["POD_IP"].GetStringValue(); ip != "" {
		scopes = append(scopes, translate.PodScope(ip))
	}
	if name := fields["NODE_NAME"].GetStringValue(); name != "" {
		scopes = append(scopes, translate.NodeScope(name))
	}
	st.proxy = st.class.Connect(now, scopes, st.full)
	st.class.streams[st.proxy] = st
	s.opts.Logger.Info("proxy joined", "node", st.node, "class", r.node.GetCluster(), "protocol", st.protocol)
	if s.published && !st.class.Known() {
		s.opts.Logger.Warn("no router is of the proxy's class; it waits", "node", st.node, "class", r.node.GetCluster())
	}
	return nil
}

// subscription gives what a request asks for, and whether that is news.
func (st *stream) subscription(r request) (publish.Subscription, bool) {
	_, seen := st.wildcard[r.typ]
	sub := publish.Subscription{Type: r.typ, Known: r.known, Returning: r.again && !seen}
	if r.full {
		st.compare(r, &sub)
	} else {
		sub.Add, sub.Drop = without(r.add), without(r.drop)
	}
	wildcard := st.wildcard[r.typ]
	switch {
	case slices.Contains(r.add, "*") || slices.Contains(r.names, "*"):
		wildcard = true
	case slices.Contains(r.drop, "*"):
		wildcard = false
	case !seen:
		// A first request without names asks for everything, of the types that
		// have this meaning. Of another type an Envoy that came back and has
		// none asks so.
		wildcard = len(r.add) == 0 && len(r.names) == 0 && (r.typ == translate.ClusterType || r.typ == translate.ListenerType)
	case len(r.names) > 0:
		wildcard = false // state of the world: the list says all
	}
	changed := !seen || wildcard != st.wildcard[r.typ] || len(sub.Add)+len(sub.Drop) > 0
	st.wildcard[r.typ], sub.Wildcard = wildcard, wildcard
	return sub, changed
}

// compare finds what a list of all names adds and drops.
func (st *stream) compare(r request, sub *publish.Subscription) {
	had := st.names[r.typ]
	has := map[string]bool{}
	for _, n := range without(r.names) {
		has[n] = true
		if !had[n] {
			sub.Add = append(sub.Add, n)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(had)) {
		if !has[n] {
			sub.Drop = append(sub.Drop, n)
		}
	}
	st.names[r.typ] = has
}

func without(names []string) []string {
	var out []string
	for _, n := range names {
		if n != "*" {
			out = append(out, n)
		}
	}
	return out
}
