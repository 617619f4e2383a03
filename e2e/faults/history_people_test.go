package faults_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/helloworld"
)

// question is asked again and again: of a proxy, for a host, by somebody.
type question struct {
	place  string // the proxy
	router string // that it is asked by
	host   string // as facts name it
	in     string // the environment that the asker is in
	// context is what those who answer may be told of it.
	context string
	// rule is a service that the asker's own rule leads to; "" if there is none.
	rule string
	// otherwise is what the router answers for hosts that lead nowhere.
	otherwise string
	// exactly is the only right answer, of what no history touches; "" where facts say it.
	exactly string
	request func() *http.Request
}

func (q question) String() string {
	return fmt.Sprintf("%s, of %s by %s, in %q by rule %q", q.host, q.place, q.router, q.in, q.rule)
}

// people ask all questions, and note each answer that no facts since it was calm
// last allow.
type people struct {
	lab  *demotest.Lab
	done sync.WaitGroup

	mu      sync.Mutex
	asks    []question
	allowed []map[string]map[string]bool // question → answers, of each time that the facts changed
	asked   map[string]int               // how often, by place
	wrong   []string
}

// ask asks the questions of a place in turn.
func (p *people) ask(ctx context.Context, place string) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: frontHost}} //nolint:gosec // what is shown is looked at
	client := &http.Client{Transport: transport, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	here := slices.DeleteFunc(slices.Clone(p.asks), func(q question) bool { return q.place != place })
	for i := 0; ctx.Err() == nil; i++ {
		q, since, began := here[i%len(here)], p.now(), time.Now()
		got := answer(client, q.request().WithContext(ctx))
		if ctx.Err() != nil {
			return
		}
		p.hear(q, since, began, got)
		time.Sleep(2 * time.Millisecond) // two processors do all of this
	}
}

// now is the number of the facts that are so now.
func (p *people) now() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.allowed) - 1
}

// answer is who answered, with the context that came there; or what went wrong.
func answer(client *http.Client, r *http.Request) string {
	response, err := client.Do(r)
	if err != nil {
		return nobody + " " + err.Error()
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	switch body := strings.TrimSpace(string(b)); {
	case err != nil:
		return nobody + " " + err.Error()
	case strings.Contains(body, "does not know the destination yet"), strings.Contains(body, "resolver for l5d-dtab and l5d-ctx-dtab does not answer"):
		return untold
	case response.StatusCode >= http.StatusInternalServerError:
		return fails + " " + body
	case response.StatusCode != http.StatusOK:
		return response.Status + " " + body
	case body == "the edge is here":
		return unrouted
	case r.Close && response.TLS != nil:
		return response.TLS.PeerCertificates[0].DNSNames[0]
	default:
		return body
	}
}

// hear judges an answer by all facts since the question was asked.
func (p *people) hear(q question, since int, began time.Time, got string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[q.place]++
	if q.exactly != "" {
		if got != q.exactly {
			p.complain(q, began, got, q.exactly)
		}
		return
	}
	who, context, _ := strings.Cut(got, " in ")
	for _, bad := range []string{fails, nobody} {
		if strings.HasPrefix(got, bad) {
			who, context = bad, ""
		}
	}
	for id := range strings.SplitSeq(context, ",") {
		if id != "" && !slices.Contains(strings.Split(q.context, ","), id) {
			p.complain(q, began, got, "no other context than "+q.context)
		}
	}
	var may []string
	for _, allowed := range p.allowed[since:] {
		if allowed[q.String()][who] {
			return
		}
		may = slices.AppendSeq(may, maps.Keys(allowed[q.String()]))
	}
	slices.Sort(may)
	p.complain(q, began, got, strings.Join(slices.Compact(may), " or "))
}

func (p *people) complain(q question, began time.Time, got, want string) {
	const stamp = "15:04:05.000"
	p.wrong = append(p.wrong, fmt.Sprintf("%s to %s: %s: the answer is %q, want %s", began.Format(stamp), time.Now().Format(stamp), q, got, want))
}

// allow says what may be so from now on, beside what was, after facts of a kind have
// changed; or nothing of what was, when it is calm.
func (p *people) allow(past *past, changed kind, calm bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	allowed := map[string]map[string]bool{}
	for _, q := range p.asks {
		allowed[q.String()] = map[string]bool{}
		if !calm {
			maps.Copy(allowed[q.String()], p.allowed[len(p.allowed)-1][q.String()])
		}
	}
	past.each(changed, func(f facts) {
		for _, q := range p.asks {
			for _, a := range f.answers(q) {
				allowed[q.String()][a] = true
			}
		}
	})
	p.allowed = append(p.allowed, allowed)
}

// patient returns when so many more questions were answered.
func (p *people) patient(more int) {
	p.lab.Helper()
	until := p.count("") + more
	p.lab.Eventually("people are answered", func() error {
		if n := p.count(""); n < until {
			return fmt.Errorf("%d answers, want %d", n, until)
		}
		return nil
	})
}

// allAsked returns when everybody has asked every question again.
func (p *people) allAsked() {
	p.lab.Helper()
	until := map[string]int{}
	for _, q := range p.asks {
		until[q.place] = max(until[q.place], p.count(q.place)+1) + 1 // one may be under way
	}
	p.lab.Eventually("everybody is answered", func() error {
		for place, want := range until {
			if n := p.count(place); n < want {
				return fmt.Errorf("%d answers at %s, want %d", n, place, want)
			}
		}
		return nil
	})
}

// count is how many questions were answered at a place, "" for all.
func (p *people) count(place string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if place != "" {
		return p.asked[place]
	}
	for _, asked := range p.asked {
		n += asked
	}
	return n
}

// content gives an error if any answer was wrong.
func (p *people) content() error {
	all := p.count("")
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.wrong); n > 0 {
		return fmt.Errorf("%d of %d answers were wrong:\n%s", n, all, strings.Join(p.wrong[:min(n, 20)], "\n"))
	}
	return nil
}

// gather has the demo's questions and those of histories be asked, as allowed by
// the facts, until the end of the test.
func gather(l *demotest.Lab, places []place, past *past) *people {
	p := &people{lab: l, asked: map[string]int{}}
	for _, q := range helloworld.Questions(l.Top)[:6] {
		p.asks = append(p.asks, question{place: "demo", host: q.About, exactly: q.Want, request: func() *http.Request {
			return request(l.Top.Edge(), q.Host, q.Header...)
		}})
	}
	for _, at := range places {
		if at.router == front {
			p.asks = append(p.asks, at.frontQuestions(l.Top)...)
		} else {
			p.asks = append(p.asks, at.questions()...)
		}
	}
	p.allow(past, tables, true)
	ctx, cancel := context.WithCancel(l.Context())
	var asked []string
	for _, q := range p.asks {
		if !slices.Contains(asked, q.place) {
			asked = append(asked, q.place)
			p.done.Go(func() { p.ask(ctx, q.place) })
		}
	}
	l.Cleanup(func() {
		cancel()
		p.done.Wait()
	})
	return p
}

func request(address, host string, header ...[2]string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", http.NoBody)
	if err != nil {
		panic(err)
	}
	r.Host = host
	for _, h := range header {
		r.Header.Add(h[0], h[1])
	}
	return r
}
