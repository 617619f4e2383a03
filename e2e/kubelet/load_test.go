//go:build linux

package kubelet_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"kibble.dev/internal/envoytest"
)

// load asks the edge the demo's questions without a pause, until it is stopped.
type load struct {
	lab  *lab
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	asked  int
	failed []string
}

// question is one of those of the demo.
type question struct {
	method, host, cookie string
	want                 []string // each of these is in the answer
	http2                bool     // as gRPC asks
}

func questions() []question {
	const cookie = "special_employee_cookie=dogfood"
	return []question{
		{http.MethodGet, "www.hello.world", "", []string{"Hello (", "world ("}, false},
		{http.MethodGet, "api.hello.world", "", []string{"api (", "Hello (", "world ("}, true},
		{http.MethodGet, "www.hello.world", cookie, []string{"Hello (", "earth ("}, false},
		// What must not be sent twice.
		{http.MethodPost, "www.hello.world", "", []string{"Hello (", "world ("}, false},
		{http.MethodPost, "www.hello.world", "", []string{"Hello (", "world ("}, true},
		{http.MethodPost, "api.hello.world", cookie, []string{"api (", "Hello (", "earth ("}, true},
	}
}

// load starts it, over connections that stay.
func (l *lab) load(edge string) *load {
	l.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &load{lab: l, stop: cancel}
	for _, q := range questions() {
		d.done.Go(func() { d.ask(ctx, edge, q) })
	}
	l.Cleanup(cancel)
	d.wait(20)
	return d
}

func (d *load) ask(ctx context.Context, edge string, q question) {
	client := &http.Client{Transport: envoytest.Transport(q.http2), Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		err := q.ask(ctx, client, edge)
		if ctx.Err() != nil {
			return
		}
		d.mu.Lock()
		d.asked++
		if err != nil {
			d.failed = append(d.failed, fmt.Sprintf("%s %s %s, HTTP/2 %v: %v", time.Now().Format("15:04:05.000"), q.method, q.host, q.http2, err))
		}
		d.mu.Unlock()
		time.Sleep(5 * time.Millisecond) // two processors do all of this
	}
}

func (q question) ask(ctx context.Context, client *http.Client, edge string) error {
	r, err := http.NewRequestWithContext(ctx, q.method, "http://"+edge+"/", http.NoBody)
	if err != nil {
		return err
	}
	r.Host = q.host
	if q.cookie != "" {
		r.Header.Set("Cookie", q.cookie)
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, b)
	}
	for _, want := range q.want {
		if !strings.Contains(string(b), want) {
			return fmt.Errorf("the answer is %q, want %q in it", b, want)
		}
	}
	return nil
}

// wait returns when n more requests have been answered.
func (d *load) wait(n int) {
	d.lab.Helper()
	count := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.asked
	}
	until := count() + n
	d.lab.Eventually(fmt.Sprintf("%d requests are answered", n), func() error {
		if n := count(); n < until {
			return fmt.Errorf("%d of %d", n, until)
		}
		return nil
	})
}

// end ends the load, and fails the test for each request that failed.
func (d *load) end() {
	d.lab.Helper()
	d.wait(50) // of what was done last, too
	d.stop()
	d.done.Wait()
	d.lab.Logf("%d requests, %d failed", d.asked, len(d.failed))
	if n := len(d.failed); n > 0 {
		d.lab.Errorf("%d of %d requests failed:\n%s", n, d.asked, strings.Join(d.failed[:min(n, 20)], "\n"))
		d.lab.showErrors(namespace)
	}
}
