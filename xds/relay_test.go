package xds_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"kibble.dev/internal/envoytest"
)

// relayed is a way to a server that can be cut, and mended.
type relayed struct {
	address string
	to      string

	mu   sync.Mutex
	open bool
	all  []net.Conn
}

// relay listens on a free port for a server, until the test ends.
func relay(t *testing.T, to string) *relayed {
	t.Helper()
	l := envoytest.Listen(t)
	r := &relayed{address: l.Addr().String(), to: to, open: true}
	var tasks sync.WaitGroup
	tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tasks.Go(func() { r.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		r.cut()
		tasks.Wait()
	})
	return r
}

func (r *relayed) carry(c net.Conn) {
	defer c.Close()
	s, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer s.Close()
	r.mu.Lock()
	if !r.open {
		r.mu.Unlock()
		return
	}
	r.all = append(r.all, c, s)
	r.mu.Unlock()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{c, s}, {s, c}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // it ends as the connection does
			pair[0].Close()
		})
	}
	both.Wait()
}

// cut ends all connections, and takes no others.
func (r *relayed) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = false
	for _, c := range r.all {
		c.Close()
	}
	r.all = nil
}

func (r *relayed) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = true
}
