package publish

import (
	"slices"
	"strings"

	"kibble.dev/translate"
)

// judge gives the words of a refusal, and what is applied all the same: nil
// for nothing of the response.
func (e *envoy) judge(typ string, add []*translate.Resource) (words string, applied []*translate.Resource) {
	applied = []*translate.Resource{}
	var culprits []string
	for _, r := range add {
		switch f := faultOf(r); {
		case f == whole:
			return "missing ): ((", nil
		case f == partial:
			return "malformed IP address", applied
		case f == named:
			culprits = append(culprits, r.Name+": no good")
		default:
			applied = append(applied, r)
			if f == stuck {
				culprits = append(culprits, r.Name+": no good")
			}
		}
	}
	if len(culprits) > 0 {
		return "Error adding/updating " + map[bool]string{true: "cluster", false: "listener"}[typ == translate.ClusterType] +
			"(s) " + strings.Join(culprits, ", "), applied
	}
	return "", applied
}

func (e *envoy) apply(typ string, r *translate.Resource, early []string) {
	active := e.active[typ]
	switch typ {
	case translate.ClusterType:
		if equal(e.warming[r.Name], r) || equal(active[r.Name], r) && e.warming[r.Name] == nil {
			return
		}
		if !hasEndpoints(r.Name) {
			active[r.Name] = r
			return
		}
		if active[r.Name] == nil && e.warming[r.Name] == nil {
			e.ask(Subscription{Type: translate.EndpointType, Add: []string{r.Name}})
		}
		e.warming[r.Name] = r
	case translate.EndpointType:
		active[r.Name] = r
		e.warmed(r.Name)
	case translate.RouteType:
		e.applyTable(r, slices.Contains(early, r.Name))
	case translate.VirtualHostType:
		if e.inParts(translate.TableOf(r.Name)) {
			e.lose(active[r.Name], r)
			active[r.Name] = r
		} // else nobody there is interested
	default:
		e.lose(active[r.Name], r)
		active[r.Name] = r
	}
}

// lose forgets the use of routes that lead nowhere any more.
func (e *envoy) lose(was, is *translate.Resource) {
	if was == nil {
		return
	}
	for _, l := range was.Leads {
		if !slices.ContainsFunc(is.Leads, func(o translate.Lead) bool { return o.Route == l.Route }) {
			delete(e.used, l.Route)
		}
	}
}

// warmed makes a warming cluster active, now that its endpoints came.
func (e *envoy) warmed(name string) {
	if r := e.warming[name]; r != nil && faultOf(r) != stuck {
		delete(e.warming, name)
		e.active[translate.ClusterType][name] = r
	}
}

func (e *envoy) drop(typ, name string) {
	switch typ {
	case translate.ClusterType:
		if hasEndpoints(name) && (e.active[typ][name] != nil || e.warming[name] != nil) {
			delete(e.active[translate.EndpointType], name)
			delete(e.told[translate.EndpointType], name)
			e.ask(Subscription{Type: translate.EndpointType, Drop: []string{name}})
		}
		delete(e.active[typ], name)
		delete(e.warming, name)
	case translate.EndpointType:
		e.warmed(name) // no endpoints is an answer too
	case translate.ListenerType, translate.VirtualHostType:
		e.lose(e.active[typ][name], &translate.Resource{})
		delete(e.active[typ], name)
	}
}

// forgetUse forgets the use of routes of a table of which the class knew the
// version only: where they led, nobody can tell, and the next request may wait.
func (e *envoy) forgetUse(r *Response) {
	for _, res := range r.Resources {
		if has := e.Proxy.kinds[r.Type].has.get(res.Name); has != nil && has.Body == nil {
			for _, l := range res.Leads {
				delete(e.used, l.Route)
			}
		}
	}
}

// takenBack forgets the use of routes to clusters that go because another one
// never gets warm: of the unanswered ones nobody knows which, and the next
// request waits until they are there again.
func (e *envoy) takenBack(clusters []string) {
	for _, r := range e.routes() {
		for _, l := range r.Leads {
			if slices.ContainsFunc(clusters, func(c string) bool { return slices.Contains(l.Clusters, c) }) {
				delete(e.used, l.Route)
			}
		}
	}
}
