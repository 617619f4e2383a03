package demotest

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
)

// Refusal is how requests are answered in place of the API server.
type Refusal struct {
	Status int
	// RetryAfter tells when to try again, in seconds; 0: nothing.
	RetryAfter int
	// Only says which requests are; nil: all. The others get to the API server.
	Only func(*http.Request) bool
}

// Refuse ends all connections, and has requests refused; nil: no longer.
func (k *Link) Refuse(r *Refusal) error {
	k.Cut()
	k.mu.Lock()
	k.refusal, k.refused = r, nil
	k.mu.Unlock()
	return k.Mend()
}

// Refused is when requests were refused since Refuse.
func (k *Link) Refused() []time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.refused)
}

// identify has the link be who the API server is, and know it, for Refuse.
func (k *Link) identify(c *kubetest.Cluster) {
	own := c.Certify(envoytest.Loopback())
	pair, err := tls.X509KeyPair(own.Certificate, own.Key)
	if err != nil {
		k.t.Fatal(err)
	}
	k.identity = &pair
	server, err := url.Parse(c.Config.Host)
	if err != nil {
		k.t.Fatal(err)
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(c.Config)) // requests say themselves of whom they are
	if err != nil {
		k.t.Fatal(err)
	}
	k.api = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:     transport,
		FlushInterval: -1, // what is watched
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// answer answers the requests of a connection.
func (k *Link) answer(c net.Conn, refusal *Refusal) {
	if !k.keep(c) {
		return
	}
	defer k.forget(c)
	ended := make(chan struct{})
	one := &single{conn: tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*k.identity}, MinVersion: tls.VersionTLS12}), ended: ended}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if refusal.Only != nil && !refusal.Only(r) {
				k.api.ServeHTTP(w, r)
				return
			}
			k.mu.Lock()
			k.refused = append(k.refused, time.Now())
			k.mu.Unlock()
			refusal.write(w)
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

func (r *Refusal) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if r.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(r.RetryAfter))
	}
	w.WriteHeader(r.Status)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"not today","code":%d}`, r.Status)
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
