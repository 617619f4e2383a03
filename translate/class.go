package translate

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// classBuilder gathers the resources of the proxies of one class.
type classBuilder struct {
	inventory *Inventory
	snapshot  *ClassSnapshot
	// before is the snapshot that this one follows; nil: none. What comes out the
	// same is shared with it.
	before *ClassSnapshot
	// shared are the maps that are the snapshot's before too: a change makes a copy.
	shared map[string]bool
	found  []dtab.Finding
	source string // of what is being made
}

func newClassBuilder(inv *Inventory) *classBuilder {
	s := &ClassSnapshot{
		Resources: map[string]map[string]*Resource{}, Local: map[string]map[Scope]*Resource{}, AtPods: map[string]*PodListener{},
	}
	for _, t := range []string{ClusterType, EndpointType, ListenerType, RouteType, VirtualHostType, ExtensionType, SecretType} {
		s.Resources[t] = map[string]*Resource{}
	}
	return &classBuilder{inventory: inv, snapshot: s}
}

// continueClass gives a builder of the snapshot that follows another one: it has
// its clusters, endpoints and virtual hosts.
func continueClass(inv *Inventory, before *ClassSnapshot) *classBuilder {
	cb := newClassBuilder(inv)
	cb.before, cb.shared = before, map[string]bool{}
	for _, t := range []string{ClusterType, EndpointType, VirtualHostType} {
		cb.snapshot.Resources[t], cb.shared[t] = before.Resources[t], true
	}
	cb.snapshot.Local, cb.snapshot.made = maps.Clone(before.Local), before.made
	for _, key := range before.made.routers { // listeners are made again
		delete(cb.snapshot.Local, key.String())
		delete(cb.snapshot.Local, key.String()+"/tls")
	}
	return cb
}

// set puts a resource in its place; nil takes away what is there.
func (cb *classBuilder) set(typ, name string, r *Resource) {
	if r != nil && cb.before != nil {
		if was := cb.before.Resources[typ][name]; was != nil && was.equal(r) {
			r = was
		}
	}
	if cb.snapshot.Resources[typ][name] == r {
		return
	}
	if cb.shared[typ] {
		cb.shared[typ] = false
		cb.snapshot.Resources[typ] = maps.Clone(cb.snapshot.Resources[typ])
	}
	if r == nil {
		delete(cb.snapshot.Resources[typ], name)
		return
	}
	cb.snapshot.Resources[typ][name] = r
}

// put adds a cluster; members are the clusters that it refers to.
func (cb *classBuilder) put(name string, c *clusterv3.Cluster, members ...string) {
	c.Metadata = metadata(map[string]string{"source": cb.source})
	slices.Sort(members)
	cb.add(name, c, members)
}

// add encodes and adds a resource. One that Envoy would refuse is left out. What
// is packed inside is checked where it is made, and for random routers by the
// law of this package: to unpack thousands of clusters and routes again at each
// change would cost half of the time of a translation.
func (cb *classBuilder) add(name string, m proto.Message, clusters []string) {
	if r := cb.resource(name, m, clusters); r != nil {
		cb.set(r.Body.TypeUrl, name, r)
	}
}

func (cb *classBuilder) resource(name string, m proto.Message, clusters []string) *Resource {
	return cb.make(name, m, func() (*Resource, error) { return NewResource(name, m, clusters, cb.source) })
}

// make encodes a message that Envoy would not refuse; nil if it would.
func (cb *classBuilder) make(name string, m proto.Message, encode func() (*Resource, error)) *Resource {
	err := validate(m)
	var r *Resource
	if err == nil {
		r, err = encode()
	}
	if err == nil {
		return r
	}
	cb.found = append(cb.found, dtab.Finding{
		Code: codeUnroutable, Severity: dtab.Error, Pos: dtab.Pos{Source: cb.source},
		Message: fmt.Sprintf("Envoy would refuse %s: %v", name, err),
		Hint:    "what was served of that name before, if anything, goes on being served",
	})
	if f := (failure{typ: typeURL(m), name: name}); !slices.Contains(cb.snapshot.failed, f) {
		cb.snapshot.failed = append(cb.snapshot.failed, f)
	}
	return nil
}

func (cb *classBuilder) addRouteConfiguration(rc *routev3.RouteConfiguration) {
	r := cb.make(rc.Name, rc, func() (*Resource, error) { return NewRouteConfiguration(rc, cb.source) })
	if r != nil {
		cb.set(RouteType, r.Name, r)
	}
}

// localEndpoints adds the load assignments of a cluster of which each proxy is
// given the part that is at its own place. A pod's own proxy is told of it also
// while it is not ready: who sends a request there has chosen it. So is that of
// its node, where senders choose: they may hear later that a pod is no longer
// ready, or sooner that it is.
func (cb *classBuilder) localEndpoints(n need, places []place) {
	byScope := map[Scope][]place{}
	for _, p := range places {
		for _, tr := range n.target.transformers {
			switch tr.Kind {
			case transformLocalhost:
				own := p
				own.ready = true
				byScope[PodScope(p.host)] = append(byScope[PodScope(p.host)], own)
			case transformLocalnode:
				scope, ok := nodeOf(tr, p)
				if !ok || !p.ready && !n.target.chosen {
					continue
				}
				own := p
				own.ready, own.last = true, !p.ready
				byScope[scope] = append(byScope[scope], own)
			}
		}
	}
	for scope, own := range byScope {
		cb.addLocal(n.name, scope, cb.resource(n.name, n.assignment(own), nil))
	}
}

func (cb *classBuilder) addLocal(name string, scope Scope, r *Resource) {
	if r == nil {
		return
	}
	if cb.before != nil {
		if was := cb.before.Local[name][scope]; was != nil && was.equal(r) {
			r = was
		}
	}
	if cb.snapshot.Local[name] == nil {
		cb.snapshot.Local[name] = map[Scope]*Resource{}
	}
	cb.snapshot.Local[name][scope] = r
}

// podScopes begin the places of proxies beside a pod.
const podScopes Scope = "pod/"

// PodScope is the place of the proxies that say POD_IP in their node metadata,
// however they spell it.
func PodScope(ip string) Scope {
	if a, err := netip.ParseAddr(ip); err == nil {
		ip = a.Unmap().String() // ::1 is 0:0::01, and ::ffff:10.0.0.7 is 10.0.0.7
	}
	return podScopes + Scope(ip)
}

// nodeOf gives the place of the proxies on the node that a place is on: by the
// node's name with hostNetwork, else by the IPv4 /24 network that the pods of a
// node share (linkerd 1.x, io.l5d.k8s.localnode).
func nodeOf(t v1alpha1.Transformer, p place) (Scope, bool) {
	if t.HostNetwork {
		return NodeScope(p.node), p.node != ""
	}
	return NetworkScope(p.host)
}

// NetworkScope is the place of the proxies whose POD_IP is in the same IPv4 /24
// network as the address. It is not ok for what is not an IPv4 address.
func NetworkScope(ip string) (Scope, bool) {
	a, err := netip.ParseAddr(ip)
	if a = a.Unmap(); err != nil || !a.Is4() {
		return "", false
	}
	return Scope("net/" + netip.PrefixFrom(a, 24).Masked().String()), true
}

// NodeScope is the place of the proxies that say NODE_NAME in their node metadata.
func NodeScope(name string) Scope { return Scope("node/" + name) }
