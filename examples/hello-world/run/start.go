package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"kibble.dev/internal/helloworld"
)

// startAll starts everything and returns when it is ready to be asked.
func startAll(ctx context.Context, o options, top *helloworld.Topology, g *group, s *screen) error {
	parent := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, o.patience, fmt.Errorf("waited %s", o.patience))
	defer cancel()
	steps := []func() error{
		func() error { return startKibble(ctx, o, g, s) },
		func() error {
			return startEnvoy(ctx, o, g, envoy{log: "edge", id: "edge-0", class: "edge", admin: o.edgeHTTP})
		},
	}
	for _, p := range top.Pods {
		steps = append(steps, func() error { return startPod(o, top, p, g) })
	}
	for _, p := range top.Proxies {
		steps = append(steps, func() error {
			return startEnvoy(ctx, o, g, envoy{log: p.Name + "-envoy", id: p.Name, class: p.Class, admin: p.Admin(), podIP: p.IP, node: p.Node})
		})
	}
	steps = append(steps, func() error { return awaitReady(ctx, o, top, s) })
	for _, step := range steps {
		if err := step(); err != nil {
			if c := context.Cause(parent); c != nil { // a process died, or Ctrl-C
				return c
			}
			return fmt.Errorf("%w\n%s", err, g.tails())
		}
	}
	return nil
}

func startKibble(ctx context.Context, o options, g *group, s *screen) error {
	err := g.start("kibble", nil, o.kibble, "serve", "-f", o.dir, "--xds-address", o.xds, "--admin-address", o.admin,
		"--insecure-plaintext")
	if err != nil {
		return err
	}
	if err := untilOK(ctx, "http://"+o.admin+"/readyz"); err != nil {
		return fmt.Errorf("kibble is not ready: %w", err)
	}
	s.done("kibble", "serves "+o.dir+" on "+o.xds+", its health on "+o.admin)
	return nil
}

// startPod starts a pod's program.
func startPod(o options, top *helloworld.Topology, p helloworld.Pod, g *group) error {
	env := []string{"POD_IP=" + p.IP, "http_proxy=" + top.ProxyFor(p)}
	return g.start(p.Name, env, o.app, slices.Concat([]string{"-addr", p.Address()}, helloworld.AppFlags(p.Service))...)
}

// envoy is what one Envoy differs by; podIP is empty at the edge, node is set
// for one that serves a node.
type envoy struct{ log, id, class, admin, podIP, node string }

// startEnvoy starts an Envoy with the bootstrap that `kibble bootstrap` prints.
func startEnvoy(ctx context.Context, o options, g *group, e envoy) error {
	args := []string{
		"bootstrap", "--proxy-class", e.class, "--node-id", e.id, "--namespace", "default",
		"--xds-address", o.xds, "--admin-address", e.admin,
	}
	if e.podIP != "" {
		args = append(args, "--pod-ip", e.podIP)
	}
	if e.node != "" {
		args = append(args, "--node-name", e.node)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, o.kibble, args...)
	cmd.Stderr = &stderr
	yaml, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("kibble %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	file := g.file(e.log + ".yaml")
	if err := os.WriteFile(file, yaml, 0o600); err != nil {
		return fmt.Errorf("write the bootstrap of %s: %w", e.id, err)
	}
	return g.start(e.log, nil, o.envoy, "-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
}

// awaitReady returns when every program listens and every Envoy has its configuration.
func awaitReady(ctx context.Context, o options, top *helloworld.Topology, s *screen) error {
	for _, p := range top.Pods {
		if err := untilListens(ctx, p.Address()); err != nil {
			return fmt.Errorf("%s does not listen: %w", p.Name, err)
		}
		s.done(p.Service, fmt.Sprintf("on %s, calls others by the Envoy on %s", p.Address(), top.ProxyFor(p)))
	}
	for _, p := range top.Proxies {
		if err := untilOK(ctx, "http://"+p.Admin()+"/ready"); err != nil {
			return fmt.Errorf("the Envoy %s is not ready: %w", p.Name, err)
		}
	}
	s.done("proxies", fmt.Sprintf("%d Envoys (%s) on ports %d (out) and %d (in)", len(top.Proxies), top.Proxies[0].Class, top.Outgoing, top.Incoming))
	if err := untilOK(ctx, "http://"+o.edgeHTTP+"/ready"); err != nil {
		return fmt.Errorf("the Envoy at the edge is not ready: %w", err)
	}
	s.done("edge", fmt.Sprintf("an Envoy on port %d", top.Ingress))
	return nil
}

// untilOK asks again and again until the answer is 200, or ctx ends.
func untilOK(ctx context.Context, url string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return until(ctx, func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s: %s", url, response.Status, strings.TrimSpace(string(body)))
		}
		return err
	})
}

func untilListens(ctx context.Context, address string) error {
	var d net.Dialer
	return until(ctx, func() error {
		c, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// until tries until the condition holds; when ctx ends first, it gives the
// reason together with the last thing that was in the way.
func until(ctx context.Context, condition func() error) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	var last error
	for {
		err := condition()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), last)
		}
	}
}
