// Package trial tries resources on an Envoy of its own before proxies are given
// them, by Envoy's mode "validate", which reads a configuration as Envoy does
// when it starts, and neither binds nor connects.
//
// It is a help beside what translate validates and what proxies acknowledge, and
// never a need: an Envoy that is missing, crashes or takes too long lets
// everything pass. What a machine is in the way of, such as a port that is taken,
// it cannot know.
package trial

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// Options of a Trial.
type Options struct {
	// Envoy is the path of the program.
	Envoy string
	// Limit is how long one Check may take; default 20 s. What is not tried by
	// then passes.
	Limit time.Duration
	// Logger and Registerer may be nil.
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Trial remembers what Envoy said about the resources of the last snapshot. It is
// safe for concurrent use.
type Trial struct {
	o        Options
	seconds  prometheus.Histogram
	outcomes *prometheus.CounterVec

	mu sync.Mutex
	// known is what Envoy said, "" for yes, by type and version.
	known map[kindVersion]string
}

type kindVersion struct{ typ, version string }

// Values of the label result of kibble_trial_resources_total.
const (
	resultAccepted = "accepted"
	resultRefused  = "refused"
	resultUntried  = "untried"
)

// New makes a Trial that has tried nothing yet.
func New(o Options) *Trial {
	o.Limit = cmp.Or(o.Limit, 20*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	registered := promauto.With(o.Registerer)
	return &Trial{
		o: o, known: map[kindVersion]string{},
		seconds: registered.NewHistogram(prometheus.HistogramOpts{
			Name: "kibble_trial_duration_seconds", Help: "Time that a change waited for --validate-with-envoy.",
			Buckets: prometheus.ExponentialBuckets(0.05, 2, 10),
		}),
		outcomes: registered.NewCounterVec(prometheus.CounterOpts{
			Name: "kibble_trial_resources_total",
			Help: "Resources that --validate-with-envoy tried: accepted or refused; untried: Envoy could not say, and they passed.",
		}, []string{"result"}),
	}
}

// unit is what is tried as one: resources that differ only by who asks.
type unit struct {
	first *translate.Resource
	all   []publish.Version
}

// units gives what there is to try of a class, in no order.
func units(c *translate.ClassSnapshot) []*unit {
	var all []*unit
	for typ, of := range c.Resources {
		if !triable(typ) {
			continue
		}
		for name, r := range of {
			all = append(all, &unit{r, []publish.Version{{Type: typ, Name: name, Version: r.Version}}})
		}
	}
	for name, of := range c.Local {
		u := &unit{}
		for scope, r := range of {
			if triable(r.Body.GetTypeUrl()) {
				u.all = append(u.all, publish.Version{Type: r.Body.GetTypeUrl(), Name: name, Scope: scope, Version: r.Version})
			}
		}
		if len(u.all) > 0 {
			slices.SortFunc(u.all, compare)
			u.first = of[u.all[0].Scope]
			all = append(all, u)
		}
	}
	for name, at := range c.AtPods {
		for _, s := range at.Samples() {
			r := at.At(s)
			all = append(all, &unit{r, []publish.Version{{Type: translate.ListenerType, Name: name, Scope: s, Version: r.Version}}})
		}
	}
	return all
}

func compare(a, b publish.Version) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Scope, b.Scope))
}

func (u *unit) id() kindVersion { return kindVersion{u.all[0].Type, u.first.Version} }

// Knows says that there is nothing in a snapshot that was not tried, and gives
// what is refused of it.
func (t *Trial) Knows(s *translate.Snapshot) (refused []xds.Verdict, all bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all = true
	for class, c := range s.Classes {
		for _, u := range units(c) {
			words, known := t.known[u.id()]
			all = all && known
			if words == "" {
				continue
			}
			for _, v := range u.all {
				refused = append(refused, xds.Verdict{Class: class, Version: v, Words: words})
			}
		}
	}
	slices.SortFunc(refused, func(a, b xds.Verdict) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), compare(a.Version, b.Version))
	})
	return refused, all
}

// Findings says of what is refused what object it was made of.
func Findings(s *translate.Snapshot, refused []xds.Verdict) (found []dtab.Finding) {
	seen := map[publish.Version]bool{}
	for _, v := range refused {
		c := s.Classes[v.Class]
		r := c.Resources[v.Type][v.Name]
		if v.Scope != "" {
			r = c.Local[v.Name][v.Scope]
		}
		if at := c.AtPods[v.Name]; at != nil && v.Type == translate.ListenerType {
			r = at.At(v.Scope)
		}
		if once := (publish.Version{Type: v.Type, Name: v.Name}); r != nil && !seen[once] {
			seen[once] = true
			found = append(found, dtab.Finding{
				Code: CodeRefused, Severity: dtab.Error, Pos: dtab.Pos{Source: r.Source},
				Message: "Envoy refuses " + v.Name + ": " + v.Words, Hint: "nothing of it is sent; change what it was made of",
			})
		}
	}
	return found
}

// CodeRefused is the code of what an Envoy refuses where it is tried.
const CodeRefused = "KB1203"

// Check tries what was not tried before, and gives what is refused. It forgets
// what is not in this snapshot.
func (t *Trial) Check(ctx context.Context, s *translate.Snapshot) []xds.Verdict {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, t.o.Limit)
	defer cancel()
	t.keep(s)
	tried := false
	for _, class := range s.Classes {
		fresh := t.fresh(units(class))
		if len(fresh) == 0 {
			continue
		}
		tried = true
		if err := t.run(ctx, resources(fresh)); err == nil {
			t.learn(fresh, "")
		} else if nothing := t.run(ctx, nil); nothing != nil {
			t.untried(fresh, nothing) // it takes nothing at all
		} else {
			t.judge(ctx, fresh, err)
		}
	}
	if tried {
		t.seconds.Observe(time.Since(began).Seconds())
	}
	refused, _ := t.Knows(s)
	return refused
}

// keep forgets what is not in a snapshot.
func (t *Trial) keep(s *translate.Snapshot) {
	here := map[kindVersion]bool{}
	for _, c := range s.Classes {
		for _, u := range units(c) {
			here[u.id()] = true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.known {
		if !here[id] {
			delete(t.known, id)
		}
	}
}

// fresh gives those that were not tried, sorted. What holds keys is not tried at
// all: Envoy reads from the disk, where no keys belong.
func (t *Trial) fresh(all []*unit) []*unit {
	t.mu.Lock()
	defer t.mu.Unlock()
	all = slices.DeleteFunc(all, func(u *unit) bool {
		_, known := t.known[u.id()]
		if !known && translate.HoldsKeys(u.first) {
			t.known[u.id()], known = "", true
		}
		return known
	})
	slices.SortFunc(all, func(a, b *unit) int { return compare(a.all[0], b.all[0]) })
	return all
}

func (t *Trial) learn(all []*unit, words string) {
	t.mu.Lock()
	for _, u := range all {
		t.known[u.id()] = words
	}
	t.mu.Unlock()
	result := resultAccepted
	if words != "" {
		result = resultRefused
	}
	t.outcomes.WithLabelValues(result).Add(float64(len(all)))
}

// judge learns about units from what running them all together gave: where Envoy
// refuses them, in halves until the culprits show.
func (t *Trial) judge(ctx context.Context, all []*unit, err error) {
	words, refused := errors.AsType[errRefused](err)
	switch {
	case err == nil:
		t.learn(all, "")
	case !refused:
		t.untried(all, err)
	case len(all) == 1:
		t.learn(all, string(words))
		t.o.Logger.ErrorContext(ctx, "Envoy refuses a resource, which is not sent", "type", all[0].all[0].Type, "name", all[0].first.Name,
			"source", all[0].first.Source, "words", string(words))
	default:
		a, b := split(all, string(words))
		t.judge(ctx, a, t.run(ctx, resources(a)))
		t.judge(ctx, b, t.run(ctx, resources(b)))
	}
}

// untried tells that nothing was learnt.
func (t *Trial) untried(all []*unit, err error) {
	t.outcomes.WithLabelValues(resultUntried).Add(float64(len(all)))
	t.o.Logger.Error("a change could not be tried on an Envoy, and goes out as it is",
		"envoy", t.o.Envoy, "resources", len(all), "some", names(resources(all)), "error", err)
}

func resources(all []*unit) []*translate.Resource {
	rs := make([]*translate.Resource, len(all))
	for i, u := range all {
		rs[i] = u.first
	}
	return rs
}

// split separates those that the words mention from the rest, or else halves them.
func split(all []*unit, words string) (a, b []*unit) {
	for _, u := range all {
		if strings.Contains(words, "'"+u.first.Name+"'") {
			a = append(a, u)
		} else {
			b = append(b, u)
		}
	}
	if len(a) == 0 || len(b) == 0 {
		return all[:len(all)/2], all[len(all)/2:]
	}
	return a, b
}
