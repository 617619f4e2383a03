package demotest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

// Load asks the edge the demo's questions without a pause, over connections
// that stay, by HTTP/1.1 and HTTP/2 in turns, until it is stopped.
type Load struct {
	lab  *Lab
	stop context.CancelFunc
	done sync.WaitGroup

	mu     sync.Mutex
	asked  int
	failed []string
}

// Load starts it, with questions of the demo, or others like them. Any of the
// worlds is right: whose turn it is, is for Await.
func (l *Lab) Load(questions ...helloworld.Question) *Load {
	ctx, cancel := context.WithCancel(context.Background())
	load := &Load{lab: l, stop: cancel}
	if len(questions) == 0 {
		questions = helloworld.Questions(l.Top)[:4]
	}
	for _, q := range questions {
		load.done.Go(func() { load.ask(ctx, q) })
	}
	l.Cleanup(cancel)
	return load
}

func (d *Load) ask(ctx context.Context, q helloworld.Question) {
	clients := []*http.Client{
		{Transport: envoytest.Transport(false), Timeout: limit}, {Transport: envoytest.Transport(true), Timeout: limit},
	}
	defer clients[0].CloseIdleConnections()
	defer clients[1].CloseIdleConnections()
	for turn := 0; ctx.Err() == nil; turn++ {
		client := clients[turn%len(clients)]
		body, err := once(ctx, client, "http://"+d.lab.Top.Edge()+"/", q)
		if ctx.Err() != nil {
			return
		}
		if err == nil && !plausible(body, q) {
			err = fmt.Errorf("the answer is %q", body)
		}
		d.mu.Lock()
		d.asked++
		if err != nil {
			d.failed = append(d.failed, fmt.Sprintf("%s by HTTP/%d, %s: %v", time.Now().Format("15:04:05.000"), 1+turn%len(clients), q.About, err))
		}
		d.mu.Unlock()
		time.Sleep(2 * time.Millisecond) // two processors do all of this
	}
}

func once(ctx context.Context, client *http.Client, url string, q helloworld.Question) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Host = q.Host
	for _, h := range q.Header {
		request.Header.Set(h[0], h[1])
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, b)
	}
	return string(b), err
}

// plausible tells whether all services of a question have answered.
func plausible(body string, q helloworld.Question) bool {
	says := func(text string) bool {
		return strings.Contains(body, text+" ("+podsFour) || strings.Contains(body, text+" ("+PodsSix)
	}
	return says("Hello") && (says("world") || says("earth")) &&
		strings.Contains(body, "api_result") == strings.Contains(q.Want, "api_result")
}

// Stop ends the load, and fails the test for each request that failed.
func (d *Load) Stop() {
	d.lab.Helper()
	d.stop()
	d.done.Wait()
	d.lab.Logf("%d requests, %d failed", d.asked, len(d.failed))
	if d.asked == 0 {
		d.lab.Error("there was no load")
	}
	if n := len(d.failed); n > 0 {
		d.lab.Errorf("%d of %d requests failed:\n%s", n, d.asked, strings.Join(slices.Clip(d.failed[:min(n, 20)]), "\n"))
	}
}

// CheckAnswers returns when all questions of the demo have their answers.
func (l *Lab) CheckAnswers() {
	l.Helper()
	for _, q := range helloworld.Questions(l.Top) {
		l.Eventually(q.About, func() error {
			code, body, err := q.Ask(l.Context(), l.Top.Edge())
			if err == nil && (code != q.Status || body != q.Want) {
				err = fmt.Errorf("the answer is %d %q, want %q", code, body, q.Want)
			}
			return err
		})
	}
}

// Await returns when a dogfooder and everybody else are answered by these: "earth" or "world".
func (l *Lab) Await(dogfooder, others string) {
	l.Helper()
	qs := helloworld.Questions(l.Top)
	for i, want := range []string{others, others, dogfooder, dogfooder} {
		l.Eventually(fmt.Sprintf("%s: %s answers", qs[i].About, want), func() error {
			code, body, err := qs[i].Ask(l.Context(), l.Top.Edge())
			if err == nil && (code != http.StatusOK || !strings.Contains(body, want+" (")) {
				err = fmt.Errorf("the answer is %d %q", code, body)
			}
			return err
		})
	}
}
