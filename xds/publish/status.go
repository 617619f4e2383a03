package publish

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"kibble.dev/translate"
)

// Status is how far a proxy is with one type.
type Status struct {
	Type string `json:"type"`
	// Acked counts the resources that the proxy accepted, Sent those in
	// responses that it has not answered, Behind those that are wanted in
	// another version than it has, refused and waiting ones included, and
	// Retiring those that it has and that are no longer wanted.
	Acked    int `json:"acked"`
	Sent     int `json:"sent"`
	Behind   int `json:"behind"`
	Retiring int `json:"retiring"`
	// Since is when it fell behind; zero when Behind is 0.
	Since time.Time `json:"since,omitzero"`
	// Refused are the wanted versions that it refused, sorted by name.
	Refused []Refusal `json:"refused,omitempty"`
	// Waiting are resources that wait for clusters, sorted by name.
	Waiting []Waiting `json:"waiting,omitempty"`
	// Unanswered is since when the oldest response has had no answer; zero
	// when all are answered.
	Unanswered time.Time `json:"unanswered,omitzero"`
	// Overdue says that the answer is late: Options.AckLimit has passed. Of
	// clusters it says that one of them is not getting warm.
	Overdue bool `json:"overdue,omitempty"`
}

// Waiting is a resource that a proxy may not have yet, or not give up.
type Waiting struct {
	Name   string `json:"name"`
	Source string `json:"source,omitempty"`
	// Clusters are some of those that it waits for. Its own name says that a
	// cluster waits for endpoints that the proxy accepts. A listener may wait for
	// another one, and one that has an heir for what that needs.
	Clusters []string `json:"clusters"`
}

// Status gives the state of each type that the proxy asked for, in the order of Types.
func (p *Proxy) Status() []Status {
	var all []Status
	for _, typ := range p.Asked() {
		all = append(all, p.status(p.kinds[typ]))
	}
	return all
}

// Asked gives the types that the proxy asked for, in the order of Types. The
// list must not be changed.
func (p *Proxy) Asked() []string { return p.asked }

// sortAsked brings asked up to date: proxies ask for types rarely, and the list
// is looked at with each of their answers.
func (p *Proxy) sortAsked() {
	p.asked = slices.SortedFunc(maps.Keys(p.kinds), func(a, b string) int {
		return cmp.Or(rank(a)-rank(b), strings.Compare(a, b))
	})
}

func rank(typ string) int {
	if i := slices.Index(Types(), typ); i >= 0 {
		return i
	}
	return len(Types())
}

func (p *Proxy) status(k *kind) Status {
	s := Status{Type: k.typ, Acked: k.has.size, Unanswered: k.silent, Overdue: !k.silent.IsZero()}
	if k.waiting() {
		first := k.flights[0]
		if s.Unanswered.IsZero() {
			s.Unanswered = first.sent
		}
		s.Overdue = s.Overdue || first.undone
	}
	for name, it := range k.open {
		if it.flying > 0 {
			s.Sent++
		}
		var want *translate.Resource
		if p.class.target != nil {
			want, _ = p.look(k.typ, name)
		}
		switch {
		case want == nil && k.has.get(name) != nil:
			s.Retiring++
		case !equal(want, k.has.get(name)):
			s.Behind++
		}
		if r := p.refusalOf(k, name, it); r != nil {
			s.Refused = append(s.Refused, *r)
		}
		if it.missing != nil {
			w := Waiting{Name: name, Clusters: it.missing}
			if is := cmp.Or(want, k.has.get(name)); is != nil {
				w.Source = is.Source
			}
			s.Waiting = append(s.Waiting, w)
		}
	}
	if s.Behind > 0 {
		s.Since = k.behind
	}
	slices.SortFunc(s.Refused, func(a, b Refusal) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Waiting, func(a, b Waiting) int { return strings.Compare(a.Name, b.Name) })
	return s
}

// Alarms gives the types with an answer that is overdue, in no order, and how
// many wanted resources the proxy refuses.
func (p *Proxy) Alarms() (overdue []string, refused int) {
	for typ, k := range p.kinds {
		if !k.silent.IsZero() || k.waiting() && k.flights[0].undone {
			overdue = append(overdue, typ)
		}
		for name, it := range k.open {
			if p.refusalOf(k, name, it) != nil {
				refused++
			}
		}
	}
	return overdue, refused
}

// Connected is when the proxy connected.
func (p *Proxy) Connected() time.Time { return p.connected }

// Mute says that the proxy asked for endpoints, which it does for a cluster,
// but in all the time since connected has not asked for clusters. Envoy does
// that when it came back while one of its clusters cannot get warm: see Rescue.
func (p *Proxy) Mute(now time.Time) bool {
	e := p.kinds[translate.EndpointType]
	return e != nil && e.names.size > 0 && p.kinds[translate.ClusterType] == nil &&
		!now.Before(p.connected.Add(p.class.opts.AckLimit))
}

// Readiness says whether a proxy has a cluster.
type Readiness int

const (
	// Ready: it has the cluster with its endpoints, or is not to have it.
	Ready Readiness = iota
	// Pending: it does not have it yet.
	Pending
	// Refused: it refused it, or its endpoints.
	Refused
	// Stuck: it does not have it, and does not answer in time.
	Stuck
)

// Has says whether the proxy has a wanted cluster.
func (p *Proxy) Has(now time.Time, cluster string) Readiness {
	k := p.kinds[translate.ClusterType]
	switch {
	case !k.subscribed(cluster):
		return Ready
	case p.refuses(k, cluster) || p.refuses(p.kinds[translate.EndpointType], cluster):
		return Refused
	case !p.lacks(now, cluster) && equal(k.has.get(cluster), p.wanted(k, cluster)):
		return Ready
	case !k.silent.IsZero():
		return Stuck
	}
	return Pending
}

// Untold tells that the proxy has come back with a cluster, and has not asked for any
// endpoints yet: which it has of the cluster is not known.
func (p *Proxy) Untold(cluster string) bool {
	k := p.kinds[translate.ClusterType]
	return k != nil && k.has.get(cluster) != nil && p.kinds[translate.EndpointType] == nil
}

// Older gives the version of a cluster's endpoints that the proxy has, where it is
// to have others and may be expected to take them; otherwise "".
func (p *Proxy) Older(cluster string) string {
	k := p.kinds[translate.EndpointType]
	if k == nil || !k.silent.IsZero() || p.refuses(k, cluster) {
		return ""
	}
	has, want := k.has.get(cluster), p.wanted(k, cluster)
	if has == nil || want == nil || equal(has, want) {
		return ""
	}
	return has.Version
}

func (p *Proxy) refuses(k *kind, name string) bool {
	if k == nil {
		return false
	}
	it := k.open[name]
	return it != nil && p.refusalOf(k, name, it) != nil
}

// refusalOf says why the proxy is not given the wanted version of an open name:
// it refused it itself, or others did and it has no need to try. nil where that
// is not the reason.
func (p *Proxy) refusalOf(k *kind, name string, it *item) *Refusal {
	if p.class.target == nil {
		return nil
	}
	want, scope := p.look(k.typ, name)
	switch id := (key{k.typ, name, scope}); {
	case want == nil:
	case it.rare().refused != nil && it.rare().refused.Version == want.Version:
		return it.rare().refused
	case p.class.memory.bad(id, want.Version) && !equal(k.given(name), want):
		r := p.class.memory.refused[id].Refusal
		r.Elsewhere = true
		return &r
	}
	return nil
}

func (p *Proxy) wanted(k *kind, name string) *translate.Resource {
	if p.class.target == nil {
		return nil
	}
	want, _ := p.look(k.typ, name)
	return want
}
