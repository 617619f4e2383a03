package faults_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"kibble.dev/e2e/demotest"
)

// ways are those from proxies to control planes, one for each: what passes there may
// be late, and connections may end in the middle of a message.
type ways []*demotest.Link

// newWays makes them for control planes in the order in which proxies are told of them.
func newWays(l interface{ Helper() }, links ...*demotest.Link) (all ways, through func(address string) string) {
	l.Helper()
	all = links
	to := map[string]string{}
	return all, func(address string) string {
		if to[address] == "" {
			to[address] = all[len(to)].To(address)
		}
		return to[address]
	}
}

// waySteps are those that make a way to a control plane a bad one: late by so many
// milliseconds, or cut after so many bytes, and good again.
func waySteps() []step {
	bad := func(often ...string) func(*history, *rand.Rand) (string, bool) {
		return func(h *history, r *rand.Rand) (string, bool) {
			i := r.IntN(len(h.ways))
			return fmt.Sprint(i, " ", pick(r, often)), h.bad[i] == ""
		}
	}
	return []step{
		{"late", 4, bad("5", "50", "300"), doLate},
		{"torn", 6, bad("3000", "20000", "100000"), doTorn},
		{"good", 4, func(h *history, r *rand.Rand) (string, bool) {
			i := r.IntN(len(h.ways))
			return fmt.Sprint(i), h.bad[i] != ""
		}, doGood},
	}
}

func doLate(h *history, what string) {
	i, by := h.spoils(what)
	h.ways[i].Slow(time.Duration(number(by)) * time.Millisecond)
}

func doTorn(h *history, what string) {
	i, after := h.spoils(what)
	h.ways[i].CutEvery(int(number(after)))
}

// spoils notes that a way is a bad one from now on.
func (h *history) spoils(what string) (way int, how string) {
	which, how, _ := strings.Cut(what, " ")
	way = int(number(which))
	h.change(trouble, "control plane", "yes")
	h.bad[way] = how
	return way, how
}

func doGood(h *history, what string) {
	i := int(number(what))
	h.ways[i].Slow(0)
	h.ways[i].CutEvery(0)
	delete(h.bad, i)
}
