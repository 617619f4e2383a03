// Command floor is what Kibble is compared with: the least that a control plane
// of this job could do. It follows the same objects of the same Kubernetes API
// by the same kind of informer, and makes of each Service a cluster, its
// endpoints and a virtual host. It knows nothing of dtabs but one dentry for
// each host, keeps no order, and believes every acknowledgement.
//
// There are two. --serve=raw encodes each change once and hands the bytes to
// every stream: what grpc-go can do. --serve=linear is go-control-plane's
// LinearCache behind its MuxCache: what one gets without own code.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os/signal"
	"syscall"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
)

const maxMessage = 64 << 20

// sink serves resources. set is called by one goroutine at a time.
type sink interface {
	// set says what there is of each type and name now. What is absent stays.
	set(changed []resource)
	discoveryv3.AggregatedDiscoveryServiceServer
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "the cluster to follow")
	address := flag.String("address", "127.0.0.1:18000", "host:port to serve")
	serve := flag.String("serve", "raw", "raw or linear")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, *kubeconfig, *address, *serve)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, address, serve string) error {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(1000)}
	var to sink
	switch serve {
	case "raw":
		to, options = newRaw(), append(options, grpc.ForceServerCodecV2(frames{}))
	case "linear":
		to = newLinear(ctx)
	default:
		return fmt.Errorf("--serve is %q: want raw or linear", serve)
	}
	if err := follow(ctx, kubeconfig, to); err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	g := grpc.NewServer(options...)
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, to)
	go func() {
		<-ctx.Done()
		g.Stop()
	}()
	return g.Serve(l)
}
