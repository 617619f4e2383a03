package translate

import (
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ondemandv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/on_demand/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Clusters are what costs a proxy most. At a router with spec.onDemand a proxy
// has only those that it uses: the first request that needs another one waits
// while the proxy asks for it by name. Of hosts it has those that lead to one of
// these: see hostask.go.

// Lead is where a route of an on-demand router leads.
type Lead struct {
	// Host is the domain of the route's virtual host: exact, "*.suffix" or "*".
	Host string
	// Route tells the routes of a table apart, also from one version of the
	// table to the next.
	Route string
	// Context says that the route is for requests with a context only.
	Context bool
	// Inward says that the router hands requests over to the pod that the proxy
	// stands beside.
	Inward bool
	// Clusters that it leads to, sorted, without those that they are made of.
	Clusters []string
}

// FullScope is a place of proxies that are told the state of the world: those
// that are at a scope, or, for "", all of them. Envoy 1.40 ends when a cluster
// that it asked for comes in that form, so that their listeners do not ask.
func FullScope(s Scope) Scope { return "full/" + s }

// askForClusters is the filter that has a request wait for a cluster that is
// not there.
func askForClusters() *hcmv3.HttpFilter {
	return httpFilter("envoy.filters.http.on_demand", &ondemandv3.OnDemand{Odcds: &ondemandv3.OnDemandCds{
		Source: overADS(), Timeout: durationpb.New(AskedMost),
	}})
}

// notTold are the answers where a cluster did not come, or nobody said where a
// host leads. A caller's own rule can lead to a cluster that the proxy is not told of,
// because it is not connected yet to the control plane that it has asked.
func notTold(r listenerSpec) []localReply {
	notYet := localReply{
		flags: []string{"NC"}, code: 503, retryable: true,
		text: "This proxy does not know the destination yet, and the control plane did not tell it in time.",
	}
	nobodySaid := notYet
	nobodySaid.flags, nobodySaid.status = []string{"UAEX"}, uint32(askedAway)
	switch {
	case r.OnDemand:
		return []localReply{nobodySaid, notYet}
	case r.AdHoc:
		return []localReply{notYet}
	}
	return nil
}

// lead notes where a route of a virtual host leads.
func (b *builder) lead(d *domain, c *cell, policies []int, route *routev3.Route) {
	if b.router.spec.OnDemand == nil {
		return
	}
	var clusters []string
	action := route.GetRoute()
	switch to := action.GetClusterSpecifier().(type) {
	case *routev3.RouteAction_Cluster:
		clusters = []string{to.Cluster}
	case *routev3.RouteAction_WeightedClusters:
		for _, w := range to.WeightedClusters.GetClusters() {
			clusters = append(clusters, w.GetName())
		}
	default:
		b.refuses = true
		return
	}
	slices.Sort(clusters)
	key := route.GetName() + "\x00" + c.region.key()
	if c.rule != nil {
		key = route.GetName() + "\x00" + strconv.Itoa(int(c.rule.kind)) + "\x00" + c.rule.path
	}
	b.leads[key] = Lead{Host: d.name, Route: key, Context: len(policies) > 0, Inward: b.router.handsOver(), Clusters: slices.Compact(clusters)}
}

// leadsOf gives the leads of the virtual host that was made last, sorted; nil
// if the router is not on demand.
func (b *builder) leadsOf() []Lead {
	if b.router.spec.OnDemand == nil {
		return nil
	}
	leads := make([]Lead, 0, len(b.leads))
	for _, key := range sortedKeys(b.leads) {
		leads = append(leads, b.leads[key])
	}
	return leads
}

// Leads are leads by the domain that they are for, without a port.
type Leads map[string][]Lead

// Add adds leads.
func (ls Leads) Add(leads ...Lead) {
	for _, l := range leads {
		domain := withoutPort(l.Host)
		ls[domain] = append(ls[domain], l)
	}
}

// Remove removes leads that were added.
func (ls Leads) Remove(leads ...Lead) {
	for _, l := range leads {
		domain := withoutPort(l.Host)
		ls[domain] = slices.DeleteFunc(slices.Clone(ls[domain]), func(o Lead) bool { return o.Route == l.Route })
		if len(ls[domain]) == 0 {
			delete(ls, domain)
		}
	}
}

// Clusters gives the clusters of a destination that somebody declares: a host,
// "*.suffix" for every host below, or a bound name. Of a host it is those of
// requests without a context.
func (ls Leads) Clusters(declared string) []string {
	if strings.HasPrefix(declared, "/") {
		return []string{declared}
	}
	var clusters []string
	add := func(domain string) bool {
		for _, l := range ls[domain] {
			if !l.Context {
				clusters = append(clusters, l.Clusters...)
			}
		}
		return len(ls[domain]) > 0
	}
	host := withoutPort(strings.TrimSuffix(strings.ToLower(declared), "."))
	if below, ok := strings.CutPrefix(host, "*"); ok {
		for domain := range ls {
			if strings.HasSuffix(domain, below) {
				add(domain)
			}
		}
	} else {
		for domain := host; !add(domain); { // the most specific one that there is
			_, above, more := strings.Cut(strings.TrimPrefix(domain, "*."), ".")
			if !more {
				break
			}
			domain = "*." + above
		}
	}
	slices.Sort(clusters)
	return slices.Compact(clusters)
}

func withoutPort(host string) string {
	host, _, _ = strings.Cut(host, ":")
	return host
}

// declare gives the class the clusters that a router declares.
func (cb *classBuilder) declare(r *router) {
	if r.spec.OnDemand == nil || len(r.spec.OnDemand.Declared) == 0 {
		return
	}
	leads := Leads{}
	for name, host := range cb.snapshot.Resources[VirtualHostType] {
		if TableOf(name) == r.key.String() {
			leads.Add(host.Leads...)
		}
	}
	all := cb.snapshot.Declared
	for _, d := range r.spec.OnDemand.Declared {
		all = append(all, leads.Clusters(d)...)
	}
	slices.Sort(all)
	cb.snapshot.Declared = slices.Compact(all)
}
