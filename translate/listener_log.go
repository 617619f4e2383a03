package translate

import (
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	streamv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/access_loggers/stream/v3"
)

// accessLog writes a line of JSON to standard output for each request: who
// asked for what, which environments were active, where it went and why.
func accessLog(r listenerSpec) []*accesslogv3.AccessLog {
	fields := map[string]string{
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
		"dogfood":    contextNoted,
		"env":        routeSays("policies"),
		"fallback":   "%RESP(" + HeaderFallback + ")%",
		"source":     routeSays("source"),
		"override":   "%REQ(" + HeaderCtxDtab + ")%",
		"route":      "%ROUTE_NAME%",
		"cluster":    "%UPSTREAM_CLUSTER%",
		"member":     "%UPSTREAM_METADATA(" + metadataKey + ":dst)%",
		"upstream":   "%UPSTREAM_HOST%",
		"attempts":   "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
	}
	return []*accesslogv3.AccessLog{requestCounter(r), {
		Name: "envoy.access_loggers.stdout",
		ConfigType: &accesslogv3.AccessLog_TypedConfig{TypedConfig: mustAny(&streamv3.StdoutAccessLog{
			AccessLogFormat: &streamv3.StdoutAccessLog_LogFormat{LogFormat: jsonFormat(fields)},
		})},
	}}
}

// routeSays is what the metadata of the route says under our namespace.
func routeSays(key string) string { return "%METADATA(ROUTE:" + metadataKey + ":" + key + ")%" }
