// Command run runs the hello-world demo on this machine: a real kibble that
// serves the manifests of a directory, a real Envoy at the edge, one beside
// each pod, and the pods' programs on loopback addresses of their own.
//
// It asks the questions of the demo and prints each with its answer; then it
// stays up until Ctrl-C, or with --smoke checks every answer and ends with exit
// code 0 or 1. Nothing that it started survives it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"kibble.dev/internal/helloworld"
)

// options of one run.
type options struct {
	dir                  string // of the manifests; served as it is, so that edits act at once
	kibble, app, envoy   string // programs
	xds, admin, edgeHTTP string // host:port of kibble's two addresses and of the edge Envoy's admin page
	logs                 string // directory; empty: a new one, which goes when all went well
	smoke                bool
	patience             time.Duration // how long a start may take
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "examples/hello-world", "directory of the manifests")
	flag.StringVar(&o.kibble, "kibble", "bin/kibble", "the kibble program")
	flag.StringVar(&o.app, "helloworld", "bin/helloworld", "the pods' program: ours, or the original's")
	flag.StringVar(&o.envoy, "envoy", os.Getenv("KIBBLE_ENVOY"), "the Envoy program; default: KIBBLE_ENVOY")
	flag.StringVar(&o.xds, "xds-address", "127.0.0.1:18000", "where kibble serves xDS")
	flag.StringVar(&o.admin, "admin-address", "127.0.0.1:9990", "where kibble serves health and metrics")
	flag.StringVar(&o.edgeHTTP, "edge-admin-address", "127.0.0.1:9901", "where the edge Envoy serves its admin pages")
	flag.StringVar(&o.logs, "logs", "", "directory for logs; default: a new one")
	flag.BoolVar(&o.smoke, "smoke", false, "check every answer and end")
	flag.DurationVar(&o.patience, "patience", time.Minute, "how long the start may take")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, o, os.Stdout)
	stop()
	os.Exit(code)
}

// run is the whole demo; it gives the exit code: 0 fine, 1 something failed.
func run(ctx context.Context, o options, out io.Writer) int {
	s := newScreen(out)
	if err := demo(ctx, o, s); err != nil && ctx.Err() == nil {
		s.failure(err)
		return 1
	}
	return 0
}

func demo(ctx context.Context, o options, s *screen) error {
	if o.envoy == "" {
		return errors.New("no Envoy: start the demo with make, or set KIBBLE_ENVOY to the path that make envoy prints")
	}
	top, err := helloworld.Read(o.dir)
	if err != nil {
		return err
	}
	if err := checkPorts(o, top); err != nil {
		return err
	}
	dir, err := logDirectory(o.logs)
	if err != nil {
		return fmt.Errorf("make a directory for logs: %w", err)
	}
	s.title("Kibble: the hello-world demo")
	g := newGroup(dir)
	defer g.stop()
	ended := ctx.Err // by Ctrl-C; below a process that dies ends it too
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go g.watch(ctx, cancel)

	if err := startAll(ctx, o, top, g, s); err != nil {
		return err
	}
	s.note("logs", dir)

	qs := helloworld.Questions(top)
	failed, err := askAll(ctx, qs, top.Edge(), s)
	if c := context.Cause(ctx); c != nil { // a process died, or Ctrl-C
		return c
	}
	if err != nil {
		return err
	}
	if !o.smoke {
		s.tryNext(o, top)
		<-ctx.Done()
		if ended() == nil || failed > 0 {
			return context.Cause(ctx)
		}
	} else {
		s.count(len(qs)-failed, failed)
		if failed > 0 {
			return fmt.Errorf("%d answers are not as they should be; logs are in %s", failed, dir)
		}
	}
	if o.logs == "" {
		return os.RemoveAll(dir)
	}
	return nil
}

// logDirectory makes the directory, or one of a new name.
func logDirectory(dir string) (string, error) {
	if dir == "" {
		return os.MkdirTemp("", "kibble-demo-")
	}
	return dir, os.MkdirAll(dir, 0o755)
}
