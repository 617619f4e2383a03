package faults_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"kibble.dev/e2e/demotest"
)

var (
	histories = flag.Int("histories", 1, "TestRandomHistories: how many")
	seed      = flag.Uint64("seed", 1, "TestRandomHistories: the seed of the first; the next one's is one more")
	length    = flag.Int("steps", 25, "TestRandomHistories: how many steps each has")
	script    = flag.String("script", "", "TestRandomHistories: a file with the steps of one history, a line each, in place of random ones")
)

// Random things happen to a running demo, many of them at once: see steps. All the
// while people ask for hosts that they are about, and for others. Every answer is
// one that the facts allow which a proxy may go by, and when it is calm, the one of
// the facts that are so. A history that fails is printed as it went until then:
// the same lines in a file are done again with -script.
func TestRandomHistories(t *testing.T) {
	link := demotest.NewLink(t)
	ways, through := newWays(t, demotest.NewLink(t), demotest.NewLink(t))
	l := demotest.Start(t, demotest.Options{
		Manifests: "../../examples/hello-world", Replicas: 2, Through: link.Through, ProxiesThrough: through, Secrets: []string{frontSecret},
	})
	h := begin(l, link, ways)
	if *script != "" {
		b, err := os.ReadFile(*script)
		l.Must(err)
		h.replay("script", strings.Split(strings.TrimSpace(string(b)), "\n"))
		return
	}
	for i := range *histories {
		end := "calm"
		if i%4 == 3 || i == *histories-1 {
			end = "settle" // which takes a while
		}
		if !h.random(*seed+uint64(i), *length, end) {
			return // what follows would find it in an unknown state
		}
	}
}

// history is what has happened to a lab, and is so.
type history struct {
	lab     *demotest.Lab
	whole   *demotest.Lab  // that of the whole test
	link    *demotest.Link // of the last control plane to the API server
	ways    ways
	places  []place
	people  *people
	objects *objects

	past   past
	mark   int               // of the barrier
	state  map[int]string    // "away" or "paused", of control planes
	cut    bool              // the link is
	bad    map[int]string    // the ways that are, and how
	broken map[string]string // the Routers whose tables are
	forgot bool              // a control plane may know nothing of the time before it was broken
	// refused are the further Routers whose port is taken.
	refused map[string]bool
	ends    time.Time    // when the last policy has ended that ends by itself
	front   frontDoor    // what is shown at the edge
	full    map[int]bool // the disks, of control planes
	said    map[int]int  // how much they had logged when they were started last

	done  []string           // the steps
	first map[string]float64 // what control planes cost when they were settled first, by metric
}

// begin makes what histories are about.
func begin(l *demotest.Lab, link *demotest.Link, ways ways) *history {
	l.Helper()
	h := &history{lab: l, whole: l, link: link, ways: ways, objects: newObjects(l), state: map[int]string{}, bad: map[int]string{}, broken: map[string]string{}, refused: map[string]bool{}, full: map[int]bool{}, said: map[int]int{}, first: map[string]float64{}}
	h.places = []place{{"edge", "ingress", l.Top.Edge()}, {"hello", "outgoing", l.Top.ProxyOf("hello")}}
	for i, r := range l.Replicas { // beside nobody, with one control plane each
		p := place{fmt.Sprint("alone-", i), "outgoing", fmt.Sprintf("10.244.60.%d:%d", i+1, l.Top.Outgoing)}
		l.AddEnvoy(alone(p.name, p.address), r)
		h.places = append(h.places, p)
	}
	h.places = append(h.places, extraPlaces(h.places[2])...)
	h.places = append(h.places, place{front, front, fmt.Sprintf("127.0.0.1:%d", frontPort)})
	h.disks()
	serve(l)
	takePort(l)
	for k := range h.past {
		h.past[k] = []map[string]string{{}}
	}
	h.opens()
	h.people = gather(l, h.places, &h.past)
	h.calm()
	return h
}

// change notes that something is so from now on, before it is done; it is false if
// it was so before.
func (h *history) change(k kind, name, text string) bool {
	if h.past.now()[k][name] == text {
		return false
	}
	h.past.set(k, name, text)
	h.people.allow(&h.past, k, false)
	return true
}

// random draws a history, does it, and ends with a step. It is false if it failed.
func (h *history) random(seed uint64, length int, end string) bool {
	t, _ := h.lab.TB.(*testing.T)
	return t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
		defer h.under(t)()
		r := rand.New(rand.NewPCG(seed, 0))
		var all []step
		for _, s := range steps() {
			for range s.often {
				all = append(all, s)
			}
		}
		for len(h.done) < length {
			s := pick(r, all)
			if what, ok := s.draw(h, r); ok {
				h.do(s, what)
			}
		}
		h.do(stepOf(end), "")
	})
}

// replay does the steps of a script.
func (h *history) replay(name string, lines []string) {
	t, _ := h.lab.TB.(*testing.T)
	t.Run(name, func(t *testing.T) {
		defer h.under(t)()
		for _, line := range lines {
			word, what, _ := strings.Cut(line, " ")
			h.do(stepOf(word), what)
		}
		h.do(stepOf("settle"), "")
	})
}

// under has a part of the test be what the history is of, until the end that it gives.
func (h *history) under(t *testing.T) (end func()) {
	h.lab, h.done = h.whole.Under(t), nil
	h.objects.lab, h.people.lab = h.lab, h.lab
	return func() {
		if t.Failed() {
			t.Logf("the history that failed:\n%s", strings.Join(h.done, "\n"))
		}
		h.lab, h.objects.lab, h.people.lab = h.whole, h.whole, h.whole
	}
}

// do does a step, and fails the test if anybody was answered wrongly until then.
func (h *history) do(s step, what string) {
	h.lab.Helper()
	h.done = append(h.done, strings.TrimSpace(s.word+" "+what))
	s.do(h, what)
	h.lab.Must(h.people.content())
}
