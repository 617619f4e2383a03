package livetest

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// load asks the same again and again, with and without a context.
type load struct {
	count, overridden, fell atomic.Int64
	first                   atomic.Value // of what failed
	end                     func()
}

func (x *live) load() *load {
	l := &load{}
	quit := make(chan struct{})
	var askers sync.WaitGroup
	for _, ask := range [][2]string{
		{"front", "cookie: env=world-v2"}, {"front", "cookie: env=world-v2"},
		{"inside", "l5d-ctx-dogfood: world-v2"}, {"front", "x: y"},
	} {
		askers.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				a, err := x.try(ask[0], "world", ask[1])
				if err != nil || a.status != http.StatusOK {
					l.first.CompareAndSwap(nil, fmt.Sprint(ask, " ", a, " ", err))
				}
				l.count.Add(1)
				switch {
				case a.fallback != "":
					l.fell.Add(1)
				case a.body == "v2":
					l.overridden.Add(1)
				}
			}
		})
	}
	l.end = sync.OnceFunc(func() { close(quit); askers.Wait() })
	return l
}

// mortal is a pod that can die: its address refuses, and its connections break,
// also those with a request that is being worked on.
type mortal struct {
	pod
	die func()
}

func newMortal(t testing.TB, name string) mortal {
	t.Helper()
	l := envoytest.Listen(t)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(2 * time.Millisecond) // work, so that some request is in it when the pod dies
		fmt.Fprintln(w, name)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	die := sync.OnceFunc(func() { _ = s.Close(); serving.Wait() })
	t.Cleanup(die)
	return mortal{pod{address: l.Addr().String()}, die}
}

// Pods of an environment die at once and without a word, the control plane hears
// of it late, and they come back, again and again: no request fails.
func TestPodsDieUnderLoad(t *testing.T) {
	x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1"), app(t, "v1")}, "world-v2": {}})
	l := x.load()
	defer l.end()
	more := func(what string, n *atomic.Int64) {
		before := n.Load()
		until(t, what, func() bool { return n.Load() > before+100 })
	}
	for range 5 {
		pods := []mortal{newMortal(t, "v2"), newMortal(t, "v2"), newMortal(t, "v2")}
		x.set(t, "world-v2", []pod{pods[0].pod, pods[1].pod, pods[2].pod})
		more("the override answers", &l.overridden)
		for _, p := range pods {
			p.die()
		}
		more("the baseline answers", &l.fell)
		x.set(t, "world-v2", []pod{})
		more("the baseline answers, with the override scaled to zero", &l.fell)
	}
	l.end()
	t.Logf("%d requests, %d overridden, %d fell back", l.count.Load(), l.overridden.Load(), l.fell.Load())
	if failed := l.first.Load(); failed != nil {
		t.Errorf("the first that failed: %v", failed)
	}
}

// Without a control plane everything goes on, and pods of an environment may
// still die. Only a caller's own rule needs it, and that is said quickly.
func TestControlPlaneDies(t *testing.T) {
	v2 := newMortal(t, "v2")
	x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {v2.pod}})
	l := x.load()
	defer l.end()
	more := func(what string, n *atomic.Int64) {
		before := n.Load()
		until(t, what, func() bool { return n.Load() > before+200 })
	}
	more("the override answers", &l.overridden)
	x.stop()
	more("the override answers without a control plane", &l.overridden)
	v2.die()
	more("the baseline stands in without a control plane", &l.fell)
	l.end()
	if failed := l.first.Load(); failed != nil {
		t.Errorf("of %d requests the first that failed: %v", l.count.Load(), failed)
	}
	if a := x.ask(t, "inside", "world", translate.HeaderDtab+": /host/world => /srv/world-v2"); a.status != http.StatusServiceUnavailable {
		t.Errorf("with a rule of its own: %v", a)
	}
}

// What an application answers is its own: an environment that is broken is seen
// to be broken, and does not fall back.
func TestErrorsAreNoFallback(t *testing.T) {
	broken := pod{address: upstream(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })}
	x := start(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
		map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {broken}})
	for range 10 {
		if a := x.ask(t, "front", "world", "cookie: env=world-v2"); a.status != http.StatusServiceUnavailable || a.fallback != "" {
			t.Fatal(a)
		}
	}
}
