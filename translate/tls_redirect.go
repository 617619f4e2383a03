package translate

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"kibble.dev/dtab"
)

const (
	// headerProto is how Envoy says what a request came by.
	headerProto = "x-forwarded-proto"
	schemeHTTP  = "http"
	schemeHTTPS = "https"
	// acmePath is where an authority looks for a proof by plain HTTP, also of hosts
	// whose certificate has expired (RFC 8555, section 8.3).
	acmePath = "/.well-known/acme-challenge/"
)

// hosts gives those that have a certificate of their own.
func (p *tlsPlan) hosts() []hostPath {
	var all []hostPath
	for _, c := range p.chains {
		for _, host := range c.hosts {
			all = append(all, hostPath{host: host, deep: true, kind: IngressPrefix, path: "/"})
		}
	}
	slices.SortStableFunc(all, hostPath.compare)
	return all
}

// redirected gives the hosts whose requests by plain HTTP are sent to HTTPS.
func (r *router) redirected() []hostPath {
	if r.tls == nil {
		return nil
	}
	return r.tls.redirected
}

// redirectFor says where a request is sent that should have come by HTTPS; "" if
// it goes on.
func (r *router) redirectFor(req Request) string {
	scheme := schemeHTTP
	if req.Secure {
		scheme = schemeHTTPS
	}
	if lines := req.Header[headerProto]; len(lines) > 0 && r.spec.XFFNumTrustedHops > 0 {
		scheme = lines[0]
	}
	host, err := hostName(req.Host, false)
	if err != nil || scheme != schemeHTTP || strings.HasPrefix(req.Path, acmePath) ||
		!slices.ContainsFunc(r.redirected(), func(h hostPath) bool { return h.matches(host, req.Path) }) {
		return ""
	}
	authority := strings.ToLower(req.Host)
	if port := r.spec.TLS.RedirectPort; port != 0 {
		authority = fmt.Sprintf("%s:%d", host, port)
	} else {
		authority = strings.TrimSuffix(authority, ":80")
	}
	return fmt.Sprintf("HTTP is sent to https://%s%s (%s)", authority, req.Path, r.redirectSource())
}

func (r *router) redirectSource() dtab.Pos { return r.origin.Field("spec.tls.redirectHTTP").At(1, 1) }

// redirectRoutes gives the routes of a domain that send plain HTTP to HTTPS.
// Hosts with a domain of their own need none in a wider one.
func (b *builder) redirectRoutes(d *domain) []*routev3.Route {
	var routes []*routev3.Route
	for _, h := range b.router.redirected() {
		if !h.reaches(d.name) && (!h.within(d.name) || b.there(h.host)) {
			continue
		}
		to := &routev3.RedirectAction{
			SchemeRewriteSpecifier: &routev3.RedirectAction_HttpsRedirect{HttpsRedirect: true},
			PortRedirect:           uint32(b.router.spec.TLS.RedirectPort),
			ResponseCode:           routev3.RedirectAction_PERMANENT_REDIRECT,
		}
		route := &routev3.Route{
			Name: b.router.key.Name + "/https", Match: h.match(d.name), Action: &routev3.Route_Redirect{Redirect: to},
			Metadata: metadata(map[string]string{"router": b.router.key.String(), "source": b.router.redirectSource().String()}),
		}
		route.Match.Headers = append(route.Match.Headers, exactHeader(headerProto, schemeHTTP), notACME())
		routes = append(routes, route)
	}
	return routes
}

// notACME leaves out what authorities ask for.
func notACME() *routev3.HeaderMatcher {
	h := stringHeader(":path", &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: acmePath}})
	h.InvertMatch = true
	return h
}
