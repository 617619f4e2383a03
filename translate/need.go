package translate

import (
	"slices"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
)

// need is a cluster that routes name.
type need struct {
	name string
	kind needKind
	// target of needTarget.
	target target
	// role of one that is behind the first of several, and of several the last one's.
	role role
	// members of needSeveral, in order; outside tells that one of them is.
	members []string
	outside bool
	http2   bool
}

type needKind int

const (
	needTarget  needKind = iota // a bound name
	needSeveral                 // members, each where those before have nobody
	needNobody                  // no endpoint
	needForward                 // whatever host a request is for
)

// equal tells that the same cluster is needed.
func (n need) equal(o need) bool {
	return n.name == o.name && n.kind == o.kind && n.role == o.role && n.http2 == o.http2 && n.outside == o.outside &&
		slices.Equal(n.members, o.members) && n.target.id.Equal(o.target.id) && n.target.chosen == o.target.chosen
}

// role is what a cluster is for that is not for the requests of its name.
type role string

const (
	roleAlternative role = "alternative" // a table says so
	roleStandIn     role = "stand-in"    // for the targets of an override
	roleCollector   role = "collector"   // spans go there, and no requests
)

// as gives what several are made of behind the first, in place of the cluster of
// the bound name: one of its own, since its endpoints say whom they stand for.
// That is more than all else about them, so others do not say it.
func (n need) as(r role) need {
	n.name += " as " + string(r)
	n.role = r
	return n
}

// dst is the bound name for the receiver, "" where there is none, or where the
// cluster tells it once a member is chosen.
func (n need) dst() string {
	if n.kind != needTarget {
		return ""
	}
	return n.name
}

// assignment gives the endpoints of a bound name's cluster.
func (n need) assignment(places []place) *endpointv3.ClusterLoadAssignment {
	says := map[string]string{}
	if n.role != "" {
		says[saysDst] = n.target.cluster
	}
	if n.role == roleStandIn {
		says[saysStandIn] = "yes"
	}
	if n.target.outside() {
		says[saysOutside] = "1"
	}
	return loadAssignment(n.name, places, says)
}

// leavesContext tells that requests for the cluster may lose their context.
func (n need) leavesContext() bool {
	return n.kind == needForward || n.kind == needSeveral && n.outside || n.kind == needTarget && n.target.outside()
}

// fulfilled is what was made for a need: nil is what it does not take, or what Envoy
// would refuse.
type fulfilled struct {
	cluster, endpoints *Resource
	local              map[Scope]*Resource
}

// fulfil makes the cluster that is needed, and its endpoints.
func (m *maker) fulfil(n need) fulfilled {
	switch n.kind {
	case needNobody:
		return fulfilled{cluster: m.cluster(emptyCluster())}
	case needForward:
		return fulfilled{cluster: m.cluster(forwardCluster())}
	case needSeveral:
		return fulfilled{cluster: m.cluster(aggregateCluster(n), slices.Clone(n.members)...)}
	}
	if n.target.outside() {
		return fulfilled{cluster: m.cluster(dnsCluster(n, m.places(n.target)))}
	}
	made := m.endpoints(n)
	if n.role == roleCollector {
		made.cluster = m.cluster(collectorCluster(n.name))
		return made
	}
	made.cluster = m.cluster(edsCluster(n.name, edsKind{http2: n.http2, near: n.target.near()}))
	return made
}

// endpoints makes the load assignments of a bound name's cluster.
func (m *maker) endpoints(n need) fulfilled {
	places := m.places(n.target)
	if !n.target.near() {
		return fulfilled{endpoints: m.resource(n.name, n.assignment(places), nil)}
	}
	return fulfilled{endpoints: m.resource(n.name, n.assignment(nil), nil), local: m.localEndpoints(n, places)}
}

// localEndpoints makes the load assignments of a cluster of which each proxy is
// given the part that is at its own place. A pod's own proxy is told of it also
// while it is not ready: who sends a request there has chosen it. So is that of
// its node, where senders choose: they may hear later that a pod is no longer
// ready, or sooner that it is.
func (m *maker) localEndpoints(n need, places []place) map[Scope]*Resource {
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
	made := make(map[Scope]*Resource, len(byScope))
	for scope, own := range byScope {
		made[scope] = m.resource(n.name, n.assignment(own), nil)
	}
	return made
}

// keep puts what a need was fulfilled with in its place.
func (cb *classBuilder) keep(name string, f fulfilled) {
	cb.add(f.cluster)
	cb.add(f.endpoints)
	for scope, r := range f.local {
		cb.addLocal(name, scope, r)
	}
}
