package translate

import "slices"

// need is a cluster that routes name.
type need struct {
	name string
	kind needKind
	// target of needTarget.
	target target
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
	return n.name == o.name && n.kind == o.kind && n.http2 == o.http2 && n.outside == o.outside &&
		slices.Equal(n.members, o.members) && n.target.id.Equal(o.target.id) && n.target.chosen == o.target.chosen
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
		cb.put(n.name, aggregateCluster(n.name, n.members, n.outside, n.http2), slices.Clone(n.members)...)
	case needTarget:
		places := cb.places(n.target)
		if n.target.outside() {
			cb.put(n.name, dnsCluster(n.name, places, n.http2))
			return
		}
		cb.put(n.name, edsCluster(n.name, n.http2, n.target.near()))
		cb.assign(n.target, places)
	}
}
