package translate

import (
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// metadataKey is the namespace of what we write into metadata.
const metadataKey = "kibble.dev"

// metadata gives strings under our namespace.
func metadata(values map[string]string) *corev3.Metadata {
	fields := map[string]*structpb.Value{}
	for k, v := range values {
		fields[k] = structpb.NewStringValue(strings.ToValidUTF8(v, "?"))
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{metadataKey: {Fields: fields}}}
}

func percent(v float64) *typev3.Percent { return &typev3.Percent{Value: v} }

// builder makes the virtual hosts of one router.
type builder struct {
	router   *router
	overlays []overlay
	// needs are the clusters that the routes of a virtual host name, each once.
	needs []need
	// there tells whether there is a virtual host of a name.
	there func(name string) bool
	// leads are where these routes lead, by Lead.Route; refuses says that one of
	// them leads nowhere, asks that those ask the control plane.
	leads         map[string]Lead
	refuses, asks bool
}

// source is the provenance of a route: the router's table, or the strongest of
// the policies that it is for.
func (b *builder) source(policies []int) *corev3.Metadata {
	values := map[string]string{
		"router": b.router.key.String(),
		"source": b.router.tableSource(),
	}
	if n := len(policies); n > 0 {
		strongest := b.overlays[policies[n-1]]
		values["policies"] = b.ids(policies)
		values["source"] = "policy " + strongest.id + " (" + strongest.pos.String() + ")"
	}
	return metadata(values)
}

// tableSource says which object the router's table was written in, and where.
func (r *router) tableSource() string {
	if n := len(r.dtabs); n > 0 && r.spec.Dtab == "" {
		d := r.dtabs[n-1]
		return writtenAt("dtab "+Key{d.Object.Namespace, d.Object.Name}.String(), d.Origin.Field("spec.dtab"))
	}
	return writtenAt("router "+r.key.String(), r.origin.Field("spec.dtab"))
}

// cluster gives the cluster for a branch, and notes what it needs. It is not ok for
// a name that Envoy cannot be told. The name of several says their order, with "||"
// in place of "|" where the stand-ins of an override begin.
func (b *builder) cluster(c *cell, br branch) (n need, ok bool) {
	if len(br.chain) == 0 {
		return b.need(need{name: nobodyCluster, kind: needNobody}), true
	}
	if b.varies(c, br.chain[0]) {
		if !b.isHostItself(c, br.chain[0]) {
			return need{}, false
		}
		return b.need(need{name: dynamicCluster, kind: needForward}), true
	}
	first := b.need(b.target(br.chain[0]))
	all := need{name: first.name, kind: needSeveral, members: []string{first.name}, outside: first.target.outside(), http2: b.router.http2()}
	for i, t := range br.chain {
		if i == 0 || b.varies(c, t) {
			continue
		}
		role, between := roleAlternative, " | "
		if 0 < br.standIn && br.standIn <= i {
			role, between = roleStandIn, " || "
		}
		n := b.need(b.target(t).as(role))
		all.name += between + t.cluster
		all.members, all.role, all.outside = append(all.members, n.name), role, all.outside || t.outside()
	}
	if len(all.members) == 1 {
		return first, true
	}
	return b.need(all), true
}

func (b *builder) need(n need) need {
	if !slices.ContainsFunc(b.needs, func(o need) bool { return o.name == n.name }) {
		b.needs = append(b.needs, n)
	}
	return n
}

// http2 tells that all of the router's upstreams speak HTTP/2.
func (r *router) http2() bool { return r.identifier.kind == identifyGRPC }

// target gives the need of a bound name.
func (b *builder) target(t target) need {
	return need{name: t.cluster, kind: needTarget, target: t, http2: b.router.http2() || t.http2}
}

// varies tells that a part of a target is taken from the request.
func (b *builder) varies(c *cell, t target) bool {
	return c != nil && slices.ContainsFunc(t.id, c.sample.marks.in)
}

// isHostItself tells that a target is the very host and port of the request.
func (b *builder) isHostItself(c *cell, t target) bool {
	v := b.router.identifier.host()
	if v < 0 || len(t.transformers) > 0 {
		return false
	}
	host, port := inetTarget(t.id)
	own, ownPort, has := strings.Cut(c.sample.host(v), ":")
	if !has {
		ownPort = "80"
	}
	return b.router.portsCount() && host == own && port == ownPort
}

// near tells that requests stay where the proxy is: at its pod, or its node.
func (t target) near() bool {
	return slices.ContainsFunc(t.transformers, func(tr v1alpha1.Transformer) bool {
		return tr.Kind == transformLocalhost || tr.Kind == transformLocalnode
	})
}

// outside tells that a target is reached by DNS or by addresses that somebody
// wrote down: nobody there is known to take part.
func (t target) outside() bool {
	return t.namer == nil || t.namer.config.Kind == dtab.KindFS || t.namer.config.Kind == dtab.KindK8sExternal
}

// places gives where a target's requests can go, as its transformers map it.
func (m *maker) places(t target) []place {
	var places []place
	if t.namer != nil {
		places, _ = t.namer.places(m.inventory, t.id, t.chosen)
	} else if p, ok := inetPlace(t.id); ok {
		places = []place{p}
	}
	for _, tr := range t.transformers {
		places = m.transform(tr, places)
	}
	return places
}

// transform maps places as a transformer says.
func (m *maker) transform(t v1alpha1.Transformer, places []place) []place {
	switch t.Kind {
	case transformPort:
		port, err := strconv.ParseUint(t.Port, 10, 16)
		if err != nil {
			return nil
		}
		places = slices.Clone(places)
		for i := range places {
			places[i].port = uint32(port)
		}
	case transformSpecificHost:
		places = slices.DeleteFunc(slices.Clone(places), func(p place) bool { return p.host != t.Host })
	case transformDaemonset:
		places = m.gateways(t, places)
	}
	return dedupe(places)
}

// gateways gives, for each place, the pod of a DaemonSet on the same node: by
// the node's name, or by the IPv4 /24 network that the pods of a node share.
func (m *maker) gateways(t v1alpha1.Transformer, places []place) []place {
	pods, _ := m.inventory.Endpoints(dtab.Path{t.Namespace, t.Port, t.Service})
	var all []place
	for _, p := range places {
		if !p.ready {
			continue
		}
		for _, pod := range pods {
			near := pod.NodeName != "" && pod.NodeName == p.node
			if !t.HostNetwork {
				near = sameNetwork(pod.IP, p.host)
			}
			if near && pod.Ready {
				all = append(all, place{host: pod.IP, port: uint32(pod.Port), node: pod.NodeName, ready: true})
			}
		}
	}
	return all
}

func sameNetwork(a, b string) bool {
	x, ok := NetworkScope(a)
	y, also := NetworkScope(b)
	return ok && also && x == y
}

func dedupe(places []place) []place {
	seen := map[place]bool{}
	return slices.DeleteFunc(slices.Clone(places), func(p place) bool {
		was := seen[p]
		seen[p] = true
		return was
	})
}

// routeConfiguration is what the virtual hosts of a router have in common.
func (b *builder) routeConfiguration() *routev3.RouteConfiguration {
	rc := &routev3.RouteConfiguration{
		Name:                           b.router.key.String(),
		IgnorePortInHostMatching:       !b.router.portsCount(),
		ValidateClusters:               wrapperspb.Bool(false),
		MaxDirectResponseBodySizeBytes: wrapperspb.UInt32(64 << 10),
		ResponseHeadersToAdd:           b.peopleHeaders(),
	}
	if !b.router.carries(v1alpha1.CarrierL5dCtx) {
		// Routes match by this header, so that it can go only when one is chosen.
		rc.RequestHeadersToRemove = []string{headerDogfood}
	}
	return rc
}
