package translate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
)

// ObjectChange is a change of an object that is no move of a host.
type ObjectChange struct {
	// Object is its kind and name: "router default/ingress".
	Object string `json:"object"`
	// What changed: "port", "condition". "" where the whole object is new or gone.
	What string `json:"what,omitempty"`
	// From and To in words; From is "" for what is new, To for what is gone.
	From string `json:"from"`
	To   string `json:"to"`
	// Source is where it is written now, or was.
	Source string `json:"source,omitempty"`
}

// fact is one thing that can be said about an object.
type fact struct{ what, text, source string }

// routerChanges compares what a router is, apart from where its table leads.
func routerChanges(before, after *router) []ObjectChange {
	name := "router "
	if after != nil {
		name += after.key.String()
	} else {
		name += before.key.String()
	}
	return compareFacts(name, routerFacts(before), routerFacts(after))
}

// routerFacts says what a router is; nothing of one that is nil. What the
// table, names and answers of it lead to shows in moves.
func routerFacts(r *router) []fact {
	if r == nil {
		return nil
	}
	at := func(field string) string { return r.origin.Field(field).At(1, 1).String() }
	facts := []fact{
		{"", fmt.Sprintf("listens on port %d of class %s, %s", r.spec.Port, r.spec.ProxyClass, r.trust), at("spec")},
		{"class", r.spec.ProxyClass, at("spec.proxyClass")},
		{"port", fmt.Sprint(r.spec.Port), at("spec.port")},
		{"trust", string(r.trust), at("spec.trust")},
	}
	said := map[string]bool{"proxyClass": true, "port": true, "trust": true, "dtab": true, "dtabRef": true, "responses": true}
	for _, own := range r.responses {
		where := hostMatch(cmp.Or(own.host, everyHost), own.hostPath.describe(cmp.Or(own.host, everyHost)))
		facts = append(facts, fact{"answer to " + where, own.words(), own.source.String()})
	}
	if r.unrouted != nil {
		facts = append(facts, fact{"answer to what is not routed", r.unrouted.words(), r.unrouted.source.String()})
	}
	return append(facts, otherFields(filled(r.spec), said, at)...)
}

// filled gives a Router's fields as the API server keeps them: what an object
// leaves open has its default. So one in a file is no other than in a cluster.
func filled(spec v1alpha1.RouterSpec) v1alpha1.RouterSpec {
	spec.Bind = cmp.Or(spec.Bind, v1alpha1.BindAny)
	spec.DstPrefix = cmp.Or(spec.DstPrefix, defaultDstPrefix)
	spec.AccessLog = cmp.Or(spec.AccessLog, v1alpha1.AccessLogNotable)
	spec.Metrics = cmp.Or(spec.Metrics, v1alpha1.MetricsEnvironments)
	if spec.Tracing != nil {
		t := *spec.Tracing
		t.Percent = cmp.Or(t.Percent, v1alpha1.DefaultTracingPercent)
		spec.Tracing = &t
	}
	if len(spec.Carriers) == 0 {
		spec.Carriers = []v1alpha1.Carrier{v1alpha1.CarrierL5dCtx}
	}
	return spec
}

// words say all that an answer says.
func (r *response) words() string {
	fields := fieldsOf(r.Response)
	for _, name := range []string{"host", "path", "pathPrefix", "unrouted"} {
		delete(fields, name)
	}
	var parts []string
	for _, name := range sortedKeys(fields) {
		parts = append(parts, name+" "+string(fields[name]))
	}
	return strings.Join(parts, ", ")
}

func hostMatch(host, match string) string {
	if match != "" {
		return host + " (" + match + ")"
	}
	return host
}

// fieldsOf gives the fields of an object that are set, as compact JSON.
func fieldsOf(object any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	if b, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(b, &fields) // it was just written
	}
	return fields
}

// policyChanges compares the policies that are served, apart from where their
// overrides lead.
func policyChanges(old, now *Model) []ObjectChange {
	before, after := old.policyFacts(), now.policyFacts()
	var changes []ObjectChange
	for _, name := range union(sortedKeys(before), sortedKeys(after)) {
		changes = append(changes, compareFacts("policy "+name, before[name], after[name])...)
	}
	return changes
}

// policyFacts says of each policy, or family, who gets it and how.
func (m *Model) policyFacts() map[string][]fact {
	all := map[string][]fact{}
	members := map[string][]string{}
	for _, p := range m.policies {
		key := Key{p.Namespace, p.Name}
		name := key.String()
		if p.Family != "" {
			members[name] = append(members[name], p.Member)
		}
		if all[name] == nil {
			all[name] = policyFactsOf(p, m.good[key])
		}
	}
	for name, list := range members {
		slices.Sort(list)
		all[name] = append(all[name], fact{"members", strings.Join(list, ", "), all[name][0].source})
	}
	return all
}

func policyFactsOf(p dogfood.Policy, src *Sourced[v1alpha1.DogfoodPolicy]) []fact {
	words := p.When.String()
	if p.Member != "" {
		words = strings.ReplaceAll(words, p.Member, "{namespace}")
	}
	at := func(field string) string { return src.Origin.Field(field).At(1, 1).String() }
	facts := []fact{
		{"", "holds for: " + words, p.Pos.String()},
		{"condition", words, at("spec.when")},
		{"priority", fmt.Sprint(p.Priority), at("spec.priority")},
		{"fallback", string(p.Fallback), at("spec.fallback")},
	}
	if len(p.Routers) > 0 {
		facts = append(facts, fact{"routers", strings.Join(p.Routers, ", "), at("spec.routers")})
	}
	if p.Grant {
		facts = append(facts, fact{"grant", "rules of one's own", at("spec.grant")})
	}
	if !p.Expires.IsZero() {
		facts = append(facts, fact{"end", p.Expires.UTC().Format(time.RFC3339), at("spec.expiresAt")})
	}
	said := map[string]bool{"when": true, "priority": true, "fallback": true, "routers": true, "grant": true, "expiresAt": true, "override": true}
	return append(facts, otherFields(src.Object.Spec, said, at)...)
}

// otherFields gives the fields of a spec that nothing else says in words.
func otherFields(spec any, said map[string]bool, at func(field string) string) []fact {
	var facts []fact
	fields := fieldsOf(spec)
	for _, name := range sortedKeys(fields) {
		if !said[name] {
			facts = append(facts, fact{name, string(fields[name]), at("spec." + name)})
		}
	}
	return facts
}

// compareFacts gives what is said differently. Of an object that is new or gone
// only its first fact counts.
func compareFacts(object string, before, after []fact) []ObjectChange {
	switch {
	case len(before) == 0 && len(after) == 0:
		return nil
	case len(before) == 0:
		return []ObjectChange{{Object: object, To: after[0].text, Source: after[0].source}}
	case len(after) == 0:
		return []ObjectChange{{Object: object, From: before[0].text, Source: before[0].source}}
	}
	before, after = before[1:], after[1:]
	var changes []ObjectChange
	for _, f := range before {
		i := slices.IndexFunc(after, func(g fact) bool { return g.what == f.what })
		switch {
		case i < 0:
			changes = append(changes, ObjectChange{Object: object, What: f.what, From: f.text, Source: f.source})
		case after[i].text != f.text:
			changes = append(changes, ObjectChange{Object: object, What: f.what, From: f.text, To: after[i].text, Source: after[i].source})
		}
	}
	for _, f := range after {
		if !slices.ContainsFunc(before, func(g fact) bool { return g.what == f.what }) {
			changes = append(changes, ObjectChange{Object: object, What: f.what, To: f.text, Source: f.source})
		}
	}
	return changes
}
