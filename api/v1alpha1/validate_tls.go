package v1alpha1

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

func (c *checker) routerTLS(path string, s *RouterSpec) {
	t := s.TLS
	c.port(path+".port", t.Port)
	if t.Port == s.Port && t.Port != 0 {
		c.add(path+".port", fmt.Sprintf("%d is the port of plain HTTP", t.Port), "give HTTPS a port of its own, such as 8443")
	}
	if s.Trust == TrustInternal || s.Trust == "" && s.ProxyClass != ClassEdge {
		c.add(path, "only an untrusted router listens for HTTPS", "set trust: untrusted, or take tls away")
	}
	if t.SecretName != "" {
		c.name(path+".secretName", t.SecretName)
	}
	for i, cert := range t.Certificates {
		at := at(path+".certificates", i)
		c.name(at+".secretName", cert.SecretName)
		if len(cert.Hosts) == 0 {
			c.add(at+".hosts", "hosts is missing", "the hosts that the certificate is for, such as www.hello.world")
		}
		for j, host := range cert.Hosts {
			if !TLSHost(host) {
				c.add(fmt.Sprintf("%s.hosts[%d]", at, j), fmt.Sprintf("%q is not a host that a client can ask for by TLS", host), tlsHostHint)
			}
		}
	}
	if t.RedirectPort < 0 || t.RedirectPort > 65535 {
		c.add(path+".redirectPort", fmt.Sprintf("%d is not a port", t.RedirectPort), "ports are numbers from 1 to 65535")
	}
}

const tlsHostHint = "a name such as www.hello.world or *.hello.world, without a port; an address has none"

// TLSHost tells whether a client can ask for a host in the TLS handshake: it is
// a name, exact or "*.suffix", and no address (RFC 6066, section 3).
func TLSHost(host string) bool {
	host = strings.ToLower(strings.TrimPrefix(host, "*."))
	if strings.Trim(host, "0123456789.") == "" {
		return false
	}
	return len(validation.IsDNS1123Subdomain(host)) == 0
}
