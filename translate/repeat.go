package translate

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"google.golang.org/protobuf/proto"
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

// sentAgain gives a route, and where it leads to a stand-in one before it for requests
// that may be sent twice: those go to the stand-in also when the connection breaks, such
// as with a pod that dies. A choice by a formatter within one route would take Envoy four
// times as long for each request.
func sentAgain(route *routev3.Route, a answer) []*routev3.Route {
	if route.GetRoute() == nil || !a.hasStandIn() {
		return []*routev3.Route{route}
	}
	again := proto.CloneOf(route)
	again.Match.Headers = append(again.Match.Headers, regexHeader(":method", strings.Join(safeMethods(), "|")))
	again.RequestHeadersToAdd = append(again.RequestHeadersToAdd, setHeader(HeaderRetryOn, RetryReset))
	return []*routev3.Route{again, route}
}

// hasStandIn tells that somebody else answers where whom an answer names cannot.
func (a answer) hasStandIn() bool {
	return slices.ContainsFunc(a.branches, func(b branch) bool { return b.standIn > 0 })
}
