package main

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"sync/atomic"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/proto"
)

// fleet is what the clients share. What a resource says is read once for all of
// them, so that they take as little as possible from the server's processors.
type fleet struct {
	options

	clients    int
	bytes      atomic.Int64
	reports    chan report
	everything *sighting
	wanted     atomic.Pointer[sighting]

	mu    sync.Mutex
	facts map[version]*facts
}

// sighting is something that every client waits for.
type sighting struct {
	command

	mu   sync.Mutex
	at   []int64
	size int
}

// version is a resource, and what was waited for when it came: versions are
// hashes of the content, so that an old one may come back.
type version struct {
	typ, name, version string
	wanted             *sighting
}

// facts are what a version of a resource says.
type facts struct {
	once  sync.Once
	names map[string][]string // what it refers to, by type
	hosts int
	size  int
	found *sighting // what was waited for when it came first, if this is it
	err   error
}

func newFleet(o options, clients int) *fleet {
	return &fleet{options: o, clients: clients, reports: make(chan report, 16), everything: &sighting{}, facts: map[version]*facts{}}
}

// watch has a report made when every client has what the command asks for.
func (f *fleet) watch(c command) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted.Store(&sighting{command: c})
	clear(f.facts)
}

// arrived notes that one more client has what is waited for.
func (f *fleet) arrived(s *sighting, at int64, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, at)
	s.size = size
	if len(s.at) == f.clients {
		f.reports <- report{At: s.at, Size: s.size}
	}
}

// seen reads a resource, if nobody has.
func (f *fleet) seen(typ string, r *discoveryv3.Resource) *facts {
	v := version{typ, r.GetName(), r.GetVersion(), f.wanted.Load()}
	f.mu.Lock()
	known := f.facts[v]
	if known == nil {
		known = &facts{}
		f.facts[v] = known
	}
	f.mu.Unlock()
	known.once.Do(func() { known.read(typ, r, v.wanted) })
	return known
}

func (k *facts) read(typ string, r *discoveryv3.Resource, wanted *sighting) {
	k.size = proto.Size(r)
	body := r.GetResource().GetValue()
	switch typ {
	case resource.ClusterType:
		m := &clusterv3.Cluster{}
		if k.err = proto.Unmarshal(body, m); m.GetType() == clusterv3.Cluster_EDS {
			name := m.GetName()
			if n := m.GetEdsClusterConfig().GetServiceName(); n != "" {
				name = n
			}
			k.names = map[string][]string{resource.EndpointType: {name}}
		}
	case resource.ListenerType:
		m := &listenerv3.Listener{}
		if k.err = proto.Unmarshal(body, m); k.err == nil {
			k.listener(m)
		}
	case resource.EndpointType:
		if wanted != nil && wanted.Host == "" && bytes.Contains(body, []byte(wanted.Text)) {
			k.found = wanted
		}
	case resource.RouteType:
		m := &routev3.RouteConfiguration{}
		k.err = proto.Unmarshal(body, m)
		k.hosts = len(m.GetVirtualHosts())
		for _, h := range m.GetVirtualHosts() {
			k.host(h, wanted)
		}
		if m.GetVhds() != nil {
			k.names = map[string][]string{hostType: {""}}
		}
	case hostType:
		m := &routev3.VirtualHost{}
		if k.err = proto.Unmarshal(body, m); k.err == nil {
			k.host(m, wanted)
		}
	}
}

func (k *facts) host(h *routev3.VirtualHost, wanted *sighting) {
	if wanted == nil || wanted.Host == "" || !slices.Contains(h.GetDomains(), wanted.Host) {
		return
	}
	if body, err := proto.Marshal(h); err == nil && bytes.Contains(body, []byte(wanted.Text)) {
		k.found = wanted
	}
}

// listener gives what a listener's HTTP connection managers name.
func (k *facts) listener(l *listenerv3.Listener) {
	k.names = map[string][]string{}
	for _, chain := range append(l.GetFilterChains(), l.GetDefaultFilterChain()) {
		for _, filter := range chain.GetFilters() {
			m := &hcmv3.HttpConnectionManager{}
			if filter.GetTypedConfig().UnmarshalTo(m) != nil {
				continue
			}
			if name := m.GetRds().GetRouteConfigName(); name != "" {
				k.names[resource.RouteType] = append(k.names[resource.RouteType], name)
			}
			for _, h := range m.GetHttpFilters() {
				if h.GetConfigDiscovery() != nil {
					k.names[resource.ExtensionConfigType] = append(k.names[resource.ExtensionConfigType], h.GetName())
				}
			}
		}
	}
}

// received counts the bytes of what the clients receive, as it is on the wire.
type received fleet

// HandleRPC counts.
func (r *received) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InPayload); ok {
		r.bytes.Add(int64(in.WireLength))
	}
}

// TagRPC does nothing.
func (r *received) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// TagConn does nothing.
func (r *received) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (r *received) HandleConn(context.Context, stats.ConnStats) {}
