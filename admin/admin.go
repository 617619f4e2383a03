// Package admin is the HTTP server for people and machines that look after
// Kibble: health, metrics, and what is being served.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kibble.dev/dtab"
	"kibble.dev/internal/crowd"
)

// Options of the admin server.
type Options struct {
	Gatherer prometheus.Gatherer
	// Ready says why the server is not ready to serve proxies; nil: it is.
	Ready func() error
	// Findings gives what is wrong with the objects now.
	Findings func() []dtab.Finding
	// Proxies gives the connected proxies, in a form that JSON can hold.
	Proxies func() any
	// Config gives what the proxies have and are to have, in a form that JSON can
	// hold. Those may see it who may see the Console.
	Config func(url.Values) (any, error)
	// Learnt gives what workloads were seen to use, in such a form; nil: nothing does.
	Learnt func() any
	// Diff says what becomes different if the objects in a body were written beside
	// those that are served. It changes nothing; one is worked on at a time. Those
	// may ask who may see the Console.
	Diff func(io.Reader) (any, error)
	// Console answers everything else; nil: nothing does. Unless ConsoleOpen is
	// set, only those may see it who come from this machine, as a port that
	// kubectl forwards does, and call it localhost or by an address.
	Console     http.Handler
	ConsoleOpen bool
	// Replica is the name of this server, where there may be others beside it, of
	// whose proxies it does not know. What is told of proxies says so in ReplicaHeader.
	Replica string
	// Local says that the server listens on loopback only. Then names other than
	// localhost are refused: a page of somebody else's that gives its own name our
	// address (DNS rebinding) could read everything otherwise.
	Local bool
}

// ReplicaHeader is the header in which a server says that it is one of several.
const ReplicaHeader = "Kibble-Replica"

// Handler answers:
//
//	/healthz       200 while the process is alive
//	/readyz        200 once proxies are served, else 503 and why not
//	/metrics       Prometheus
//	/api/proxies   who is connected, what was acknowledged and refused
//	/api/learnt    which clusters workloads were seen to use, of routers on demand
//	/api/findings  what is wrong with the objects
//	/api/config    what the proxies have, are to have and refused, and of what it was made
//	/api/diff      what would become different (POST)
//	/              the console, pages for people
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := o.Ready(); err != nil {
			text(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		text(w, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{}))
	named := func(w http.ResponseWriter) {
		if o.Replica != "" {
			w.Header().Set(ReplicaHeader, o.Replica)
		}
	}
	mux.HandleFunc("GET /api/proxies", func(w http.ResponseWriter, _ *http.Request) {
		named(w)
		asJSON(w, o.Proxies())
	})
	if o.Learnt != nil {
		mux.HandleFunc("GET /api/learnt", func(w http.ResponseWriter, _ *http.Request) { asJSON(w, o.Learnt()) })
	}
	mux.HandleFunc("GET /api/findings", func(w http.ResponseWriter, _ *http.Request) { asJSON(w, o.Findings()) })
	guarded := func(next http.Handler) http.Handler { return near(local(next)) }
	if o.ConsoleOpen {
		guarded = func(next http.Handler) http.Handler { return next }
	}
	if o.Config != nil {
		mux.Handle("GET /api/config", guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			named(w)
			v, err := o.Config(r.URL.Query())
			if err != nil {
				text(w, http.StatusInternalServerError, err.Error())
				return
			}
			asJSON(w, v)
		})))
	}
	if o.Diff != nil {
		mux.Handle("POST /api/diff", guarded(http.NewCrossOriginProtection().Handler(compare(o.Diff))))
	}
	if o.Console != nil {
		mux.Handle("/", guarded(o.Console))
	}
	if o.Local && !o.ConsoleOpen {
		return local(mux)
	}
	return mux
}

// maxObjects bounds what is sent to be compared.
const maxObjects = 64 << 20

// compare answers one question at a time, so that it takes no more than a part
// of the machine that serves proxies.
func compare(diff func(io.Reader) (any, error)) http.Handler {
	busy := make(chan struct{}, 1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case busy <- struct{}{}:
			defer func() { <-busy }()
		case <-r.Context().Done():
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyMost)) // where there is a connection
		v, err := diff(http.MaxBytesReader(w, r.Body, maxObjects))
		if err != nil {
			text(w, http.StatusBadRequest, err.Error())
			return
		}
		asJSON(w, v)
	})
}

// near refuses requests that come from another machine.
func near(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !peer.Addr().Unmap().IsLoopback() {
			text(w, http.StatusForbidden, "this is for this machine only: forward the port (kubectl port-forward), or start kibble serve with --console-open")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// local refuses requests for names of others.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
			text(w, http.StatusMisdirectedRequest, "this server listens on loopback only: ask it as localhost, or by its address")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, body)
}

func asJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // the client is gone
}

// Bounds of connections. Many may read what is told here, also who does not know us.
const (
	connectionsMost = 256
	bodyMost        = time.Minute     // to send objects that are to be compared
	answerMost      = 5 * time.Minute // to make an answer, and to take it
)

// Serve answers on a listener until the context ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	l = crowd.Listen(l, connectionsMost)
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: answerMost, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the admin pages on %s: %w", l.Addr(), err)
	}
	return nil
}
