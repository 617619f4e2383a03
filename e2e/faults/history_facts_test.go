package faults_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// kind is what a watch of its own tells of: Kibble hears of the changes of a kind in
// their order, and of different kinds in any order.
type kind int

const (
	tables         kind = iota // "outgoing h1" → "s0 | s1:web"; and what else is of Routers, see below
	dtabs                      // "h1" → the same, in the Dtab that router outgoing refers to
	services                   // "s1" → the number of its port
	endpointSlices             // "s1" → the name of its port, and who is behind it: "http s1-0 s1-1!"
	policies                   // "e0" → the host and the service that it leads to: "h1 e0", "h1 e0 fail"; "family" → "yes"
	namespaces                 // "n0" → "yes" where it is one of the family
	certificates               // "front" → the name in the certificate that the edge shows
	trouble                    // "control plane" → "yes", "certificate" → what the Secret holds, or the name of a proxy that was restarted
	everything                 // how many there are
)

// Facts of Routers beside their tables.
const (
	onDemand = "on demand" // → "yes" where sidecars are told on demand
	extra    = "extra"     // → which of their ports this further Router has: "1" at the edge, "1 inside" at sidecars
	other    = "other"     // → the same
)

// extraTo are the services that the further Routers lead to.
var extraTo = map[string]string{extra: "s0", other: "s1"}

// facts are what is so at a time: of each kind, the text of each object that is there.
type facts [everything]map[string]string

// past are the facts since it was calm last, of each kind in their order. They are
// what any proxy may go by.
type past [everything][]map[string]string

// now are the latest facts.
func (p *past) now() (f facts) {
	for k := range f {
		f[k] = p[k][len(p[k])-1]
	}
	return f
}

// set adds a change; with "" the object goes.
func (p *past) set(k kind, name, text string) {
	next := maps.Clone(p.now()[k])
	if next[name] = text; text == "" {
		delete(next, name)
	}
	p[k] = append(p[k], next)
}

// calm forgets all but the latest, and what was trouble.
func (p *past) calm() {
	p.set(trouble, "", "")
	clear(p.now()[trouble])
	for k := range p {
		p[k] = p[k][len(p[k])-1:]
	}
}

// each calls f with every combination in which the facts of one kind are the latest.
func (p *past) each(latest kind, f func(facts)) {
	var all func(facts, kind)
	all = func(one facts, k kind) {
		if k == everything {
			f(one)
			return
		}
		from := p[k]
		if k == latest {
			from = from[len(from)-1:]
		}
		for _, one[k] = range from {
			all(one, k+1)
		}
	}
	all(facts{}, 0)
}

// What is answered where nobody is behind a name, by a Router for hosts that lead
// nowhere, by a proxy on demand that nobody told, and where nobody listens.
const (
	fails    = "5xx"
	unrouted = "unrouted"
	untold   = "untold"
	nobody   = "nobody"
)

// unready ends the name of who is behind a service and is not ready.
const unready = "!"

// answers are those that may be given to a question. They follow the pages about
// tables and environments of the manual.
func (f facts) answers(q question) (all []string) {
	if f[trouble][q.place] != "" {
		all = append(all, nobody)
	}
	if port, ok := strings.CutPrefix(q.router, extra+" "); ok {
		for router, to := range extraTo {
			if f[tables][router] == port {
				all = append(all, f.otherwise(q, f.lead(to, ""))...)
			}
		}
		if all == nil {
			all = []string{nobody}
		}
		return all
	}
	if q.router == front {
		return f.shown(q)
	}
	if f[trouble]["control plane"] != "" && (f[tables][onDemand] != "" && q.router == "outgoing" || q.rule != "") {
		all = append(all, untold)
	}
	if there := f.lead(q.rule, ""); there != nil { // nobody stands in
		return append(all, there...)
	}
	return append(all, f.inside(q, strings.Split(q.in, ","))...)
}

// inside gives who answers in environments, of which the last is tried first.
func (f facts) inside(q question, environments []string) []string {
	if len(environments) == 0 {
		return f.otherwise(q, f.leads(q))
	}
	last := len(environments) - 1
	in, stays := f.environment(q, environments[last])
	if stays {
		return in
	}
	without := f.inside(q, environments[:last])
	if in == nil {
		return without
	}
	if i := slices.Index(in, fails); i >= 0 && !slices.Equal(without, []string{q.otherwise}) { // others stand in
		in = append(slices.Delete(slices.Clone(in), i, i+1), without...)
		if last > 0 {
			in = append(in, f.inside(q, nil)...)
		}
	}
	return in
}

// otherwise gives who answers, or if nobody does what is said then.
func (f facts) otherwise(q question, all []string) []string {
	if all == nil {
		return []string{q.otherwise}
	}
	return all
}

// environment gives who answers because of an environment, nil if it changes nothing,
// and whether nobody may stand in.
func (f facts) environment(q question, in string) (all []string, stays bool) {
	if f[namespaces][in] != "" && f[policies]["family"] != "" {
		return f.member(q, in)
	}
	words := strings.Fields(f[policies][in])
	if len(words) < 2 || words[0] != q.host {
		return nil, false
	}
	if all = f.lead(words[1], ""); len(words) > 2 && all == nil {
		all = []string{fails}
	}
	return all, len(words) > 2
}

// member is environment for a member of the family. Where requests are shared, behind
// each service stands the one in whose place it is.
func (f facts) member(q question, in string) (all []string, stays bool) {
	for _, rule := range f.rules(q) {
		first, second, shared := strings.Cut(rule, " & ")
		if !shared {
			if all := f.lead(rule, in); all != nil {
				return all, false
			}
			continue
		}
		for _, side := range []string{first, second} {
			here, base := f.lead(side, in), f.lead(side, "")
			if i := slices.Index(here, fails); i >= 0 && base != nil {
				here = append(slices.Delete(slices.Clone(here), i, i+1), base...)
			}
			all = append(all, here...)
		}
		if all != nil {
			return all, true
		}
	}
	return nil, false
}

// leads gives who answers by the tables.
func (f facts) leads(q question) []string {
	for _, rule := range f.rules(q) {
		if all := f.lead(rule, ""); all != nil {
			return all
		}
	}
	return nil
}

// rules are those for a question: the first that leads anywhere counts. Those of the
// Dtab come after the router's own.
func (f facts) rules(q question) []string {
	rules := []string{f[tables][q.router+" "+q.host]}
	if q.router == "outgoing" {
		rules = append(rules, f[dtabs][q.host])
	}
	return rules
}

// lead gives who answers for the right side of a rule: "s0", "s0:web",
// "s0:4141", "s0 | s1", "s0 & s1"; nil if it leads nowhere.
func (f facts) lead(rule, namespace string) []string {
	if first, second, ok := strings.Cut(rule, " | "); ok {
		if all := f.lead(first, namespace); all != nil {
			return all
		}
		return f.lead(second, namespace)
	}
	if first, second, ok := strings.Cut(rule, " & "); ok {
		return append(f.lead(first, namespace), f.lead(second, namespace)...)
	}
	if rule == "" {
		return nil
	}
	service, port, _ := strings.Cut(rule, ":")
	if port == "" {
		if all := f.behind(namespace+"/"+service, "http"); namespace != "" && all != nil {
			return all
		}
		port = "http"
	}
	return f.behind(service, port)
}

// behind gives who is behind a port of a service and ready; nil if there is no such port.
func (f facts) behind(service, port string) (all []string) {
	there := strings.Fields(f[endpointSlices][service])
	if _, err := strconv.Atoi(port); err == nil { // a number is that of the Service
		if f[services][service] != port {
			return nil
		}
	} else if len(there) < 2 || there[0] != port { // a name is that of endpoints
		return nil
	}
	for _, name := range there[min(1, len(there)):] {
		if !strings.HasSuffix(name, unready) {
			all = append(all, name)
		}
	}
	if all == nil {
		return []string{fails}
	}
	return all
}

// written is a rule's right side as a table has it.
func written(rule string) string {
	for _, sign := range []string{" | ", " & "} {
		if first, second, ok := strings.Cut(rule, sign); ok {
			return written(first) + sign + written(second)
		}
	}
	if service, port, ok := strings.Cut(rule, ":"); ok {
		return "/#/io.l5d.k8s/default/" + port + "/" + service
	}
	return "/srv/" + rule
}
