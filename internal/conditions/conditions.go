// Package conditions says of objects, in status.conditions, what Kibble found
// out about them. It is pure: who writes them to the API server gives it the
// facts and the time.
package conditions

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds/publish"
)

// Object is what the conditions are about.
type Object struct {
	Kind, Namespace, Name string
	// Generation of the object that the facts were found for.
	Generation int64
	// UID tells it from one of its name that was deleted.
	UID string
	// Classes of the proxies that should have it; none: nothing is said of
	// ConditionProgrammed, as for a Dtab.
	Classes []string
	// Routers, as namespace/name, whose resources it is in: a Router itself, or
	// those that decide a DogfoodPolicy.
	Routers []string
}

// Proxy is what a connected proxy has made of what it was sent, or several of
// which the same is to be said.
type Proxy struct {
	Class, Node string
	Status      []publish.Status
	// More is how many others are just so.
	More int
	// Earlier: they are told by a replica that has not read the same objects as
	// whoever asks, and so may have accepted an older form.
	Earlier bool
}

// Facts about all objects.
type Facts struct {
	// Findings of reading, of the model and of its snapshot. Those of an object
	// have a position that begins with its kind and name, as discovery gives
	// objects of a cluster: "router default/ingress spec.dtab".
	Findings []dtab.Finding
	// Proxies that are connected to any replica that is asked.
	Proxies []Proxy
}

// Of gives the conditions of an object. Those of before that say the same keep
// the time of their last transition; those of others stay; nothing given is changed.
func Of(o Object, facts Facts, before []metav1.Condition, now time.Time) []metav1.Condition {
	after := slices.Clone(before)
	set := func(typ string, v verdict) {
		meta.SetStatusCondition(&after, metav1.Condition{
			Type: typ, Status: v.status, Reason: v.reason, Message: v.message,
			ObservedGeneration: o.Generation, LastTransitionTime: metav1.NewTime(now),
		})
	}
	own := o.own(facts.Findings)
	accepted := accepted(own)
	set(v1alpha1.ConditionAccepted, accepted)
	set(v1alpha1.ConditionResolvedRefs, resolved(own))
	if len(o.Classes) > 0 {
		last := meta.FindStatusCondition(before, v1alpha1.ConditionProgrammed)
		set(v1alpha1.ConditionProgrammed, o.programmed(accepted, facts.Proxies, last, now))
	}
	return after
}

// verdict is what a condition says.
type verdict struct {
	status          metav1.ConditionStatus
	reason, message string
}

// own gives the findings about the object, with positions inside of it.
func (o Object) own(found []dtab.Finding) []dtab.Finding {
	name := strings.ToLower(o.Kind) + " " + o.Namespace + "/" + o.Name
	var own []dtab.Finding
	for _, f := range found {
		rest, ok := strings.CutPrefix(f.Pos.Source, name)
		if !ok || rest != "" && rest[0] != ' ' {
			continue
		}
		f.Pos.Source = strings.TrimSpace(rest)
		if strings.HasPrefix(f.Pos.Source, "(") {
			f.Pos.Source = "" // it says what was made of the object, and where that begins
		}
		own = append(own, f)
	}
	return own
}

func accepted(own []dtab.Finding) verdict {
	errs := only(own, func(f dtab.Finding) bool { return f.Severity == dtab.Error })
	kept := slices.ContainsFunc(own, func(f dtab.Finding) bool { return f.Code == translate.CodeKept })
	switch {
	case kept:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonLastGoodServed, "the last good form is served: " + text(errs)}
	case len(errs) > 0:
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonInvalid, text(errs)}
	}
	remarks := only(own, func(f dtab.Finding) bool { return f.Severity == dtab.Warning })
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonAccepted, text(remarks)}
}

func resolved(own []dtab.Finding) verdict {
	if missing := only(own, func(f dtab.Finding) bool { return f.Code == translate.CodeRef }); len(missing) > 0 {
		return verdict{metav1.ConditionFalse, v1alpha1.ReasonRefNotFound, text(missing)}
	}
	return verdict{metav1.ConditionTrue, v1alpha1.ReasonResolvedRefs, ""}
}

func only(found []dtab.Finding, want func(dtab.Finding) bool) []dtab.Finding {
	return slices.DeleteFunc(slices.Clone(found), func(f dtab.Finding) bool { return !want(f) })
}

// shown is how many findings a message holds.
const shown = 5

// text gives findings one a line: "spec.dtab:3:12: message; hint".
func text(found []dtab.Finding) string {
	var lines []string
	for i, f := range found {
		if i == shown {
			lines = append(lines, fmt.Sprintf("and %d more", len(found)-shown))
			break
		}
		line := f.Message
		if at := f.Pos.String(); at != "" && f.Pos.Source != "" {
			line = at + ": " + line
		}
		if f.Hint != "" {
			line += "; " + f.Hint
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
