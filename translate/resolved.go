package translate

import routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

// adHocRoutes lead requests that carry a rule of their own through the
// resolver: it names the cluster, and the request is matched again. At an
// untrusted router such a request has been granted it.
func (b *builder) adHocRoutes() []*routev3.Route {
	if b.router.spec.AdHocOverrides == nil {
		return nil
	}
	routes := []*routev3.Route{b.resolvedRoute()}
	for _, header := range []string{HeaderDtab, HeaderCtxDtab} {
		ask := &routev3.Route{Name: b.router.key.Name + "/resolve", Match: anyPath()}
		ask.Match.Headers = []*routev3.HeaderMatcher{presentHeader(header)}
		b.refuse(ask, 503, "the override was not resolved\n")
		routes = append(routes, ask)
	}
	return routes
}

// resolvedRoute leads requests to the cluster that a header names: nobody but
// the control plane can have written it.
func (b *builder) resolvedRoute() *routev3.Route {
	resolved := &routev3.Route{Name: b.router.key.Name + "/override", Match: anyPath()}
	resolved.Match.Headers = []*routev3.HeaderMatcher{presentHeader(HeaderCluster)}
	resolved.RequestHeadersToRemove = []string{HeaderCluster, HeaderNode}
	resolved.ResponseHeadersToRemove = notFromBehind()
	action := b.action()
	action.ClusterSpecifier = &routev3.RouteAction_ClusterHeader{ClusterHeader: HeaderCluster}
	resolved.Action = &routev3.Route_Route{Route: action}
	return resolved
}
