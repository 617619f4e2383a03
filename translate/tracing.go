package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tracev3 "github.com/envoyproxy/go-control-plane/envoy/config/trace/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	uuidv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/request_id/uuid/v3"
	detectorsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/tracers/opentelemetry/resource_detectors/v3"
	samplersv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/tracers/opentelemetry/samplers/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	tagsv3 "github.com/envoyproxy/go-control-plane/envoy/type/tracing/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dogfood"
	"kibble.dev/dtab"
)

// tracing says where the spans of a listener go, and of how many requests there is
// one. Whether the collector is there is for its cluster's endpoints to say: a
// listener that changed would end its connections.
type tracing struct {
	cluster    string
	millionths uint32
}

// tracing gives that of a router, nil if it has none.
func (r *router) tracing() *tracing {
	if r.spec.Tracing == nil {
		return nil
	}
	return &tracing{
		cluster:    r.collector().name,
		millionths: dogfood.Millionths(cmp.Or(r.spec.Tracing.Percent, v1alpha1.DefaultTracingPercent)),
	}
}

// traces tells that some router does: then its proxies believe what traceparent says,
// and nobody outside may say it.
func (m *Model) traces() bool {
	return slices.ContainsFunc(m.routers, func(r *router) bool { return r.spec.Tracing != nil })
}

// collectorID is a name of the Service to which a router's spans go, whatever namers it has.
func (r *router) collectorID() dtab.Path {
	c := r.spec.Tracing.Collector
	return dtab.Path{cmp.Or(c.Namespace, r.key.Namespace), c.Port, c.Service}
}

// collector is the cluster of it, nil without one. Requests that a table leads there
// have another cluster, by whatever protocol they come.
func (r *router) collector() *need {
	if r.spec.Tracing == nil {
		return nil
	}
	namer := &namerSpec{config: v1alpha1.Namer{Kind: dtab.KindK8s}, prefix: dtab.Path{dtab.KindK8s}}
	t := target{id: dtab.Path{"#", dtab.KindK8s}.Join(r.collectorID()...), namer: namer}
	t.cluster = t.id.String()
	n := need{name: t.cluster, kind: needTarget, target: t, http2: true}.as(roleCollector)
	return &n
}

// missingCollector says that the Service, or its port, is not there. Requests are
// served all the same.
func missingCollector(inv *Inventory, r *router) []dtab.Finding {
	if r.spec.Tracing == nil {
		return nil
	}
	id := r.collectorID()
	service := inv.Services[keyOf(id)]
	f := dtab.Finding{
		Code: codeRef, Severity: dtab.Warning, Pos: r.origin.Field("spec.tracing.collector.service").At(1, 1),
		Message: fmt.Sprintf("there is no Service %s for traces to go to", keyOf(id)),
		Hint:    "requests are served, and their spans lost, until it is there",
	}
	if service != nil && service.Exists {
		if _, ok := service.at(id[1]); ok {
			return nil
		}
		f.Pos = r.origin.Field("spec.tracing.collector.port").At(1, 1)
		f.Message = fmt.Sprintf("the Service %s, for traces to go to, has no port %s", keyOf(id), id[1])
		f.Hint = "requests are served, and their spans lost, until it has; the port that takes OTLP over gRPC is mostly 4317"
	}
	return []dtab.Finding{f}
}

// traceHeaders are those by which a request says that it is part of a trace, in the
// form of W3C, B3, Jaeger and Envoy. What begins with x-b3- is of B3 too.
func traceHeaders() []string {
	return []string{"traceparent", "tracestate", "b3", "uber-trace-id", "x-client-trace-id", "x-envoy-force-trace"}
}

const traceHeaderPrefix = "x-b3-"

func saysTrace(header string) bool {
	return slices.Contains(traceHeaders(), header) || strings.HasPrefix(header, traceHeaderPrefix)
}

// collectorCluster is the cluster of a collector: what a few exports do not get rid
// of is dropped, and none is sent again.
func collectorCluster(name string) *clusterv3.Cluster {
	c := memberByEDS(name)
	c.CircuitBreakers.Thresholds[0].MaxRequests = wrapperspb.UInt32(exportsMost)
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{httpOptions: mustAny(&httpv3.HttpProtocolOptions{
		CommonHttpProtocolOptions: &corev3.HttpProtocolOptions{MaxStreamDuration: durationpb.New(exportMost)},
		UpstreamProtocolOptions:   spoken(true),
	})}
	return c
}

// exportMost is how long a proxy waits for the collector to take spans, and
// exportsMost how many times at once. Spans for which there is no room are dropped.
const (
	exportMost  = 5 * time.Second
	exportsMost = 64
)

// tellTraces has a listener tell of requests. The tracer's sampler decides of which, unless
// their caller has: what Envoy itself could decide hangs on x-request-id, which it
// would write its decision into, and whoever makes his own ids could not be sampled.
func tellTraces(hcm *hcmv3.HttpConnectionManager, r listenerSpec) {
	if r.Tracing == nil {
		return
	}
	no := wrapperspb.Bool(false)
	hcm.RequestIdExtension = &hcmv3.RequestIDExtension{TypedConfig: mustAny(&uuidv3.UuidRequestIdConfig{
		PackTraceReason: no, UseRequestIdForTraceSampling: no,
	})}
	share := extension("envoy.tracers.opentelemetry.samplers.trace_id_ratio_based", &samplersv3.TraceIdRatioBasedSamplerConfig{
		SamplingPercentage: &typev3.FractionalPercent{Numerator: r.Tracing.millionths, Denominator: typev3.FractionalPercent_MILLION},
	})
	hcm.Tracing = &hcmv3.HttpConnectionManager_Tracing{
		Operation:  escapeFormat(r.Router),
		CustomTags: attributes(r),
		Provider: &tracev3.Tracing_Http{
			Name: "envoy.tracers.opentelemetry",
			ConfigType: &tracev3.Tracing_Http_TypedConfig{TypedConfig: mustAny(&tracev3.OpenTelemetryConfig{
				GrpcService: &corev3.GrpcService{
					TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: r.Tracing.cluster}},
				},
				ServiceName: r.Class, // OTEL_RESOURCE_ATTRIBUTES may say better
				ResourceDetectors: []*corev3.TypedExtensionConfig{
					extension("envoy.tracers.opentelemetry.resource_detectors.environment", &detectorsv3.EnvironmentResourceDetectorConfig{}),
				},
				Sampler: extension("envoy.tracers.opentelemetry.samplers.parent_based", &samplersv3.ParentBasedSamplerConfig{WrappedSampler: share}),
			})},
		},
	}
}

// attributes of a span: what the access log says, by the same formats, so that the
// two agree.
func attributes(r listenerSpec) []*tagsv3.CustomTag {
	names := map[string]string{
		"dogfood": "dogfood.env", "env": "dogfood.policies", "fallback": "dogfood.fallback",
		"router": "kibble.router", "source": "kibble.source", "override": "kibble.override",
		"route": "kibble.route", "member": "kibble.member",
	}
	fields := loggedFields(r)
	var all []*tagsv3.CustomTag
	for _, field := range sortedKeys(names) {
		all = append(all, &tagsv3.CustomTag{Tag: names[field], Type: &tagsv3.CustomTag_Value{Value: fields[field]}})
	}
	return all
}
