package translate

import (
	"cmp"
	"fmt"
	"slices"

	"kibble.dev/dtab"
)

// claimant is a router that claims its ports, and when its object was created.
type claimant struct {
	*router
	created int64
}

// unique leaves out routers that listen on the port of another one of their class,
// with a finding for each. The one that was there first keeps it, so that nobody
// takes the port of somebody else's router by a mistake; of two that were created
// in the same second, or whose times nobody tells, as in files, the first by
// namespace and name. The order stays.
func unique(all []claimant) (kept []*router, found []dtab.Finding) {
	inTurn := slices.Clone(all)
	slices.SortStableFunc(inTurn, func(a, b claimant) int { return cmp.Compare(a.created, b.created) })
	served := map[*router]bool{}
	for i, r := range inTurn {
		served[r.router] = !slices.ContainsFunc(inTurn[:i], func(o claimant) bool {
			if !served[o.router] {
				return false
			}
			p, taken := o.takes(r.router)
			if taken {
				found = append(found, dtab.Finding{
					Code: codeConflict, Severity: dtab.Error, Pos: r.origin.Field(p.field).At(1, 1),
					Message: fmt.Sprintf("port %d of class %s is taken by router %s", p.number, r.spec.ProxyClass, o.key),
					Hint:    "give one of them another port; until then this one is not served",
				})
			}
			return taken
		})
	}
	for _, r := range all {
		if served[r.router] {
			kept = append(kept, r.router)
		}
	}
	return kept, found
}

// takes gives the port of another router that this one listens on too.
func (r *router) takes(other *router) (p port, taken bool) {
	if r.spec.ProxyClass != other.spec.ProxyClass {
		return port{}, false
	}
	for _, p := range other.ports() {
		if slices.ContainsFunc(r.ports(), func(o port) bool { return o.number == p.number }) {
			return p, true
		}
	}
	return port{}, false
}

// port is one that a router listens on, with the field that says so.
type port struct {
	number int32
	field  string
}

func (r *router) ports() []port {
	all := []port{{r.spec.Port, "spec.port"}}
	if r.spec.TLS != nil {
		all = append(all, port{r.spec.TLS.Port, "spec.tls.port"})
	}
	return all
}
