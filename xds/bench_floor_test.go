package xds_test

import (
	"net"
	"strconv"
	"sync"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"kibble.dev/translate"
)

// floor is the least that a server can do for a change: it encodes it once, and
// hands the same bytes to every stream. It keeps no order and hears no answer.
type floor struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	mu      sync.Mutex
	streams map[chan []byte]bool
	nonce   int
}

// serveFloor runs a floor until the benchmark ends.
func serveFloor(b *testing.B) (f *floor, address string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	f = &floor{streams: map[chan []byte]bool{}}
	g := grpc.NewServer(grpc.ForceServerCodecV2(frames{}), grpc.MaxRecvMsgSize(16<<20))
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(g, f)
	var done sync.WaitGroup
	done.Go(func() {
		if err := g.Serve(l); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		g.Stop()
		done.Wait()
	})
	return f, l.Addr().String()
}

// publish tells all streams of resources of one type.
func (f *floor) publish(b *testing.B, resources ...*translate.Resource) {
	m := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: resources[0].Body.GetTypeUrl()}
	for _, r := range resources {
		m.Resources = append(m.Resources, &discoveryv3.Resource{Name: r.Name, Version: r.Version, Resource: r.Body})
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.nonce++
	m.Nonce = strconv.Itoa(f.nonce)
	bytes, err := proto.Marshal(m)
	if err != nil {
		b.Fatal(err)
	}
	for out := range f.streams {
		out <- bytes
	}
}

// connected counts the streams.
func (f *floor) connected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.streams)
}

// DeltaAggregatedResources serves one client.
func (f *floor) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	out := make(chan []byte, 16)
	f.mu.Lock()
	f.streams[out] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.streams, out)
		f.mu.Unlock()
	}()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for {
			if _, err := g.Recv(); err != nil {
				return
			}
		}
	}()
	for {
		select {
		case <-gone:
			return nil
		case bytes := <-out:
			if err := g.SendMsg(bytes); err != nil {
				return err
			}
		}
	}
}

// frames is a codec that sends bytes as they are.
type frames struct{}

func (frames) Name() string { return "proto" }

func (frames) Marshal(v any) (mem.BufferSlice, error) {
	if bytes, ok := v.([]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, nil
	}
	return encoding.GetCodecV2("proto").Marshal(v)
}

func (frames) Unmarshal(data mem.BufferSlice, v any) error {
	return encoding.GetCodecV2("proto").Unmarshal(data, v)
}
