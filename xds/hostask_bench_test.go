package xds_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"kibble.dev/translate"
)

// BenchmarkAskAboutHosts is what a request for a host that its proxy does not know
// costs the control plane, of 10,000 services: to find out, and with the way to it
// and back. Hosts that nobody knows cost what others do, and leave nothing behind:
// that they are not known is found by as many look-ups as their names have labels.
func BenchmarkAskAboutHosts(b *testing.B) {
	const services = 10_000
	l := newDemandLab(b)
	for i := range services {
		name := fmt.Sprintf("s%d", i)
		l.services[translate.Key{Namespace: "default", Name: name}] = service(b, name, "127.0.0.1:1")
	}
	l.start()
	c, err := grpc.NewClient(l.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	client := authv3.NewAuthorizationClient(c)
	ctx := metadata.AppendToOutgoingContext(context.Background(),
		translate.HeaderRouter, "default/out", translate.HeaderClass, "sidecar", translate.HeaderAsks, translate.AsksHost)
	for _, name := range []string{"s%d", "nobody-%d", "nobody.%d.of.many.labels.example.com"} {
		var n atomic.Int64
		host := func() string { return fmt.Sprintf(name, n.Add(1)%services) }
		b.Run(name+"/find", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := l.server.Ask("sidecar", "default/out", translate.Request{Host: host()}); !ok {
					b.Fatal("there is no such router")
				}
			}
		})
		b.Run(name+"/call", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := client.Check(ctx, checkOf(host())); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// checkOf is what a proxy asks about a host.
func checkOf(host string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
		Http: &authv3.AttributeContext_HttpRequest{Host: host, Method: "GET", Path: "/"},
	}}}
}
