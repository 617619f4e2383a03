package translate

import (
	"maps"
	"net/netip"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"kibble.dev/api/v1alpha1"
)

// classBuilder gathers the resources of the proxies of one class.
type classBuilder struct {
	maker

	snapshot *ClassSnapshot
	// before is the snapshot that this one follows; nil: none. What comes out the
	// same is shared with it.
	before *ClassSnapshot
	// shared are the maps that are the snapshot's before too: a change makes a copy.
	shared map[string]bool
}

func newClassBuilder(inv *Inventory) *classBuilder {
	s := &ClassSnapshot{
		Resources: map[string]map[string]*Resource{}, Local: map[string]map[Scope]*Resource{}, AtPods: map[string]*PodListener{},
	}
	for _, t := range []string{ClusterType, EndpointType, ListenerType, RouteType, VirtualHostType, ExtensionType, SecretType} {
		s.Resources[t] = map[string]*Resource{}
	}
	return &classBuilder{maker: maker{inventory: inv}, snapshot: s}
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

// add puts a resource, unless it could not be made, in its place.
func (cb *classBuilder) add(r *Resource) {
	if r != nil {
		cb.set(r.Body.TypeUrl, r.Name, r)
	}
}

func (cb *classBuilder) addRouteConfiguration(rc *routev3.RouteConfiguration) {
	cb.add(cb.make(rc.Name, rc, func() (*Resource, error) { return NewRouteConfiguration(rc, cb.source) }))
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
