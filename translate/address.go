package translate

import (
	"cmp"
	"net/netip"
	"slices"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// Address is one place that a name of io.l5d.k8s leads to.
type Address struct {
	IP   string
	Port int32
	// NodeName, Zone and Pod (a name) are empty where Kubernetes does not say.
	NodeName, Zone, Pod string
	// Ready says that it may be sent requests now.
	Ready bool
}

// Endpoints gives every address behind an io.l5d.k8s id, and whether the name
// is bound at all. A bound name may have no address, or none that is ready.
//
// Ports are those of each address's own slice. Of an endpoint's addresses the
// first counts, as Kubernetes demands; a pod of a dual-stack cluster has one of
// each family because it stands in a slice of each. Addresses that are not
// ready are there too, marked. An endpoint that terminates but still serves
// counts as ready only where nothing else is. The result is sorted by IP, then
// port, has no address twice, and belongs to the caller.
func (v View) Endpoints(id dtab.Path) (addresses []Address, bound bool) {
	q, ok := v.bound(id)
	if !ok {
		return nil, false
	}
	all := q.candidates()
	best := stateDown
	for _, c := range all {
		best = max(best, c.state)
	}
	for i, c := range all {
		if i > 0 && c.ip == all[i-1].ip && c.Port == all[i-1].Port {
			continue
		}
		c.Ready = c.state == best && best != stateDown
		addresses = append(addresses, c.Address)
	}
	return addresses, true
}

// state orders endpoints by how willingly they are used.
type state int

const (
	stateDown state = iota
	stateLeaving
	stateReady
)

func stateOf(e *Endpoint) state {
	switch {
	case e.Ready:
		return stateReady
	case e.Terminating && e.Serving:
		return stateLeaving
	}
	return stateDown
}

// candidate is an address before duplicates are dropped: Kubernetes may list an
// endpoint in two slices while it moves it.
type candidate struct {
	Address
	ip    netip.Addr
	state state
}

// candidates are sorted so that of two with the same address the better comes first.
func (q query) candidates() []candidate {
	var all []candidate
	for _, s := range q.service.Slices {
		port := q.portOf(s)
		if port == 0 {
			continue
		}
		for i := range s.Endpoints {
			e := &s.Endpoints[i]
			if len(e.Addresses) == 0 || !q.selects(e) {
				continue
			}
			ip, ok := v1alpha1.ParseAddress(e.Addresses[0])
			if !ok {
				continue
			}
			all = append(all, candidate{
				Address: Address{IP: ip.String(), Port: port, NodeName: e.NodeName, Zone: e.Zone, Pod: e.Pod},
				ip:      ip, state: stateOf(e),
			})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(a.ip.Compare(b.ip), cmp.Compare(a.Port, b.Port), cmp.Compare(b.state, a.state),
			cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.NodeName, b.NodeName), cmp.Compare(a.Zone, b.Zone))
	})
	return all
}
