package livetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"golang.org/x/sys/unix"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/translate"
)

// node is a pod whose node can lose its power: whatever is sent there from then on is
// neither acknowledged nor refused.
type node struct {
	pod

	listener *net.TCPListener
	mu       sync.Mutex
	open     []*net.TCPConn
	ended    chan struct{} // has an element for each connection that the other side ended
}

// newNode answers every request with a name, and never ends a connection by itself.
func newNode(t testing.TB, name string) *node {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false) // whose sockets take no filter
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{pod: pod{address: l.Addr().String()}, listener: l.(*net.TCPListener), ended: make(chan struct{}, 100)}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := n.listener.AcceptTCP()
			if err != nil {
				return
			}
			n.mu.Lock()
			n.open = append(n.open, c)
			n.mu.Unlock()
			serving.Go(func() { n.serve(c, name) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		n.mu.Lock()
		for _, c := range n.open {
			c.Close()
		}
		n.mu.Unlock()
		serving.Wait()
	})
	return n
}

func (n *node) serve(c *net.TCPConn, name string) {
	for r := bufio.NewReader(c); ; {
		request, err := http.ReadRequest(r)
		if err == nil {
			_, err = io.Copy(io.Discard, request.Body)
		}
		if err == nil {
			_, err = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(name), name)
		}
		if err != nil {
			n.ended <- struct{}{}
			return
		}
	}
}

// die has the kernel drop what arrives for the node.
func (n *node) die(t testing.TB) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	deafen(t, n.listener)
	for _, c := range n.open {
		deafen(t, c)
	}
}

// deafen gives a socket a filter that takes nothing (socket(7), SO_ATTACH_FILTER).
func deafen(t testing.TB, socket syscall.Conn) {
	t.Helper()
	raw, err := socket.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
}

// impatient has a cluster's connections be given up after two seconds, in place of a minute.
func impatient(t testing.TB, s *translate.Snapshot, name string) *translate.Snapshot {
	t.Helper()
	clusters := s.Classes["edge"].Resources[translate.ClusterType]
	r := clusters[name]
	m, err := r.Body.UnmarshalNew()
	if err != nil {
		t.Fatal(err)
	}
	c := m.(*clusterv3.Cluster)
	option := c.UpstreamBindConfig.SocketOptions[0]
	if option.Level != unix.IPPROTO_TCP || option.Name != unix.TCP_USER_TIMEOUT || option.GetIntValue() != time.Minute.Milliseconds() {
		t.Fatalf("what is sent may be unacknowledged as %v says", option)
	}
	option.Value = &corev3.SocketOption_IntValue{IntValue: (2 * time.Second).Milliseconds()}
	changed, err := translate.NewResource(r.Name, c, r.Clusters, r.Source)
	if err != nil {
		t.Fatal(err)
	}
	clusters[name] = changed
	return s
}

// A request that is sent to a node that has just died, by a connection of before, ends
// when nobody has acknowledged it for long enough, and not when the kernel gives up,
// which takes a quarter of an hour. Nothing else waits for it.
func TestDeadNodeIsGivenUp(t *testing.T) {
	dead := newNode(t, "dead")
	x := startEdited(t, hello, map[string][]pod{"world-v1": {dead.pod}, "world-v2": {app(t, "v2")}}, bootstrap.Options{},
		func(b string) string { return b },
		func(s *translate.Snapshot) *translate.Snapshot {
			return impatient(t, s, "/#/io.l5d.k8s/default/http/world-v1")
		})
	if a := x.ask(t, "inside", "world"); a.body != "dead" {
		t.Fatal(a)
	}
	dead.die(t)
	if a := x.ask(t, "inside", "world"); a.status != http.StatusBadGateway {
		t.Errorf("where nobody is any more: %s", a)
	}
	if a := x.ask(t, "inside", "world-v2"); a.body != "v2" {
		t.Error(a)
	}
}

// The proxy ends connections that nobody uses, before servers do: one that closes a
// connection just when a request is sent has perhaps worked on it, so that nobody may
// send it again.
func TestIdleConnectionIsEnded(t *testing.T) {
	n := newNode(t, "v1")
	x := start(t, hello, map[string][]pod{"world-v1": {n.pod}})
	if a := x.ask(t, "inside", "world"); a.body != "v1" {
		t.Fatal(a)
	}
	select {
	case <-n.ended:
	case <-time.After(limit):
		t.Error("the connection stays")
	}
}
