package translate

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// HeaderRetryOn adds to what a route's retry policy tries again; Envoy takes it
// out of the request (Envoy docs: router filter, x-envoy-retry-on).
const HeaderRetryOn = "x-envoy-retry-on"

// RetryReset is the value of HeaderRetryOn that has a request sent again when the
// connection breaks before there is an answer.
const RetryReset = "reset"

// safeMethods are those whose requests may be sent twice: others might have been
// worked on already (RFC 9110, 9.2.1).
func safeMethods() []string { return []string{"GET", "HEAD", "OPTIONS"} }

// MayRepeat tells that a request of a method may be sent twice.
func MayRepeat(method string) bool { return slices.Contains(safeMethods(), method) }

// retryHeader lets a request that may be sent twice be sent to a stand-in when
// the connection breaks, such as with a pod that dies.
func retryHeader(branches []branch) []*corev3.HeaderValueOption {
	if !slices.ContainsFunc(branches, func(b branch) bool { return b.standIn > 0 }) {
		return nil
	}
	var is []string // a list in CEL is made anew for each request
	for _, method := range safeMethods() {
		is = append(is, "request.method == "+celString(method))
	}
	expr := strings.Join(is, " || ") + " ? " + celString(RetryReset) + " : ''"
	return []*corev3.HeaderValueOption{setHeader(HeaderRetryOn, "%CEL("+expr+")%")}
}
