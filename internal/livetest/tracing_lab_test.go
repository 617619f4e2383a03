package livetest

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"

	collectorv1 "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/slim/otlp/common/v1"

	"kibble.dev/internal/envoytest"
)

// span is what a collector was told of one request.
type span struct {
	id, parent, trace, kind string
	start                   uint64
	// attributes, and with "resource." in front those of the resource.
	attributes map[string]string
}

// is gives an attribute.
func (s span) is(name string) string { return s.attributes[name] }

// collector takes spans by OTLP over gRPC.
type collector struct {
	mu    sync.Mutex
	spans []span
}

// newCollector serves one.
func newCollector(t testing.TB) (*collector, pod) {
	t.Helper()
	c := &collector{}
	return c, serveCollector(t, func(_ context.Context, told *collectorv1.ExportTraceServiceRequest) error {
		c.take(told)
		return nil
	})
}

// serveCollector has each call answered when export has ended.
func serveCollector(t testing.TB, export func(context.Context, *collectorv1.ExportTraceServiceRequest) error) pod {
	t.Helper()
	l := envoytest.Listen(t)
	s := grpc.NewServer()
	// The messages come without the stubs, which need far more than gRPC.
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "opentelemetry.proto.collector.trace.v1.TraceService",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "Export",
			Handler: func(_ any, call context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				told := &collectorv1.ExportTraceServiceRequest{}
				if err := read(told); err != nil {
					return nil, err
				}
				return &collectorv1.ExportTraceServiceResponse{}, export(call, told)
			},
		}},
	}, nil)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	return pod{address: l.Addr().String()}
}

func (c *collector) take(told *collectorv1.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range told.GetResourceSpans() {
		resource := texts("resource.", r.GetResource().GetAttributes())
		for _, scope := range r.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				attributes := texts("", s.GetAttributes())
				maps.Copy(attributes, resource)
				c.spans = append(c.spans, span{
					id: hex.EncodeToString(s.GetSpanId()), parent: hex.EncodeToString(s.GetParentSpanId()),
					trace: hex.EncodeToString(s.GetTraceId()), kind: strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_"), attributes: attributes, start: s.GetStartTimeUnixNano(),
				})
			}
		}
	}
}

func texts(prefix string, attributes []*commonv1.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		all[prefix+a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}

// all gives the spans so far.
func (c *collector) all() []span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// of gives those of one request, the first router's first.
func (c *collector) of(request string) []span {
	some := slices.DeleteFunc(c.all(), func(s span) bool { return s.is("guid:x-request-id") != request })
	slices.SortFunc(some, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	return some
}
