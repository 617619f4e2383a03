package conditions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// programmed says whether the proxies have what the object asks for. The last
// verdict may be nil. Where it was about this form of the object, what proxies
// lack by now is something else: that is told when it lasts.
func (o Object) programmed(accepted verdict, proxies []Proxy, last *metav1.Condition, now time.Time) verdict {
	settled := o.settled(last)
	switch accepted.reason {
	case v1alpha1.ReasonInvalid:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonNotServed, "it is not served, because it is not accepted"}
	case v1alpha1.ReasonLastGoodServed:
		// The condition is about the generation that it observed.
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonNotServed, "an earlier form of it is served"}
	}
	var all, refusing, pending int
	var words, elsewhere string
	for _, p := range proxies {
		if !slices.Contains(o.Classes, p.Class) {
			continue
		}
		all += 1 + p.More
		switch refusal := o.refusal(p); {
		case refusal != nil:
			refusing += 1 + p.More
			if refusal.Elsewhere {
				elsewhere = first(elsewhere, fmt.Sprintf("%s is not given %s, which was refused elsewhere: %s", p.Node, refusal.Name, refusal.Words))
			} else {
				words = first(words, fmt.Sprintf("%s refuses %s: %s", p.Node, refusal.Name, refusal.Words))
			}
		case settled && behind(p.lasting(now)) || !settled && (behind(p) || p.Earlier):
			pending += 1 + p.More
		}
	}
	switch {
	case all == 0:
		return verdict{metav1.ConditionUnknown, v1alpha1.ReasonNoProxies, "no proxy of class " + strings.Join(o.Classes, ", ") + " is connected"}
	case refusing > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonRefused, fmt.Sprintf("%d of %d proxies: %s", refusing, all, cmp.Or(words, elsewhere))}
	case pending > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonPending, fmt.Sprintf("%d of %d proxies do not have everything yet", pending, all)}
	}
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonProgrammed, ""}
}

// first gives the one that sorts first, so that a message does not change with
// the order of proxies; "" counts as none.
func first(a, b string) string {
	if a == "" || b < a {
		return b
	}
	return a
}

// refusal gives the first resource of the object that a proxy refuses, or nil.
func (o Object) refusal(p Proxy) *publish.Refusal {
	for _, s := range p.Status {
		for i := range s.Refused {
			if o.holds(&s.Refused[i]) {
				return &s.Refused[i]
			}
		}
	}
	return nil
}

// holds tells that a resource is the object's: one made for its router, or for
// a policy the filters that decide it.
func (o Object) holds(r *publish.Refusal) bool {
	return slices.ContainsFunc(o.Routers, func(key string) bool {
		if o.Kind == v1alpha1.KindDogfoodPolicy {
			return strings.HasPrefix(r.Name, key+"/policies")
		}
		return strings.HasPrefix(r.Source, "router "+key+" ")
	})
}

// behind tells that a proxy lacks something that it does not refuse.
func behind(p Proxy) bool {
	return slices.ContainsFunc(p.Status, func(s publish.Status) bool { return s.Behind > len(s.Refused) })
}

// lasting gives the proxy without what it has lacked for a short time only, and
// without endpoints, which change all the time, unless it is late with an answer.
func (p Proxy) lasting(now time.Time) Proxy {
	p.Status = slices.Clone(p.Status)
	for i := range p.Status {
		s := &p.Status[i]
		if !s.Overdue && (s.Type == translate.EndpointType || now.Sub(s.Since) < aWhile) {
			s.Behind = len(s.Refused)
		}
	}
	return p
}

// aWhile is how long a proxy may take for what changes.
const aWhile = 5 * time.Second

// settled tells that proxies were said to have this form of the object, or to
// refuse it: then what was told of them before still holds.
func (o Object) settled(last *metav1.Condition) bool {
	return last != nil && last.ObservedGeneration == o.Generation && last.Reason != v1alpha1.ReasonPending && last.Reason != v1alpha1.ReasonNoProxies
}
