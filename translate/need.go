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

// role is what a cluster is for that is behind the first of several.
type role string

const (
	roleAlternative role = "alternative" // a table says so
	roleStandIn     role = "stand-in"    // for the targets of an override
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

// fulfil makes the cluster that is needed, and its endpoints.
func (cb *classBuilder) fulfil(n need) {
	switch n.kind {
	case needNobody:
		cb.put(n.name, emptyCluster())
	case needForward:
		cb.put(n.name, forwardCluster())
	case needSeveral:
		cb.put(n.name, aggregateCluster(n), slices.Clone(n.members)...)
	case needTarget:
		places := cb.places(n.target)
		if n.target.outside() {
			cb.put(n.name, dnsCluster(n, places))
			return
		}
		cb.put(n.name, edsCluster(n.name, n.http2, n.target.near()))
		cb.assign(n, places)
	}
}
