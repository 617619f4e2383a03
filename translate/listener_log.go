package translate

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	celfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/filters/cel/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"kibble.dev/api/v1alpha1"
)

// accessLog counts requests, and writes a line of JSON to standard output for
// those that the router logs.
func accessLog(r listenerSpec) []*accesslogv3.AccessLog {
	all := counters(r)
	if r.AccessLog == v1alpha1.AccessLogNone {
		return all
	}
	return append(all, requestLine(r))
}

// loggedFields say who asked for what, which environments were active, where it
// went and why.
func loggedFields(r listenerSpec) map[string]string {
	return map[string]string{
		"time":       "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
		"router":     escapeFormat(r.Router),
		"client":     "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
		"protocol":   "%PROTOCOL%",
		"method":     "%REQ(:METHOD)%",
		"host":       "%REQ(:AUTHORITY)%",
		"path":       "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
		"status":     "%RESPONSE_CODE%",
		"flags":      "%RESPONSE_FLAGS%",
		"details":    "%RESPONSE_CODE_DETAILS%",
		"millis":     "%DURATION%",
		"bytes_in":   "%BYTES_RECEIVED%",
		"bytes_out":  "%BYTES_SENT%",
		"request_id": "%REQ(X-REQUEST-ID)%",
		"dogfood":    r.contextFormat(),
		"env":        routeSays("policies"),
		"fallback":   "%RESP(" + HeaderFallback + ")%",
		"source":     routeSays("source"),
		"override":   "%REQ(" + HeaderCtxDtab + ")%",
		"route":      "%ROUTE_NAME%",
		"cluster":    "%UPSTREAM_CLUSTER%",
		"member":     endpointSays(saysDst),
		"upstream":   "%UPSTREAM_HOST%",
		"attempts":   "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
	}
}

// requestLine is a line of these.
func requestLine(r listenerSpec) *accesslogv3.AccessLog {
	return &accesslogv3.AccessLog{
		Name:   "envoy.access_loggers.stdout",
		Filter: loggedRequests(r),
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: mustAny(&streamv3.StdoutAccessLog{
			AccessLogFormat: &streamv3.StdoutAccessLog_LogFormat{LogFormat: jsonFormat(loggedFields(r))},
		})},
	}
}

// loggedRequests says which requests get a line; nil: all do.
func loggedRequests(r listenerSpec) *accesslogv3.AccessLogFilter {
	environments := logBoth(logContext(r), logFallback(r))
	switch r.AccessLog {
	case v1alpha1.AccessLogAll:
		return nil
	case v1alpha1.AccessLogEnvironments:
		environments = logContext(r)
	}
	return logAny(
		logFailed(),
		logFlagged(),
		logHeader(presentHeader(HeaderCtxDtab)), logHeader(presentHeader(HeaderDtab)),
		environments,
	)
}

func logAny(each ...*accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_OrFilter{
		OrFilter: &accesslogv3.OrFilter{Filters: each},
	}}
}

func logBoth(each ...*accesslogv3.AccessLogFilter) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_AndFilter{
		AndFilter: &accesslogv3.AndFilter{Filters: each},
	}}
}

// logContext is for requests that have a context (contextFormat).
func logContext(r listenerSpec) *accesslogv3.AccessLogFilter {
	header := logHeader(filledHeader(headerDogfood))
	if !r.NoteContext {
		return header
	}
	noted := &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_MetadataFilter{
		MetadataFilter: &accesslogv3.MetadataFilter{
			Matcher: &matcherv3.MetadataMatcher{
				Filter: metadataKey,
				Path:   []*matcherv3.MetadataMatcher_PathSegment{{Segment: &matcherv3.MetadataMatcher_PathSegment_Key{Key: contextKey}}},
				Value:  &matcherv3.ValueMatcher{MatchPattern: &matcherv3.ValueMatcher_PresentMatch{PresentMatch: true}},
			},
			MatchIfKeyNotFound: wrapperspb.Bool(false), // Envoy's default is true
		},
	}}
	return logAny(header, noted)
}

// logFallback is for requests of which the baseline has answered for an environment.
// Where requests may leave, HeaderBaseline may be gone by now.
func logFallback(r listenerSpec) *accesslogv3.AccessLogFilter {
	if r.NoteContext {
		return logExpression("'" + HeaderFallback + "' in response.headers")
	}
	return logHeader(presentHeader(HeaderBaseline))
}

// logExpression is for requests of which an expression in CEL is true. It costs
// a multiple of the other filters.
func logExpression(expr string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ExtensionFilter{
		ExtensionFilter: &accesslogv3.ExtensionFilter{
			Name:       "envoy.access_loggers.extension_filters.cel",
			ConfigType: &accesslogv3.ExtensionFilter_TypedConfig{TypedConfig: mustAny(&celfilterv3.ExpressionFilter{Expression: expr})},
		},
	}}
}

func logHeader(header *routev3.HeaderMatcher) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_HeaderFilter{
		HeaderFilter: &accesslogv3.HeaderFilter{Header: header},
	}}
}

// logFlagged is for requests for which Envoy has one of these response flags; none: any.
func logFlagged(flags ...string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ResponseFlagFilter{
		ResponseFlagFilter: &accesslogv3.ResponseFlagFilter{Flags: flags},
	}}
}

// logFailed is for answers of 500 and more.
func logFailed() *accesslogv3.AccessLogFilter {
	return logStatus(accesslogv3.ComparisonFilter_GE, 500, "kibble.access_log.status")
}

// logStatus compares the status of the answer. The runtime key is required by
// Envoy, and set by nobody.
func logStatus(op accesslogv3.ComparisonFilter_Op, status uint32, key string) *accesslogv3.AccessLogFilter {
	return &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_StatusCodeFilter{
		StatusCodeFilter: &accesslogv3.StatusCodeFilter{Comparison: &accesslogv3.ComparisonFilter{
			Op: op, Value: &corev3.RuntimeUInt32{DefaultValue: status, RuntimeKey: key},
		}},
	}}
}

// routeSays is what the metadata of the route says under our namespace.
func routeSays(key string) string { return "%METADATA(ROUTE:" + metadataKey + ":" + key + ")%" }
