package crowd

import (
	"net"
	"sync"
)

// Listen gives a listener that has that many connections at most, and closes one for
// each that is too many. A listener that let them wait instead would let whoever
// holds all of them keep out also the probes, for which Kubernetes restarts a pod.
func Listen(l net.Listener, most int) net.Listener {
	return &listener{Listener: l, crowd: New(most)}
}

type listener struct {
	net.Listener

	mu    sync.Mutex
	crowd *Crowd
}

// Accept lets one more in.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	m, gone := l.crowd.Add(c)
	l.mu.Unlock()
	if gone != nil {
		_ = gone.Close() // it may have ended by itself
	}
	return &conn{Conn: c, leave: func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.crowd.Remove(m)
	}}, nil
}

// conn leaves when it is closed.
type conn struct {
	net.Conn

	leave func()
}

// Close ends it.
func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}
