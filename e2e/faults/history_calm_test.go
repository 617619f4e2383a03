package faults_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// calm undoes what keeps proxies from hearing of the facts, and waits until all
// go by them. From then on only what is so now is right.
func (h *history) calm() {
	h.lab.Helper()
	if h.cut {
		doMend(h, "")
	}
	for _, i := range slices.Sorted(maps.Keys(h.bad)) {
		doGood(h, fmt.Sprint(i))
	}
	for _, i := range slices.Sorted(maps.Keys(h.state)) {
		if isPaused(h, i) {
			doResume(h, fmt.Sprint(i))
		} else {
			doStart(h, fmt.Sprint(i))
		}
	}
	clear(h.broken)
	for _, i := range slices.Sorted(maps.Keys(h.full)) {
		doClear(h, fmt.Sprint(i))
	}
	if h.front.spoiled != "" {
		h.shows()
	}
	for _, router := range []string{extra, other} {
		if h.refused[router] {
			doExtra(h, strings.TrimSpace(router+" "+h.past.now()[tables][router]))
		}
	}
	h.ended()
	h.mark++
	h.objects.barriers(h.past.now(), h.mark)
	for _, p := range h.places {
		switch {
		case strings.HasPrefix(p.router, extra):
		case p.router == front:
			h.showsIt()
		default:
			h.arrived(p)
		}
	}
	h.lab.AwaitProxies(h.lab.Replicas...)
	for _, r := range h.lab.Replicas {
		awaitKept(h.lab, r)
	}
	h.forgot = false
	h.past.calm()
	h.people.allow(&h.past, tables, true)
	h.people.allAsked()
}

// arrived returns when a proxy goes by the barrier as it is now.
func (h *history) arrived(p place) {
	h.lab.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for in, name := range map[string]string{"": "mark", "mark": "mark-in", "marks": "mark-family"} {
		want := markedBehind(h.mark, name)
		h.lab.Eventually(fmt.Sprintf("%s goes by the facts, in %q", p.name, in), func() error {
			got := answer(client, p.question(barrier, in, "").request())
			if who, _, _ := strings.Cut(got, " in "); who != want {
				return fmt.Errorf("it answers %q", got)
			}
			return nil
		})
	}
}
