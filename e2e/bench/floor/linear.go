package main

import (
	"context"
	"log"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
)

// linear serves by a LinearCache for each type.
type linear struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	caches map[string]*cache.LinearCache
	server delta.Server
}

func newLinear(ctx context.Context) *linear {
	l := &linear{caches: map[string]*cache.LinearCache{}}
	mux := &cache.MuxCache{
		Classify:      func(r *cache.Request) string { return r.GetTypeUrl() },
		ClassifyDelta: func(r *cache.DeltaRequest) string { return r.GetTypeUrl() },
		Caches:        map[string]cache.Cache{},
	}
	for _, typ := range []string{resourcev3.ClusterType, resourcev3.EndpointType, resourcev3.ListenerType, resourcev3.RouteType} {
		l.caches[typ] = cache.NewLinearCache(typ)
		mux.Caches[typ] = l.caches[typ]
	}
	l.server = delta.NewServer(ctx, mux, nil)
	return l
}

// DeltaAggregatedResources serves one client.
func (l *linear) DeltaAggregatedResources(g discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return l.server.DeltaStreamHandler(g, resourcev3.AnyType)
}

func (l *linear) set(changed []resource) {
	byType := map[string]map[string]types.Resource{}
	for _, r := range changed {
		if byType[r.typ] == nil {
			byType[r.typ] = map[string]types.Resource{}
		}
		byType[r.typ][r.name] = r.body
	}
	for typ, all := range byType {
		if err := l.caches[typ].UpdateResources(all, nil); err != nil {
			log.Printf("%s: %v", typ, err)
		}
	}
}
