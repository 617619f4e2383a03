// Package soaktest lets environments, routers, services and proxies come and go
// for a while, and sees that nothing of them stays.
//
// It runs for some seconds with all tests; `make soak` runs it for SOAK, with the
// race detector.
package soaktest

import (
	"context"
	"flag"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/leaktest"
	"kibble.dev/internal/statedir"
	"kibble.dev/internal/waittest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

var duration = flag.Duration("soak", 3*time.Second, "how long the soak goes on")

func TestMain(m *testing.M) { leaktest.Main(m) }

// soak is a control plane under test.
type soak struct {
	t       *testing.T
	server  *xds.Server
	address string
	answers *statedir.File
	served  *statedir.File
	model   *translate.Model
	last    *translate.Snapshot
	told    atomic.Int64
}

func begin(t *testing.T) (s *soak, end func()) {
	t.Helper()
	dir := statedir.Open(statedir.Options{Path: t.TempDir(), Every: 100 * time.Millisecond})
	s = &soak{t: t, answers: dir.File(statedir.Kind{Name: "answers"}), served: dir.File(statedir.Kind{Name: "objects"})}
	s.server = xds.New(xds.Options{Registerer: prometheus.NewRegistry(), Drain: 50 * time.Millisecond, Learnt: func() {
		s.answers.Put(func() any { return s.server.Remember() })
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := s.server.Serve(ctx, listener); err != nil {
			t.Error(err)
		}
	})
	tasks.Go(func() { _ = dir.Run(ctx) })
	return s, func() {
		cancel()
		tasks.Wait()
	}
}

// publish serves facts, as kibble serve does.
func (s *soak) publish(f *facts) {
	s.t.Helper()
	now := time.Now()
	if s.model == nil {
		s.model = translate.NewModel(f.inventory(), now)
	} else {
		s.model = s.model.Next(f.inventory(), now)
	}
	if found := s.model.Findings(); len(found) > 0 {
		s.t.Fatal(found)
	}
	snapshot, _ := s.model.SnapshotAfter(s.last)
	snapshot.KeepFrom(s.last)
	s.last = snapshot
	m := s.model
	s.served.Put(func() any { return m.Good() })
	s.server.Publish(snapshot)
}

// storm has proxies come, get what there is while environments come, and go, some
// in the middle of it.
func (s *soak) storm(round int) {
	before := s.told.Load()
	ctx, cancel := context.WithCancel(s.t.Context())
	var proxies sync.WaitGroup
	for i := range 12 {
		c := &client{address: s.address, node: fmt.Sprintf("p%d", i), class: []string{"edge", "sidecar", fmt.Sprintf("class-%d", round%7)}[i%3]}
		if i == 11 {
			c.refuses = 3
		}
		life, end := context.WithCancel(ctx)
		answers := 0
		proxies.Go(func() {
			defer end()
			if err := c.live(life, func() {
				s.told.Add(1)
				if answers++; i%2 == 0 && answers == 2+round%3 {
					end() // it goes while it is being told
				}
			}); err != nil {
				s.t.Error(err)
			}
		})
	}
	f := base()
	for n := range 4 {
		f.environment(4*round + n)
		s.publish(f)
		for i := range 3 {
			f.service("default", fmt.Sprintf("s%d", i), 4*round+n)
			s.publish(f)
		}
	}
	waittest.Until(s.t, "proxies are told something", func() bool { return s.told.Load() >= before+12 })
	s.publish(base())
	cancel()
	proxies.Wait()
	waittest.Until(s.t, "all have gone", func() bool { return len(s.server.Proxies()) == 0 })
}

// rest is what is there when all have gone.
type rest struct {
	heap       uint64
	goroutines int
}

func (s *soak) rest() rest {
	var m runtime.MemStats
	for range 3 { // what finalizers let go of goes, too
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return rest{m.HeapAlloc, runtime.NumGoroutine()}
}

// Bounds of what may be more in the end than after the warm-up. A leak of one
// proxy or environment in each round is more than that within a minute; within
// seconds one of a stream's goroutine or connection is.
const (
	moreHeap       = 6 << 20
	moreGoroutines = 3
)

// Memory and goroutines are flat while everything comes and goes.
func TestSoak(t *testing.T) {
	s, end := begin(t)
	defer end()
	s.publish(base())
	began := time.Now()
	round := 0
	for ; round < 4 || time.Since(began) < *duration/4; round++ {
		s.storm(round)
	}
	warm, warmRounds := s.rest(), round
	for ; round < 2*warmRounds || time.Since(began) < *duration; round++ {
		s.storm(round)
		if *duration > time.Minute && round%100 == 0 {
			t.Logf("round %d: %+v", round, s.rest())
		}
	}
	var last rest
	waittest.Until(s.t, "goroutines of connections that ended have ended", func() bool {
		last = s.rest()
		return last.goroutines <= warm.goroutines+moreGoroutines
	})
	t.Logf("%d rounds to warm up, then %d more; %d answers; heap %d KiB, then %d KiB; goroutines %d, then %d",
		warmRounds, round-warmRounds, s.told.Load(), warm.heap>>10, last.heap>>10, warm.goroutines, last.goroutines)
	if last.heap > warm.heap+moreHeap {
		t.Errorf("the heap grew from %d KiB to %d KiB", warm.heap>>10, last.heap>>10)
	}
	if s.told.Load() == 0 {
		t.Error("no proxy was told anything")
	}
}
