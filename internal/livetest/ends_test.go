package livetest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kibble.dev/internal/envoytest"
)

// ledger knows how often pods were given each request, and which pods were given any.
type ledger struct {
	mu    sync.Mutex
	seen  map[string]int
	asked map[string]bool // by the pod's address
}

// abrupt is a pod that ends at once when it is told to, without a word to anybody:
// its address refuses, and its connections break, with the requests that are in them.
// It has read such a request, and perhaps it has done what that says.
func (l *ledger) abrupt(t testing.TB) mortal {
	t.Helper()
	listener := envoytest.Listen(t)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // who has not all of it does nothing
		}
		l.mu.Lock()
		l.seen[string(body)]++
		l.asked[listener.Addr().String()] = true
		l.mu.Unlock()
		fmt.Fprintln(w, "v1")
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	die := sync.OnceFunc(func() { _ = s.Close(); serving.Wait() })
	t.Cleanup(die)
	return mortal{pod{address: listener.Addr().String()}, die}
}

// knows tells whether a pod was given a request.
func (l *ledger) knows(m mortal) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked[m.address]
}

// Pods that end at once while others of their service are ready, and the control plane
// hears of it late: where a proxy stands beside the pods no GET fails. Without one, a GET
// that the pod had may be answered 502, as a POST is in any case, in words that say so.
// No POST is done twice, and what no pod had finds another one.
func TestPodsEndAtOnce(t *testing.T) {
	const rounds, ended = 10, "The service ended the connection before it had answered."
	for _, beside := range []bool{false, true} {
		l := &ledger{seen: map[string]int{}, asked: map[string]bool{}}
		first, next := l.abrupt(t), l.abrupt(t)
		pods := func() []pod { return []pod{first.pod, next.pod} }
		last := start(t, map[bool]string{false: hello, true: behind}[beside], map[string][]pod{"world-v1": pods()}) // who knows the pods
		x := last
		if beside {
			x = start(t, hello, map[string][]pod{"world-v1": {{address: last.address("inside")}}})
		}
		gets, posts := x.asking(t, http.MethodGet), x.asking(t, http.MethodPost)
		for range rounds {
			first.die()
			gets.more(t, 100)
			posts.more(t, 100)
			first, next = next, l.abrupt(t)
			last.set(t, "world-v1", pods())
			until(t, "the new pod is known", func() bool { return l.knows(next) })
			gets.more(t, 100)
			posts.more(t, 100)
		}
		gets.end()
		posts.end()
		lost := func(a answer) bool { return a.status == http.StatusBadGateway && strings.HasPrefix(a.body, ended) }
		lostPosts, lostGets := 0, 0
		for id, a := range posts.answers {
			switch n := l.seen[id]; {
			case a.status == http.StatusOK && n == 1:
			case lost(a) && n <= 1:
				lostPosts++
			default:
				t.Errorf("POST %s was done %d times, and answered %s", id, n, a)
			}
		}
		for id, a := range gets.answers {
			switch {
			case a.status == http.StatusOK:
			case lost(a) && !beside:
				lostGets++
			default:
				t.Errorf("GET %s: %s", id, a)
			}
		}
		t.Logf("a proxy beside them: %t; %d of %d POSTs and %d of %d GETs were lost with a pod",
			beside, lostPosts, len(posts.answers), lostGets, len(gets.answers))
		x.Stop()
	}
}

// asking sends requests one after the other, by several clients.
type asking struct {
	end     func()
	mu      sync.Mutex
	answers map[string]answer // by what was sent
}

func (x *live) asking(t testing.TB, method string) *asking {
	t.Helper()
	a := &asking{answers: map[string]answer{}}
	quit := make(chan struct{})
	var askers sync.WaitGroup
	for i, router := range []string{"front", "inside", "front", "inside"} {
		askers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-quit:
					return
				default:
				}
				id := fmt.Sprintf("%s-%d-%d", router, i, n)
				got, err := x.sends(method, router, id)
				if err != nil {
					got = answer{body: err.Error()}
				}
				a.mu.Lock()
				a.answers[id] = got
				a.mu.Unlock()
			}
		})
	}
	a.end = sync.OnceFunc(func() { close(quit); askers.Wait() })
	t.Cleanup(a.end)
	return a
}

// more waits until so many more are answered.
func (a *asking) more(t testing.TB, n int) {
	t.Helper()
	count := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.answers)
	}
	before := count()
	until(t, "requests are answered", func() bool { return count() >= before+n })
}

// sends has a request with a text as its body, or in its URL where it has none.
func (x *live) sends(method, router, text string) (answer, error) {
	body := text
	if method == http.MethodGet {
		body = ""
	}
	req, err := http.NewRequest(method, "http://"+x.address(router)+"/"+text, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Host = "world"
	return x.do(req)
}
