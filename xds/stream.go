package xds

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"

	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// Bounds of one stream: what a client may make the server remember.
const (
	maxTypes      = 32
	maxNames      = 200_000
	maxUnanswered = 1000
)

// stream is one connected proxy, in either form of the protocol. Everything in
// it is guarded by the server's lock.
type stream struct {
	server   *Server
	ctx      context.Context // says who calls
	protocol string
	full     bool // state of the world
	// push hands a response over to be sent; it says no when there is no room.
	push func(*publish.Response) (handed bool)
	// pushUnasked does so with a response of a type that was not asked for; nil
	// where there is no such thing.
	pushUnasked func(*publish.Response) (handed bool)

	spoke func() // to be called with each request, before the lock is asked for

	node  string
	name  string // of the class
	class *class
	proxy *publish.Proxy

	open     map[string]bool            // types of which a response may be handed over
	wildcard map[string]bool            // by type that was asked for
	names    map[string]map[string]bool // by type, what was asked for by name
	sent     map[string]time.Time       // when a type and nonce was sent
	last     map[string]string          // state of the world: by type, the nonce sent last
	said     int                        // how many requests it made, while it begins
	crowded  atomic.Bool                // there was no room
	left     bool                       // it has ended
}

func newStream(ctx context.Context, s *Server, protocol string) *stream {
	return &stream{
		server: s, ctx: ctx, protocol: protocol, full: protocol == sotwProtocol,
		open: map[string]bool{}, wildcard: map[string]bool{}, names: map[string]map[string]bool{}, sent: map[string]time.Time{},
		last: map[string]string{},
	}
}

// hear takes what a request says about who asks and about the last response.
// What may be sent then waits for the server's wake.
func (st *stream) hear(now time.Time, node *corev3.Node, typ, nonce string, refused *status.Status) error {
	if st.left {
		return grpcstatus.Error(codes.Canceled, "the stream has ended")
	}
	if st.proxy == nil {
		if err := st.join(node, now); err != nil {
			return err
		}
	}
	if _, known := st.wildcard[typ]; !known && len(st.wildcard) >= maxTypes {
		return grpcstatus.Errorf(codes.ResourceExhausted, "a proxy may ask for %d types of resources", maxTypes)
	}
	if nonce != "" {
		if st.last[typ] == nonce {
			st.open[typ] = false // it is opened anew next; what is handed over until then gets lost
		}
		st.answered(typ, nonce, refused, now)
	}
	return nil
}

// join makes the proxy known by the node of its first request.
func (st *stream) join(node *corev3.Node, now time.Time) error {
	s := st.server
	if node.GetId() == "" || node.GetCluster() == "" {
		return grpcstatus.Error(codes.InvalidArgument,
			"the first request must carry node.id and node.cluster: start Envoy with --service-node and --service-cluster, or a bootstrap of kibble bootstrap")
	}
	if err := s.permit(st.ctx, node); err != nil {
		return err
	}
	if s.streams >= s.opts.MaxStreams {
		return grpcstatus.Errorf(codes.ResourceExhausted, "%d proxies are connected, and no more are allowed", s.streams)
	}
	s.streams++
	s.metrics.streams.Inc()
	st.node, st.name = node.GetId(), node.GetCluster()
	st.class = s.class(st.name)
	var scopes []translate.Scope
	fields := node.GetMetadata().GetFields()
	if ip := fields[metaPodIP].GetStringValue(); ip != "" {
		scopes = append(scopes, translate.PodScope(ip))
		if network, ok := translate.NetworkScope(ip); ok {
			scopes = append(scopes, network)
		}
	}
	if name := fields[metaNodeName].GetStringValue(); name != "" {
		scopes = append(scopes, translate.NodeScope(name))
	}
	if st.full {
		scopes = withFull(scopes)
	}
	st.proxy = st.class.Connect(now, scopes, st.full)
	st.proxy.Of(workloadOf(node))
	st.class.joins(st)
	s.opts.Logger.Info("proxy joined", "node", st.node, "class", st.name, "protocol", st.protocol)
	switch {
	case s.published && !s.complete:
		s.opts.Logger.Info("the proxy is given what an earlier control plane served, as far as it lacks it", "node", st.node, "class", st.name)
	case !s.complete:
		s.opts.Logger.Info("the proxy waits for the first configuration", "node", st.node, "class", st.name)
	case !st.class.Known():
		s.opts.Logger.Warn("no router is of the proxy's class; it waits", "node", st.node, "class", st.name)
	}
	return nil
}

func (c *class) joins(st *stream) {
	c.streams[st.proxy] = st
	c.nodes[st.node] = append(c.nodes[st.node], st)
	delete(c.elsewhere, st.node)
}

func (c *class) leaves(st *stream) {
	delete(c.streams, st.proxy)
	c.nodes[st.node] = slices.DeleteFunc(c.nodes[st.node], func(o *stream) bool { return o == st })
	if len(c.nodes[st.node]) == 0 {
		delete(c.nodes, st.node)
	}
}

// withFull adds what counts for proxies in state of the world only, which comes first.
func withFull(scopes []translate.Scope) []translate.Scope {
	var all []translate.Scope
	for _, s := range scopes {
		all = append(all, translate.FullScope(s))
	}
	return slices.Concat(all, []translate.Scope{translate.FullScope("")}, scopes)
}

// answered takes an acknowledgement or a refusal.
func (st *stream) answered(typ, nonce string, refused *status.Status, now time.Time) {
	s, key := st.server, typ+" "+nonce
	if sent, ok := st.sent[key]; ok {
		s.metrics.answered(typ, refused == nil, now.Sub(sent))
		delete(st.sent, key)
	}
	if refused == nil {
		st.proxy.Ack(now, typ, nonce)
		return
	}
	response := st.proxy.Nack(now, typ, nonce, refused.GetMessage())
	var names, sources []string
	if response != nil {
		for _, r := range response.Resources {
			names, sources = append(names, r.Name), append(sources, r.Source)
		}
	}
	slices.Sort(sources)
	s.opts.Logger.Error("a proxy refused resources", "node", st.node, "class", st.name, "type", typ,
		"words", refused.GetMessage(), "resources", names, "sources", slices.Compact(sources))
}

// ask takes what a request asks for, and opens the type. What may be sent then
// waits for the server's wake.
func (st *stream) ask(now time.Time, sub publish.Subscription) error {
	was, seen := st.wildcard[sub.Type]
	if seen && was && sub.Type == translate.ClusterType {
		st.server.metrics.asked.Add(float64(len(sub.Add)))
	}
	if st.proxy.Names()+len(sub.Add) > maxNames || len(sub.Known) > maxNames {
		return grpcstatus.Errorf(codes.ResourceExhausted, "a proxy may ask for %d names", maxNames)
	}
	opens := !st.open[sub.Type]
	st.wildcard[sub.Type], st.open[sub.Type] = sub.Wildcard, true
	switch {
	case !seen || was != sub.Wildcard || len(sub.Add)+len(sub.Drop) > 0:
		st.proxy.Subscribe(now, sub) // after which wake looks at all types
	case opens && st.server.published:
		st.pumpType(now, sub.Type) // what could not be handed over while it was closed
	}
	return nil
}

// pump hands over all that the proxy may be sent now, in the order of types,
// as long as there is room.
func (st *stream) pump() {
	st.crowded.Store(false)
	if !st.server.published {
		return
	}
	now := st.server.clock.read()
	for _, typ := range st.proxy.Asked() {
		if !st.pumpType(now, typ) {
			return
		}
	}
}

// rescue sends a proxy at a standstill what gets it out of it.
func (st *stream) rescue(now time.Time) {
	if st.pushUnasked == nil || !st.open[translate.EndpointType] { // or the stream is at its end
		return
	}
	if r := st.proxy.Rescue(now); r != nil && st.pushUnasked(r) {
		st.server.opts.Logger.Warn("a proxy asks for no clusters, because one of them does not get warm; it is sent what helps",
			"node", st.node, "class", st.name, "clusters", len(r.Resources), "removed", len(r.Removed))
	}
}

// pumpType is pump for one type; it tells whether there was room.
func (st *stream) pumpType(now time.Time, typ string) (room bool) {
	for st.open[typ] {
		r := st.proxy.Next(now, typ)
		if r == nil {
			break
		}
		if !st.push(r) {
			st.proxy.Unsent(now, r)
			st.crowded.Store(true)
			return false
		}
	}
	return true
}

// handed notes that a response is to be sent under a nonce.
func (st *stream) handed(r *publish.Response, nonce string) {
	st.proxy.Sent(r, nonce)
	if len(st.sent) < maxUnanswered {
		st.sent[r.Type+" "+nonce] = st.server.clock.read()
	}
	st.server.metrics.pushed(r)
}

// drained hands over what there was no room for before one was sent.
func (st *stream) drained() {
	if !st.crowded.Load() {
		return
	}
	s := st.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !st.left {
		st.pump()
		s.wake()
	}
}

// leave forgets the proxy.
func (st *stream) leave() {
	s := st.server
	defer s.enter()()
	if st.left = true; st.proxy == nil {
		return
	}
	s.streams--
	s.metrics.streams.Dec()
	clear(st.open)
	st.class.Disconnect(st.proxy)
	st.class.leaves(st)
	if st.class.Empty() && len(st.class.wishes) == 0 {
		delete(s.classes, st.name) // whatever class proxies claim to be of, it costs nothing later
	}
	s.opts.Logger.Info("proxy left", "node", st.node, "class", st.name)
	s.wake()
}
