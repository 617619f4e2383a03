package demotest

import (
	"crypto/tls"
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
	t               testing.TB
	address, target string

	mu       sync.Mutex
	listener net.Listener // nil while it is cut
	open     map[net.Conn]bool
	frozen   chan struct{} // closed when what is sent arrives again; nil: it does now
	answer   int           // in place of the API server: this status to everybody
	identity *tls.Certificate
	tasks    sync.WaitGroup
}

// NewLink makes one that is whole. Give its Through to Start.
func NewLink(t testing.TB) *Link {
	t.Helper()
	k := &Link{t: t, address: "127.0.0.1:0", open: map[net.Conn]bool{}}
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
	k.identify(c)
	return k.address
}

// Freeze lets connections live on without anything arriving, as when a machine
// between loses its power. It gives what ends that.
func (k *Link) Freeze() (thaw func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	frozen := make(chan struct{})
	k.frozen = frozen
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.frozen = nil
		close(frozen)
	}
}

// Answer ends all connections, and has every request answered with this status
// in place of the API server's answer; 0: by the API server again.
func (k *Link) Answer(status int) error {
	k.Cut()
	k.mu.Lock()
	k.answer = status
	k.mu.Unlock()
	return k.Mend()
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
	target, answer := k.target, k.answer
	k.mu.Unlock()
	if answer != 0 {
		k.refuse(from, answer)
		return
	}
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
		_, _ = io.Copy(thawed{to, k}, from)
		to.Close()
	})
	_, _ = io.Copy(thawed{from, k}, to)
	from.Close()
	both.Wait()
}

// thawed writes when nothing is frozen.
type thawed struct {
	io.Writer
	link *Link
}

func (t thawed) Write(b []byte) (int, error) {
	t.link.mu.Lock()
	frozen := t.link.frozen
	t.link.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	return t.Writer.Write(b)
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
