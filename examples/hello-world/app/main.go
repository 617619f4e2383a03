// Command app is the service of the hello-world demo. It answers with its text
// and, where it has a target, with what the target answered:
//
//	app -addr :7778 -text world
//	app -addr :7777 -text Hello -target world
//
// Calls to the target go through the proxy of the environment variable
// http_proxy and carry on the caller's l5d-ctx-* headers: that is all that an
// application does for its part of a dogfood environment. It takes the flags
// and variables of the helloworld program of linkerd-examples (HTTP only).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// limit is the longest that one request may take.
const limit = 10 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", ":7777", "address to serve on")
	text := flag.String("text", "Hello", "text to serve; the variable TARGET_WORLD beats it")
	target := flag.String("target", "", "service to call before answering, as host or host:port")
	latency := flag.Duration("latency", 0, "time to sleep before answering")
	failureRate := flag.Float64("failure-rate", 0, "share of requests to fail, 0 to 1")
	json := flag.Bool("json", false, "answer in JSON")
	var q question
	flag.StringVar(&q.url, "ask", "", "ask this URL in place of serving, until the answer holds the text of -want")
	flag.StringVar(&q.host, "host", "", "the host to ask for (-ask)")
	flag.StringVar(&q.cookie, "cookie", "", "the cookie to ask with, as name=value (-ask)")
	flag.StringVar(&q.want, "want", "", "what the answer must hold (-ask)")
	flag.DurationVar(&q.patience, "for", time.Minute, "how long to ask (-ask)")
	flag.Parse()
	if q.url != "" {
		return q.ask(context.Background(), os.Stdout, os.Stderr)
	}

	if t := os.Getenv("TARGET_WORLD"); t != "" {
		*text = t
	}
	s := &server{
		text: *text, target: *target, podIP: os.Getenv("POD_IP"), json: *json,
		client: &http.Client{
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 100, IdleConnTimeout: time.Minute},
			Timeout:   limit,
		},
	}
	if err := errors.Join(s.setLatency(*latency), s.setFailureRate(*failureRate)); err != nil {
		return err
	}
	return serve(*addr, s)
}

// serve answers until the process is told to stop.
func serve(addr string, h http.Handler) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hs := &http.Server{
		Addr: addr, Handler: h, ReadTimeout: limit + time.Second, WriteTimeout: limit + time.Second,
		Protocols: &http.Protocols{},
	}
	hs.Protocols.SetHTTP1(true)
	hs.Protocols.SetUnencryptedHTTP2(true) // as gRPC does; for Services with appProtocol: kubernetes.io/h2c
	ended := make(chan error, 1)
	go func() { ended <- hs.ListenAndServe() }()
	fmt.Println("serving HTTP on", addr)
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	// Requests that are here are answered first.
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return hs.Shutdown(ctx)
}
