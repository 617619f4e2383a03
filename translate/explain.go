package translate

import (
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// Question is a request whose way is asked for.
type Question struct {
	// Router is a name, or namespace/name.
	Router  string
	Request Request
	// Source is the client's address. If it is not set, the router's trusted-hops
	// rule gives it, by the header x-forwarded-for and Peer, the address that the
	// connection comes from. The zero value is no address.
	Source, Peer netip.Addr
	// Verify checks tokens; nil: none is valid.
	Verify dogfood.Verify
}

// Explanation says where a request goes and why. It is made by the functions
// that make the routes.
type Explanation struct {
	Router string `json:"router"`
	Class  string `json:"proxyClass"`
	// Notes say what was done to the request before it got a name, and of what
	// its table names nothing is known.
	Notes []string `json:"notes,omitempty"`
	// Client is the client's address, and how it is known; only where policies
	// are decided.
	Client    string `json:"client,omitempty"`
	ClientWhy string `json:"clientWhy,omitempty"`
	// Policies say which hold and why the others do not; only where policies are decided.
	Policies []PolicyVerdict `json:"policies,omitempty"`
	// Context are the ids that hold for the request.
	Context []string `json:"context,omitempty"`
	// PassedOn are the values of the headers in which Context travels on, by name
	// in lower case; those of baggage with the members of others. Requests to
	// addresses outside leave without them.
	PassedOn map[string][]string `json:"passedOn,omitempty"`
	// Override is the caller's own rules, in canonical text.
	Override string `json:"override,omitempty"`
	Name     string `json:"name,omitempty"`
	// Trace is every step of the delegation; nil for requests without a name.
	Trace *dtab.Step `json:"-"`
	// Status is 200 where the request is routed, else that of the local reply,
	// and Reason says why.
	Status int    `json:"status"`
	Reason string `json:"reason,omitempty"`
	// Own says that the answer is one that the router is told to give: a response
	// of its own, or that of a policy's link.
	Own bool `json:"own,omitempty"`
	// FellBack are the policies that hold but whose target does not exist, so that
	// the request is answered as if they did not.
	FellBack     []string      `json:"fellBack,omitempty"`
	Destinations []Destination `json:"destinations,omitempty"`
}

// PolicyVerdict is a policy and whether it holds.
type PolicyVerdict struct {
	ID string `json:"id"`
	// Family is the policy's name if it is a member of one.
	Family string `json:"family,omitempty"`
	Holds  bool   `json:"holds"`
	// Why says in one line what decided.
	Why     string          `json:"why"`
	Source  string          `json:"source"`
	Verdict dogfood.Verdict `json:"verdict"`
}

// Destination is a share of the requests: the cluster, and those behind it that
// stand in when nobody of it is alive.
type Destination struct {
	Share    float64  `json:"share"`
	Cluster  string   `json:"cluster"`
	Fallback []string `json:"fallback,omitempty"`
	// Serves is the first of Cluster and Fallback that has somebody behind it now,
	// "" if none has.
	Serves string `json:"serves,omitempty"`
	// Endpoints are the addresses that the cluster has now, or the name that
	// Envoy asks DNS for.
	Endpoints []string `json:"endpoints,omitempty"`
}

// Explain says where a request goes and why. The error names the routers there
// are if the question's is none of them.
func (m *Model) Explain(q Question) (*Explanation, error) {
	r, err := m.router(q.Router)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Router: r.key.String(), Class: r.spec.ProxyClass, Status: 200}
	if q.Request = r.receive(q.Request, x); x.Status != 200 {
		return x, nil
	}
	req := m.decide(r, q, x)
	for _, id := range x.Context {
		if !slices.ContainsFunc(m.policies, func(p dogfood.Policy) bool { return p.ID == id }) {
			x.Notes = append(x.Notes, "no policy is called "+id+", so it changes nothing")
		}
	}
	if r.portsCount() {
		x.Notes = append(x.Notes, "the port is part of the name, because the table looks at ports: "+
			r.portsWhy.String()+" ("+r.portsWhy.Pos.String()+")")
	}
	for _, t := range r.spec.Transformers {
		if substitutes(t) {
			x.Notes = append(x.Notes, "the transformer "+t.Kind+" puts "+t.Path+" in place of what the table says")
		}
	}
	if x.Status != 200 {
		return x, nil // a link
	}
	if to := r.redirectFor(req); to != "" {
		x.Status, x.Reason, x.Own = 308, to, true
		return x, nil
	}
	if answer := r.responseTo(req); answer != nil {
		x.Status, x.Reason, x.Own = answer.status(), answer.describe(), true
		return x, nil
	}
	own, status, reason := r.ownRules(req)
	if status != 0 {
		x.Status, x.Reason = status, reason
		return x, nil
	}
	name, unnamed := r.identify(req)
	if unnamed != nil {
		x.Status, x.Reason = 400, unnamed.Error()
		return x, nil //nolint:nilerr // it is the answer to the request, not a failure to explain it
	}
	a := m.lookUp(r, x, name, own)
	if len(own) == 0 {
		r.refuseUpgrade(req, a, x)
	}
	return x, nil
}

// ExplainName says what a router's table makes of a name, where the policies of
// the context hold, as Explain does of the name of a request. Ids of no policy
// mean nothing. The error names the routers there are if this is none of them.
func (m *Model) ExplainName(router string, name dtab.Path, context []string) (*Explanation, error) {
	r, err := m.router(router)
	if err != nil {
		return nil, err
	}
	x := &Explanation{Router: r.key.String(), Class: r.spec.ProxyClass, Status: 200, Context: context}
	m.lookUp(r, x, name, nil)
	return x, nil
}

// lookUp says what becomes of a name, with rules of the caller's own.
func (m *Model) lookUp(r *router, x *Explanation, name dtab.Path, own dtab.Dtab) answer {
	x.Name, x.Override = name.String(), own.String()
	in, a, out := r.ask(name, dogfood.Context(x.Context).Active(m.policies), own)
	if len(own) == 0 {
		a = m.tellTogether(r, x, name, a)
	}
	x.Trace, x.FellBack = in.Delegate(name), a.fellBack
	for _, id := range r.asked(x.Trace, nil) {
		if gone := m.inventory.absent(r, id); gone.unread && !slices.Contains(x.Notes, gone.why) {
			x.Notes = append(x.Notes, gone.why)
		}
	}
	switch {
	case out != "":
		x.Status, x.Reason = 403, out
	case a.outcome == dtab.OutcomeNeg && r.unrouted != nil && len(own) == 0:
		x.Status, x.Reason, x.Own = r.unrouted.status(), a.why()+": "+r.unrouted.describe(), true
	case !a.routed():
		x.Status, x.Reason = 502, a.why()
		if a.owner != "" {
			x.Reason += "; without policy " + a.owner + " it would be otherwise"
		}
	default:
		x.Destinations = m.destinations(a)
	}
	return a
}

// follow says what a request for a link gets.
func (x *Explanation) follow(link *dogfood.Link) {
	switch {
	case link == nil:
		x.Status, x.Reason = 404, "there is no such link, or not for who asks: what a policy asks for beside its cookie does not hold"
	case link.Joins != "":
		x.Status, x.Reason, x.Own = 303, "the link into "+link.Joins+": sets the cookie "+strings.Join(sortedKeys(link.Cookies), ", ")+", and leads home", true
	default:
		x.Status, x.Reason, x.Own = 303, "the link that leads out: takes the cookie "+strings.Join(sortedKeys(link.Cookies), ", ")+" away, and leads home", true
	}
}

// destinations says where an answer's requests go.
func (m *Model) destinations(a answer) []Destination {
	var all []Destination
	in := &maker{inventory: m.inventory}
	for _, b := range a.branches {
		d := Destination{Share: b.share, Cluster: nobodyCluster}
		for i, t := range b.chain {
			if i == 0 {
				d.Cluster, d.Endpoints = t.cluster, in.addresses(t)
			} else {
				d.Fallback = append(d.Fallback, t.cluster)
			}
			if d.Serves == "" && len(in.addresses(t)) > 0 {
				d.Serves = t.cluster
			}
		}
		all = append(all, d)
	}
	return all
}

// addresses gives where a target's requests can go now.
func (m *maker) addresses(t target) []string {
	var all []string
	for _, p := range m.places(t) {
		if p.ready {
			all = append(all, p.String())
		}
	}
	return all
}

// decide does what happens before routing: at an untrusted router foreign
// context goes, and the policies write the context.
func (m *Model) decide(r *router, q Question, x *Explanation) Request {
	req := q.Request
	if !r.untrusted() {
		return m.readCarriers(r, req, x)
	}
	header := map[string][]string{}
	canonical := map[string][]string{}
	for _, name := range sortedKeys(req.Header) {
		if dogfood.Carries(name) {
			if name != HeaderDtab || r.spec.AdHocOverrides == nil {
				x.Notes = append(x.Notes, "the header "+name+" is removed: the router is untrusted")
			}
			continue
		}
		if saysTrace(name) && m.traces() {
			x.Notes = append(x.Notes, "the header "+name+" is removed: the router is untrusted")
			continue
		}
		if name == dogfood.BaggageHeader {
			if req = r.strip(req, x); len(req.Header[name]) == 0 {
				continue
			}
		}
		header[name] = req.Header[name]
		for _, line := range req.Header[name] {
			key := textproto.CanonicalMIMEHeaderKey(name)
			canonical[key] = append(canonical[key], line)
		}
	}
	seen := dogfood.Request{Method: req.Method, Host: req.Host, Path: req.Path, Header: canonical, Source: x.client(r, q)}
	decided := m.decidedAt(r)
	for _, p := range decided {
		v := p.When.Explain(seen, q.Verify)
		x.Policies = append(x.Policies, PolicyVerdict{
			ID: p.ID, Family: p.Family, Holds: v.Holds, Why: v.Why(), Source: p.Pos.String(), Verdict: v,
		})
	}
	if link, asked := dogfood.Follow(decided, seen, q.Verify); asked {
		x.follow(link)
		return req
	}
	x.Context = dogfood.Decide(decided, seen, q.Verify)
	if len(x.Context) > 0 {
		header[headerDogfood] = []string{dogfood.Context(x.Context).String()}
	}
	if rules := strings.Join(req.Header[HeaderDtab], ","); rules != "" && r.spec.AdHocOverrides != nil {
		if by := grantedBy(decided, x.Policies); by != "" {
			x.Notes = append(x.Notes, "the rules of "+HeaderDtab+" count: the policy "+by+" grants it")
			header[HeaderDtab] = []string{rules}
		} else {
			x.Notes = append(x.Notes, "the header "+HeaderDtab+" is removed: no policy that holds grants rules of one's own")
		}
	}
	req.Header = header
	r.passOn(carriersOf(req), x)
	return req
}

// grantedBy gives the id of the first policy that holds and lets people send
// rules of their own, "" if there is none.
func grantedBy(policies []dogfood.Policy, verdicts []PolicyVerdict) string {
	for i, p := range policies {
		if p.Grant && verdicts[i].Holds {
			return p.ID
		}
	}
	return ""
}

// client gives the client's address, and notes it.
func (x *Explanation) client(r *router, q Question) netip.Addr {
	client, how := q.Source, "as asked"
	if !client.IsValid() {
		client, how = clientAddress(q.Request.Header[headerForwardedFor], r.spec.XFFNumTrustedHops, q.Peer)
	}
	if client.IsValid() {
		x.Client, x.ClientWhy = client.String(), how
	}
	return client
}
