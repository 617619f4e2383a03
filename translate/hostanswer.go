package translate

import (
	"slices"
	"strings"

	"kibble.dev/dogfood"
)

// HostAnswer is what the control plane says about a request for a host that the
// proxy does not know.
type HostAnswer struct {
	// Known says that the host has a virtual host of its own. Else the proxy
	// answers by that for all others, as if it had not asked.
	Known bool
	// Environment is what HeaderEnvironment of the response says, "" for nothing.
	Environment string
	// Repeats says that requests of methods that are safe may be sent again to a
	// stand-in after they were sent.
	Repeats bool
	// Branches are the shares of the requests.
	Branches []AnsweredBranch
}

// AnsweredBranch is a share of the requests, and what the virtual host would do
// with it.
type AnsweredBranch struct {
	WeightedCluster
	// Passed is what HeaderFallback of the response says, "" for nothing, and All,
	// unless it is "", what it says in place of that where a stand-in has answered.
	Passed, All string
	// Endpoints are those of the cluster, and of the clusters that it is made of. A proxy
	// that had the cluster before may have older ones.
	Endpoints []*Resource
}

// Draw chooses a branch for one request by a number from 0 to 1.
func (a HostAnswer) Draw(draw float64) AnsweredBranch { return drawn(a.Branches, draw) }

// Ask says what the proxies of the class do with a request for a host at a
// router, by the very virtual hosts that they are told of. It is not ok if the
// class has no such router, or proxies have no need to ask about the host: then
// whoever asks is about to be told.
func (c *ClassSnapshot) Ask(router string, req Request) (a HostAnswer, ok bool) {
	namespace, name, _ := strings.Cut(router, "/")
	t := c.made.tables[Key{namespace, name}]
	if t == nil || !t.explored.router.asksHosts() {
		return HostAnswer{}, false
	}
	host, err := hostName(req.Host, false)
	if err != nil {
		return HostAnswer{}, true // it is the proxy's to refuse such a request
	}
	d := t.covering(host)
	switch {
	case d.name == host:
		a = t.answer(d, dogfood.ParseContext(req.Header[headerDogfood]))
		for i, b := range a.Branches {
			a.Branches[i].Endpoints = c.endpointsOf(b.Cluster)
		}
		return a, true
	case d.made.resource.Asks:
		return HostAnswer{}, true
	}
	return HostAnswer{}, false
}

// endpointsOf gives the endpoints of a cluster, and of those that it is made of.
func (c *ClassSnapshot) endpointsOf(cluster string) (all []*Resource) {
	if r := c.Resources[EndpointType][cluster]; r != nil {
		all = append(all, r)
	}
	if r := c.Resources[ClusterType][cluster]; r != nil {
		for _, member := range r.Clusters {
			all = append(all, c.endpointsOf(member)...)
		}
	}
	return all
}

// covering gives the domain whose virtual host a request for a host meets.
func (t *hostTable) covering(host string) *domain {
	s := siblings{named: t.domains.get, wild: t.wild}
	for name := host; ; name = s.wider(name) {
		d := t.domains.get(name)
		if d != nil && !d.pruned && d.made != nil && d.made.resource != nil {
			return d
		}
		if name == everyHost {
			return &domain{made: &madeHost{resource: &Resource{}}} // it could not be made
		}
	}
}

// answer says what a domain's virtual host does with requests of a context. Of
// the members of one family the first counts.
func (t *hostTable) answer(d *domain, context dogfood.Context) HostAnswer {
	overlays := t.explored.overlays
	var ids, families []string
	for _, id := range context {
		i := slices.IndexFunc(overlays, func(o overlay) bool { return o.id == id })
		if i < 0 || overlays[i].family != "" && slices.Contains(families, overlays[i].family) {
			continue
		}
		ids, families = append(ids, id), append(families, overlays[i].family)
	}
	b := &builder{router: t.explored.router, overlays: overlays}
	c := d.cells[0] // it has one, since only its host counts
	says, by := c.where(func(p int) bool { return slices.Contains(ids, overlays[p].id) })
	out := HostAnswer{Known: true, Environment: b.ids(by)}
	for _, br := range says.branches {
		out.Branches = append(out.Branches, b.answered(c, says, br))
	}
	out.Known, out.Repeats = len(out.Branches) > 0, says.hasStandIn()
	return out
}

// answered is what a route does with a share of its requests: see routeFor.
func (b *builder) answered(c *cell, a answer, br branch) AnsweredBranch {
	n, _ := b.cluster(c, br)
	passed, all := a.passed()
	out := AnsweredBranch{WeightedCluster: n.weighted(br.share), Passed: passed}
	if a.mayFallBack(n) {
		out.All = all
	}
	return out
}
