package demotest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"

	"kibble.dev/e2e/kubetest"
)

// identify has the link be who the API server is, for Answer.
func (k *Link) identify(c *kubetest.Cluster) {
	cert, key := c.CA.Server(k.t, "127.0.0.1")
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		k.t.Fatal(err)
	}
	k.identity = &pair
}

// refuse answers every request of a connection with a status.
func (k *Link) refuse(c net.Conn, status int) {
	if !k.keep(c) {
		return
	}
	defer k.forget(c)
	ended := make(chan struct{})
	one := &single{conn: tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*k.identity}, MinVersion: tls.VersionTLS12}), ended: ended}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not today","code":%d}`, status)
		}),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed || s == http.StateHijacked {
				one.end()
			}
		},
		ReadHeaderTimeout: limit,
	}
	_ = server.Serve(one) // until the connection ends
}

// single is a listener of one connection.
type single struct {
	conn  net.Conn
	once  sync.Once
	ended chan struct{}
}

// Accept gives the connection, and then waits for its end.
func (s *single) Accept() (net.Conn, error) {
	var c net.Conn
	s.once.Do(func() { c = s.conn })
	if c != nil {
		return c, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

// Close does nothing: the connection is closed by who serves it.
func (s *single) Close() error { return nil }

// Addr is the connection's.
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

func (s *single) end() {
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}
