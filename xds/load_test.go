package xds_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// load asks one URL again and again.
type load struct {
	count  atomic.Int64
	answer atomic.Value
	mu     sync.Mutex
	first  error
	end    func()
}

func start(url string) *load { return startOf(url, "") }

// startOf asks for a host.
func startOf(url, host string) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{}, Timeout: limit}
	var askers sync.WaitGroup
	for range 3 {
		askers.Go(func() {
			for ctx.Err() == nil {
				l.ask(client, url, host)
			}
		})
	}
	l.end = sync.OnceFunc(func() {
		cancel()
		askers.Wait()
		client.CloseIdleConnections()
	})
	return l
}

func (l *load) ask(client *http.Client, url, host string) {
	req, err := http.NewRequest(http.MethodGet, url, http.NoBody)
	if err != nil {
		panic(err) // a test's own URL
	}
	req.Host = host
	resp, err := client.Do(req)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(resp.Body)
		err = errors.Join(err, resp.Body.Close())
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", resp.Status, body)
		}
		l.answer.Store(string(body))
	}
	l.count.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

func (l *load) last() string {
	s, _ := l.answer.Load().(string)
	return s
}

func (l *load) failed() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}
