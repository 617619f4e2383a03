package translate

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"

	"kibble.dev/dogfood"
)

// policyClusters gives the clusters that the policies' tokens need: one for
// each server that keys are fetched from, sorted by name.
func policyClusters(policies []dogfood.Policy) []*clusterv3.Cluster {
	byName := map[string]*clusterv3.Cluster{}
	for _, j := range newJWTProviders(conditionsOf(policies)) {
		if j.JWKSURL != "" {
			byName[keysClusterName(j.JWKSURL)] = keysCluster(j.JWKSURL)
		}
	}
	var all []*clusterv3.Cluster
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		all = append(all, byName[name])
	}
	return all
}

// keysServer takes apart the URL that keys are fetched from, which was
// validated with its policy.
func keysServer(address string) (host, port string, secure bool) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", false
	}
	port, secure = u.Port(), u.Scheme == "https"
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	return strings.ToLower(u.Hostname()), port, secure
}

func keysClusterName(address string) string {
	host, port, secure := keysServer(address)
	if secure {
		return "kibble/keys/https/" + net.JoinHostPort(host, port)
	}
	return "kibble/keys/http/" + net.JoinHostPort(host, port)
}

// keysCluster leads to the server that keys are fetched from.
func keysCluster(address string) *clusterv3.Cluster {
	host, port, secure := keysServer(address)
	number, _ := strconv.ParseUint(port, 10, 16) // 0 is refused with the cluster
	c := dnsCluster(need{name: keysClusterName(address)}, []place{{host: host, port: uint32(number), ready: true}})
	if secure {
		c.TransportSocket = &corev3.TransportSocket{
			Name: "envoy.transport_sockets.tls",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: mustAny(&tlsv3.UpstreamTlsContext{
				Sni:              host,
				CommonTlsContext: &tlsv3.CommonTlsContext{ValidationContextType: trusts(host)},
			})},
		}
	}
	return c
}

// trustedCAs is where Debian, Ubuntu, Alpine and Envoy's images keep the
// certificates of public authorities.
const trustedCAs = "/etc/ssl/certs/ca-certificates.crt"

// trusts accepts certificates of public authorities for the host.
func trusts(host string) *tlsv3.CommonTlsContext_ValidationContext {
	name := &tlsv3.SubjectAltNameMatcher{
		SanType: tlsv3.SubjectAltNameMatcher_DNS,
		Matcher: &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: host}},
	}
	if isAddress(host) {
		name.SanType = tlsv3.SubjectAltNameMatcher_IP_ADDRESS
	}
	return &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
		TrustedCa:                 &corev3.DataSource{Specifier: &corev3.DataSource_Filename{Filename: trustedCAs}},
		MatchTypedSubjectAltNames: []*tlsv3.SubjectAltNameMatcher{name},
	}}
}
