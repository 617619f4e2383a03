package xds_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// full is a control plane that has no room for the Envoy until leave: until then it
// takes its questions only.
type full struct {
	server *xds.Server
	leave  func()
}

// serveFull serves nothing yet; waits is called when a question waits.
func serveFull(t *testing.T, model func() *translate.Model, listener net.Listener, waits func()) *full {
	t.Helper()
	f := &full{}
	resolver := &xds.Resolver{
		Model: model,
		Ensure: func(ctx context.Context, w xds.Wish) error {
			waits()
			return f.server.Ensure(ctx, w)
		},
		Connected: func(class, node string) bool { return f.server.Connected(class, node) },
	}
	f.server = xds.New(xds.Options{MaxStreams: 1, Register: func(g grpc.ServiceRegistrar) { authv3.RegisterAuthorizationServer(g, resolver) }})
	t.Cleanup(serveOn(t, f.server, listener))
	p := dial(t, listener.Addr().String(), "delta", node("other", "edge"))
	p.ask(cds)
	until(t, "it is full", func() bool { return len(f.server.Proxies()) == 1 })
	f.leave = sync.OnceFunc(p.close)
	return f
}

// A proxy that has lost its control plane comes back to another one than that at which
// its request waits: the request goes on to there.
func TestEnvoyComesBackElsewhere(t *testing.T) {
	listeners := []net.Listener{envoytest.Listen(t), envoytest.Listen(t)}
	var at [2]*full
	var l *ruleLab
	for i, listener := range listeners {
		at[i] = serveFull(t, func() *translate.Model { return l.model.Load() }, listener, func() { at[1-i].leave() })
	}
	l = newRuleLabWith(t, rulePolicies, func(address string) *envoytest.Envoy {
		all := []string{address, listeners[0].Addr().String(), listeners[1].Addr().String()}
		b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: strings.Join(all, ",")})
		if err != nil {
			t.Fatal(err)
		}
		// With few pauses it comes to where there is room in a moment.
		return envoytest.Run(t, bytes.Replace(b, []byte("base_interval: 0.5s, max_interval: 2s"), []byte("base_interval: 0.01s, max_interval: 0.01s"), 1))
	})
	hidden := service(t, "hidden", told(t, "hidden"))
	hidden.Key.Namespace = "pr-1"
	l.inventory.Services[hidden.Key] = hidden
	for _, r := range l.inventory.Routers {
		r.Object.Spec.Dtab += "/out/hidden => /#/io.l5d.k8s/pr-1/http/hidden"
	}
	l.publish(t, l.inventory)
	for _, f := range at {
		f.server.Publish(l.snapshot)
	}
	l.stop()
	resp, body := l.raw(t, "out", "world", "l5d-dtab: /host/world => /out/hidden")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, `"hidden"`) {
		t.Errorf("%s %s", resp.Status, body)
	}
}
