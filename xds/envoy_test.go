package xds_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// A real Envoy gets ready from a Publish, follows 200 changes of cluster and
// routes, and a restart of the server, and not one request fails.
func TestEnvoySwaps(t *testing.T) {
	up := envoytest.Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header.Get("X-To"))
	}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	options := xds.Options{Drain: 100 * time.Millisecond}
	s := xds.New(options)
	stop := serveOn(t, s, l)
	defer func() { stop() }()

	b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: address})
	if err != nil {
		t.Fatal(err)
	}
	envoy := envoytest.Run(t, b)
	until(t, "Envoy has joined", func() bool { return len(s.Proxies()) == 1 })
	front := listener(t, "front", "table")
	version := func(i int) *translate.Snapshot {
		name := fmt.Sprintf("c%d", i)
		return edge(cluster(t, name, time.Second), endpoints(t, name, up), routes(t, "table", name), front)
	}
	s.Publish(version(0))
	envoy.WaitReady(t)
	target := "http://" + envoy.Listener(t, "front")

	load := start(target)
	defer load.end()
	for i := 1; i <= 200; i++ {
		s.Publish(version(i))
		until(t, fmt.Sprintf("swap %d is done", i), func() bool { return load.last() == fmt.Sprintf("c%d", i) })
	}
	until(t, "old clusters are gone", func() bool { return settled(s) })

	stop()
	l, err = net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s = xds.New(options)
	stop = serveOn(t, s, l)
	s.Publish(version(200))
	until(t, "Envoy has come back", func() bool { return settled(s) })
	s.Publish(version(201))
	until(t, "the new server's change is there", func() bool { return load.last() == "c201" })

	load.end()
	if err := load.failed(); err != nil || load.count.Load() < 200 {
		t.Errorf("%d requests, the first failure: %v", load.count.Load(), err)
	}
}

// settled says that the proxy has all that it is to have, and no more.
func settled(s *xds.Server) bool {
	for _, typ := range []string{cds, eds, lds, rds} {
		if st := statusOf(s, typ); st.Acked != 1 || st.Behind+st.Retiring+st.Sent > 0 {
			return false
		}
	}
	return true
}

// load asks one URL again and again.
type load struct {
	count  atomic.Int64
	answer atomic.Value
	mu     sync.Mutex
	first  error
	end    func()
}

func start(url string) *load {
	l := &load{}
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{}, Timeout: limit}
	var askers sync.WaitGroup
	for range 3 {
		askers.Go(func() {
			for ctx.Err() == nil {
				l.ask(client, url)
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

func (l *load) ask(client *http.Client, url string) {
	resp, err := client.Get(url)
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
