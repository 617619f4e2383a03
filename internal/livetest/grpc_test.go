package livetest

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
)

// calls are routers of gRPC: the name is that of the service that is called.
const calls = `
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: front}
spec: {proxyClass: edge, port: {front}, bind: loopback, trust: untrusted, identifier: {kind: io.l5d.header.path}, dtabRef: {name: calls}}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: inside}
spec: {proxyClass: edge, port: {inside}, bind: loopback, trust: internal, identifier: {kind: io.l5d.header.path}, dtabRef: {name: calls}}
---
apiVersion: kibble.dev/v1alpha1
kind: Dtab
metadata: {name: calls}
spec:
  dtab: |
    /srv                       => /#/io.l5d.k8s/default/http ;
    /host/world                => /srv/world-v1 ;
    /svc/grpc.health.v1.Health => /host/world ;
---
`

// callee is a pod that says of itself that it has a status.
func callee(t testing.TB, is healthpb.HealthCheckResponse_ServingStatus) pod {
	t.Helper()
	l := envoytest.Listen(t)
	s, h := grpc.NewServer(), health.NewServer()
	h.SetServingStatus("", is)
	healthpb.RegisterHealthServer(s, h)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	return pod{address: l.Addr().String()}
}

// call asks for that status, and gives it with the environments for which the
// baseline has answered, or the error.
func (x *live) call(t testing.TB, router string, headers ...string) string {
	t.Helper()
	to, err := grpc.NewClient("passthrough:///"+x.address(router), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("calls"), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	ctx := t.Context()
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		ctx = metadata.AppendToOutgoingContext(ctx, name, value)
	}
	var header metadata.MD
	answer, err := healthpb.NewHealthClient(to).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&header))
	if err != nil {
		return status.Code(err).String() + ": " + strings.Join(strings.Fields(status.Convert(err).Message()), " ")
	}
	return strings.TrimSpace(answer.GetStatus().String() + " " + strings.Join(header.Get(translate.HeaderFallback), ","))
}

// gRPC is routed by the service that is called, follows the policies, and is told
// what is wrong in its own way.
func TestCalls(t *testing.T) {
	v1, v2 := callee(t, healthpb.HealthCheckResponse_SERVING), callee(t, healthpb.HealthCheckResponse_NOT_SERVING)
	crashes := pod{address: upstream(t, func(http.ResponseWriter) { panic(http.ErrAbortHandler) })}
	x := start(t, calls+policy("world-v2", "baseline", "/host/world => /srv/world-v2"), map[string][]pod{"world-v1": {v1}, "world-v2": {v2}})
	const cookie, context = "cookie: env=world-v2", "l5d-ctx-dogfood: world-v2"
	check := func(want, router string, headers ...string) {
		t.Helper()
		var got string
		until(t, want, func() bool { got = x.call(t, router, headers...); return got == want || t.Failed() })
	}
	check("SERVING", "front")
	check("NOT_SERVING", "front", cookie)
	check("SERVING", "front", context)
	check("NOT_SERVING", "inside", context)

	x.set(t, "world-v2", []pod{refusing(t), refusing(t)})
	check("SERVING world-v2", "front", cookie)
	x.set(t, "world-v1", []pod{refusing(t)})
	x.set(t, "world-v2", []pod{refusing(t)})
	check("Unavailable: Unable to route request! environment: world-v2", "front", cookie)
	check("Unavailable: Unable to route request!", "front")
	x.set(t, "world-v1", []pod{crashes})
	check("Unavailable: The service ended the connection before it had answered. host: calls router: default/inside"+
		" destination: /#/io.l5d.k8s/default/http/world-v1", "inside")
	x.set(t, "world-v2", nil)
	x.set(t, "world-v1", nil)
	check("Unavailable: Unable to route request! host: calls router: default/front", "front")
	check("Unavailable: Unable to route request! host: calls router: default/inside service name: /svc/grpc.health.v1.Health"+
		" reason: no rule leads to a service that exists explain: kibble explain --router inside --path PATH calls", "inside")
}
