package translate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// response is an answer of a router's own.
type response struct {
	hostPath
	v1alpha1.Response
	source dtab.Pos
}

// newResponses reads a router's own answers, the most specific first, and the one
// for requests that are not routed, nil if there is none.
func newResponses(spec v1alpha1.RouterSpec, origin Origin) (all []*response, unrouted *response) {
	for i, r := range spec.Responses {
		own := &response{Response: r, source: origin.Field(field("spec.responses", i)).At(1, 1)}
		own.hostPath = hostPath{host: strings.ToLower(r.Host), deep: true, kind: IngressPrefix, path: cmp.Or(r.PathPrefix, "/")}
		if r.Path != "" {
			own.kind, own.path = IngressExact, r.Path
		}
		switch {
		case !r.Unrouted:
			all = append(all, own)
		case unrouted == nil:
			unrouted = own
		}
	}
	slices.SortStableFunc(all, func(a, b *response) int { return a.hostPath.compare(b.hostPath) })
	return all, unrouted
}

// responseTo gives the router's own answer to a request, nil if it has none.
func (r *router) responseTo(req Request) *response {
	host, err := hostName(req.Host, false)
	if err != nil {
		host = ""
	}
	for _, own := range r.responses {
		if own.hostPath.matches(host, req.Path) {
			return own
		}
	}
	return nil
}

// status is that of the answer.
func (r *response) status() int {
	if r.Redirect != nil {
		return int(cmp.Or(r.Redirect.Status, 302))
	}
	return int(cmp.Or(r.Status, 200))
}

// short is the answer in a table.
func (r *response) short() string {
	if r.Redirect != nil {
		return fmt.Sprintf("(redirect %d)", r.status())
	}
	return fmt.Sprintf("(answer %d)", r.status())
}

// describe says in words what the answer is.
func (r *response) describe() string {
	if r.Redirect == nil {
		return fmt.Sprintf("the router's own answer (%s)", r.source)
	}
	d, to := r.Redirect, ""
	if d.Scheme != "" {
		to = d.Scheme + "://"
	}
	if d.Host != "" || to != "" {
		to += cmp.Or(d.Host, "HOST")
	}
	switch {
	case d.Path != "":
		to += d.Path
	case d.PathPrefix != "":
		to += d.PathPrefix + "/…"
	default:
		to += "/…"
	}
	return fmt.Sprintf("the router's own redirect to %s (%s)", to, r.source)
}

// responseRoutes gives the routes of the router's own answers to requests for a domain.
func (b *builder) responseRoutes(d *domain) []*routev3.Route {
	var routes []*routev3.Route
	for _, own := range b.router.responses {
		if !own.reaches(d.name) && !own.within(d.name) {
			continue
		}
		route := &routev3.Route{Name: b.router.key.Name + "/response", Match: own.match(d.name)}
		own.answer(route)
		route.Metadata = metadata(map[string]string{"router": b.router.key.String(), "source": own.source.String()})
		routes = append(routes, route)
	}
	return routes
}

// answer makes a route give the answer.
func (r *response) answer(route *routev3.Route) {
	for _, name := range sortedKeys(r.Headers) {
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd, setHeader(strings.ToLower(name), escapeFormat(r.Headers[name])))
	}
	if d := r.Redirect; d != nil {
		route.Action = &routev3.Route_Redirect{Redirect: redirect(d)}
		return
	}
	direct := &routev3.DirectResponseAction{Status: uint32(r.status())}
	if r.Body != "" {
		direct.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: r.Body}}
		route.ResponseHeadersToAdd = append(route.ResponseHeadersToAdd,
			setHeader("content-type", escapeFormat(cmp.Or(r.ContentType, "text/plain"))))
	}
	route.Action = &routev3.Route_DirectResponse{DirectResponse: direct}
}

func redirect(d *v1alpha1.Redirect) *routev3.RedirectAction {
	to := &routev3.RedirectAction{HostRedirect: d.Host, StripQuery: d.StripQuery}
	if d.Scheme != "" {
		to.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: d.Scheme}
	}
	switch {
	case d.Path != "":
		to.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: d.Path}
	case d.PathPrefix != "":
		to.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: d.PathPrefix}
	}
	switch d.Status {
	case 301:
		to.ResponseCode = routev3.RedirectAction_MOVED_PERMANENTLY
	case 303:
		to.ResponseCode = routev3.RedirectAction_SEE_OTHER
	case 307:
		to.ResponseCode = routev3.RedirectAction_TEMPORARY_REDIRECT
	case 308:
		to.ResponseCode = routev3.RedirectAction_PERMANENT_REDIRECT
	default:
		to.ResponseCode = routev3.RedirectAction_FOUND
	}
	return to
}
