package demotest

import (
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
)

// Link is the way from the control planes to the API server, or from the proxies
// to a control plane. It can be cut: then nothing passes, and nobody can connect.
type Link struct {
	t               testing.TB
	address, target string

	mu       sync.Mutex
	listener net.Listener // nil while it is cut
	open     map[net.Conn]bool
	frozen   chan struct{} // closed when what is sent arrives again; nil: it does now
	delay    time.Duration // of what is sent
	late     time.Duration // up to which it is later still, at random
	left     int           // bytes until all connections end; 0: they do not
	every    int           // what left is set to then
	cuts     int           // how often they did
	refusal  *Refusal      // in place of the API server; nil: it answers
	refused  []time.Time   // when requests were
	api      http.Handler  // the API server, for those that are not
	identity *tls.Certificate
	tasks    sync.WaitGroup
}

// NewLink makes one that is whole. Give its Through, or its To, to Start.
func NewLink(t testing.TB) *Link {
	t.Helper()
	k := &Link{t: t, address: envoytest.FreeAddress(t), open: map[net.Conn]bool{}, late: lateness(t)}
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

// To gives the address that stands for another.
func (k *Link) To(target string) (address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.target = target
	return k.address
}

// Slow has everything that is sent arrive late; 0: no longer.
func (k *Link) Slow(delay time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.delay = delay
}

// CutEvery ends all connections whenever so many bytes have passed, in the
// middle of whatever is sent; 0: no longer.
func (k *Link) CutEvery(bytes int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.every = bytes, bytes
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

// Answer is Refuse for every request; 0: the API server answers again.
func (k *Link) Answer(status int) error {
	if status == 0 {
		return k.Refuse(nil)
	}
	return k.Refuse(&Refusal{Status: status})
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
	target, refusal := k.target, k.refusal
	k.mu.Unlock()
	if refusal != nil {
		k.answer(from, refusal)
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

// thawed writes when nothing is frozen, late where the link is slow, and ends
// all connections where it cuts them.
type thawed struct {
	io.Writer
	link *Link
}

func (t thawed) Write(b []byte) (int, error) {
	t.link.mu.Lock()
	frozen, delay := t.link.frozen, t.link.delay
	t.link.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	time.Sleep(delay + rand.N(t.link.late+1))
	n := t.link.passing(len(b))
	written, err := t.Writer.Write(b[:n])
	if n < len(b) {
		t.link.endAll()
	}
	return written, err
}

// passing gives how many of so many bytes pass until all connections end.
func (k *Link) passing(bytes int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.every == 0 || bytes < k.left {
		k.left -= bytes
		return bytes
	}
	pass := min(k.left, bytes-1)
	k.left = k.every
	return pass
}

// endAll ends all connections that are open.
func (k *Link) endAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cuts++
	for c := range k.open {
		c.Close()
	}
}

// Cuts is how often all connections ended because of CutEvery.
func (k *Link) Cuts() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cuts
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
