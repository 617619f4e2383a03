package faults_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// step is a kind of thing that happens in a history.
type step struct {
	word string
	// often is how often it is drawn, beside others.
	often int
	// draw gives what is behind the word, by what is so now; false if it cannot be now.
	draw func(h *history, r *rand.Rand) (string, bool)
	do   func(h *history, what string)
}

func steps() []step {
	return slices.Concat(objectSteps(), quietSteps(), partSteps(), waySteps(), []step{
		{"load", 12, func(_ *history, r *rand.Rand) (string, bool) { return strconv.Itoa(50 << r.IntN(5)), true }, doLoad},
		{"calm", 4, always(""), func(h *history, _ string) { h.calm() }},
		{"settle", 0, always(""), func(h *history, _ string) { h.settled() }},
	})
}

func stepOf(word string) step {
	for _, s := range steps() {
		if s.word == word {
			return s
		}
	}
	panic("there is no step " + word)
}

func always(what string) func(*history, *rand.Rand) (string, bool) {
	return func(*history, *rand.Rand) (string, bool) { return what, true }
}

// oneOf draws one, where it can be.
func oneOf(all []string, can func(h *history, which string) bool) func(*history, *rand.Rand) (string, bool) {
	return func(h *history, r *rand.Rand) (string, bool) {
		which := pick(r, all)
		return which, can == nil || can(h, which)
	}
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func doLoad(h *history, what string) { h.people.patient(int(number(what))) }

// objectSteps are those that change facts.
func objectSteps() []step {
	return []step{
		{"table", 14, drawTable, doTable},
		{"dtab", 4, drawDtab, doDtab},
		{"service", 5, drawService, doService},
		{"endpoints", 10, drawEndpoints, doEndpoints},
		{"policy", 8, drawPolicy, doPolicy},
		{"family", 2, oneOf([]string{"", "yes"}, nil), doFamily},
		{"namespace", 4, oneOf([]string{"n0", "n0 yes", "n1", "n1 yes"}, nil), doNamespace},
		{"demand", 2, oneOf([]string{"", "yes"}, func(h *history, _ string) bool { return h.broken["outgoing"] == "" }), doDemand},
		{"break", 1, oneOf([]string{"ingress", "outgoing"}, func(h *history, r string) bool { return h.broken[r] == "" && !h.forgot }), doBreak},
		{"correct", 2, oneOf([]string{"ingress", "outgoing"}, func(h *history, r string) bool { return h.broken[r] != "" }), doCorrect},
		{"extra", 6, drawExtra, doExtra},
		{"swap", 2, always(""), doSwap},
		{"move", 2, oneOf([]string{extra, other}, func(h *history, r string) bool { return h.past.now()[tables][r] != "" && !h.refused[r] }), doMove},
		{"expire", 4, oneOf([]string{"e0 1", "e0 3", "e1 1", "e1 3"}, func(h *history, e string) bool { return h.past.now()[policies][e[:2]] != "" }), doExpire},
		{"certificate", 3, func(h *history, _ *rand.Rand) (string, bool) { return strconv.Itoa(h.front.last + 1), true }, doCertificate},
		{"spoil", 1, oneOf([]string{"rubbish", hasExpired, "gone"}, nil), doSpoil},
	}
}

// drawRule draws the right side of one; "" is none.
func drawRule(r *rand.Rand) string {
	leaf := func() string { return pick(r, plain) + pick(r, []string{"", "", "", "", ":web", ":4141"}) }
	switch r.IntN(6) {
	case 0:
		return ""
	case 1, 2:
		return " " + leaf()
	case 3:
		return " " + leaf() + " & " + leaf()
	default:
		return " " + leaf() + " | " + leaf()
	}
}

func drawTable(h *history, r *rand.Rand) (string, bool) {
	router := pick(r, []string{"ingress", "outgoing"})
	return router + " " + pick(r, hosts) + drawRule(r), h.broken[router] == ""
}

func doTable(h *history, what string) {
	words := strings.SplitN(what+" ", " ", 3)
	h.change(tables, words[0]+" "+words[1], strings.TrimSpace(words[2]))
	h.writeTable(words[0])
}

func (h *history) writeTable(router string) {
	h.objects.table(router, h.past.now()[tables], h.mark, h.broken[router] != "")
}

func doBreak(h *history, router string) {
	h.broken[router] = "yes"
	h.writeTable(router)
}

func doCorrect(h *history, router string) {
	delete(h.broken, router)
	h.writeTable(router)
}

func drawDtab(_ *history, r *rand.Rand) (string, bool) { return pick(r, hosts[2:]) + drawRule(r), true }

func doDtab(h *history, what string) {
	host, rule, _ := strings.Cut(what, " ")
	h.change(dtabs, host, rule)
	h.objects.dtab(h.past.now()[dtabs], h.mark)
}

func drawService(_ *history, r *rand.Rand) (string, bool) {
	return pick(r, targets()) + pick(r, []string{"", " 4141", " 4141", " 4242"}), true
}

func doService(h *history, what string) {
	name, port, _ := strings.Cut(what, " ")
	if h.change(services, name, port) {
		h.objects.service(name, int(number(port)))
	}
}

func drawEndpoints(_ *history, r *rand.Rand) (string, bool) {
	name := pick(r, slices.Concat(targets(), namespaced))
	names, _ := behind(name)
	port := pick(r, []string{"http", "http", "http", "http", "web"})
	switch r.IntN(8) {
	case 0:
		return name, true
	case 1:
		return name + " " + port, true
	case 2:
		return name + " " + port + " " + names[0] + unready, true
	case 3:
		return name + " " + port + " " + names[0] + unready + " " + names[1], true
	case 4, 5:
		return name + " " + port + " " + strings.Join(names, " "), true
	default:
		return name + " " + port + " " + pick(r, names), true
	}
}

func doEndpoints(h *history, what string) {
	if name, text, _ := strings.Cut(what, " "); h.change(endpointSlices, name, text) {
		h.objects.slice(name, text)
	}
}

func drawPolicy(_ *history, r *rand.Rand) (string, bool) {
	name := pick(r, environments[:2])
	if r.IntN(4) == 0 {
		return name, true
	}
	return name + " " + pick(r, hosts) + " " + pick(r, targets()) + pick(r, []string{"", "", "", " fail"}), true
}

func doPolicy(h *history, what string) {
	name, text, _ := strings.Cut(what, " ")
	if !h.change(policies, name, text) {
		return
	}
	h.objects.policyAs(name, text)
}

// policyAs writes a policy as facts name it.
func (o *objects) policyAs(name, text string, until ...time.Time) {
	o.lab.Helper()
	words := append(strings.Fields(text), "", "", "")
	if words[1] != "" {
		words[1] = written(words[1])
	}
	if words[2] == "" {
		words[2] = "baseline"
	}
	o.policy(name, words[0], words[1], words[2], until...)
}

// doExpire has a policy end by itself some seconds later. From now on both are right.
func doExpire(h *history, what string) {
	name, seconds, _ := strings.Cut(what, " ")
	text := h.past.now()[policies][name]
	h.change(policies, name, "")
	end := time.Now().Truncate(time.Second).Add(time.Duration(number(seconds)+1) * time.Second)
	h.objects.policyAs(name, text, end)
	if end.After(h.ends) {
		h.ends = end
	}
}

// ended returns when all policies have ended that end by themselves.
func (h *history) ended() {
	h.lab.Helper()
	h.lab.Eventually("policies have ended", func() error {
		if time.Now().Before(h.ends) {
			return fmt.Errorf("the last ends at %v", h.ends)
		}
		return nil
	})
}

func doFamily(h *history, what string) {
	switch {
	case !h.change(policies, "family", what):
	case what == "":
		h.lab.Delete("DogfoodPolicy", "family")
	default:
		h.objects.family("family", "chaos", "yes", "/srv => /#/io.l5d.k8s/{namespace}/http ;")
	}
}

func doNamespace(h *history, what string) {
	name, is, _ := strings.Cut(what, " ")
	if h.change(namespaces, name, is) {
		h.objects.namespace(name, map[string]string{"yes": "yes", "": "no"}[is])
	}
}

func doDemand(h *history, what string) {
	if what == "" {
		h.change(trouble, "control plane", "yes") // who asks when it ceases may not be told
	}
	h.change(tables, onDemand, what)
	for _, router := range []string{"outgoing", "incoming"} {
		h.lab.Set("Router", router, map[string]any{"": nil, "yes": map[string]any{}}[what], "spec", "onDemand")
	}
}
