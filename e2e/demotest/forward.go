package demotest

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"kibble.dev/e2e/kubetest"
)

// Link is the way from the control planes to the API server. It can be cut:
// then nothing passes, and nobody can connect.
type Link struct {
	address, target string

	mu       sync.Mutex
	listener net.Listener // nil while it is cut
	open     map[net.Conn]bool
	tasks    sync.WaitGroup
}

// NewLink makes one that is whole. Give its Through to Start.
func NewLink(t testing.TB) *Link {
	t.Helper()
	k := &Link{address: "127.0.0.1:0", open: map[net.Conn]bool{}}
	if err := k.Mend(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.Cut()
		k.tasks.Wait()
	})
	return k
}

// Through gives the address that stands for the cluster's API server.
func (k *Link) Through(c *kubetest.Cluster) (address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.target = strings.TrimPrefix(c.Config.Host, "https://")
	return k.address
}

// Cut ends all connections and takes no more.
func (k *Link) Cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.listener == nil {
		return
	}
	k.listener.Close()
	k.listener = nil
	for c := range k.open {
		c.Close()
	}
}

// Mend lets connections pass again.
func (k *Link) Mend() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, err := net.Listen("tcp", k.address)
	if err != nil {
		return err
	}
	k.listener, k.address = l, l.Addr().String()
	k.tasks.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			k.tasks.Go(func() { k.pass(c) })
		}
	})
	return nil
}

// pass copies both ways until one side ends.
func (k *Link) pass(from net.Conn) {
	defer from.Close()
	k.mu.Lock()
	target := k.target
	k.mu.Unlock()
	to, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer to.Close()
	if !k.keep(from, to) {
		return
	}
	defer k.forget(from, to)
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(to, from)
		to.Close()
	})
	_, _ = io.Copy(from, to)
	from.Close()
	both.Wait()
}

// keep notes connections for Cut, and says no when it is cut already.
func (k *Link) keep(all ...net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range all {
		k.open[c] = true
	}
	return k.listener != nil
}

func (k *Link) forget(all ...net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, c := range all {
		delete(k.open, c)
	}
}
