package xds

import (
	"context"
	"crypto/x509"
	"net/url"
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// Certificates takes a client's certificate, which TLS has verified, as the
// proof of who calls. It grants the proxy classes that its SPIFFE IDs name:
//
//	spiffe://TRUST-DOMAIN/kibble/class/CLASS
//
// The trust domain may be any: the server's authorities say who is trusted. A
// certificate with IP addresses is one proxy's, and allows no other POD_IP.
type Certificates struct{}

// Authenticate reads the certificate of the connection.
func (Certificates) Authenticate(ctx context.Context) (*Identity, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, nil
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return nil, nil // nothing, or nothing that anybody verified
	}
	certificate := info.State.VerifiedChains[0][0]
	id := &Identity{Name: "certificate " + nameOf(certificate)}
	for _, u := range certificate.URIs {
		if class, ok := classOf(u); ok {
			id.Classes = append(id.Classes, class)
		}
	}
	for _, ip := range certificate.IPAddresses {
		id.Addresses = append(id.Addresses, ip.String())
	}
	if len(id.Classes) == 0 {
		return nil, status.Errorf(codes.Unauthenticated,
			"%s names no proxy class: want a URI spiffe://TRUST-DOMAIN/kibble/class/CLASS among its subject alternative names", id.Name)
	}
	return id, nil
}

func nameOf(c *x509.Certificate) string {
	if len(c.URIs) > 0 {
		return c.URIs[0].String()
	}
	return c.Subject.String()
}

// classOf reads the class of a SPIFFE ID.
func classOf(u *url.URL) (string, bool) {
	m := regexp.MustCompile(`^/kibble/class/([A-Za-z0-9._-]+)$`).FindStringSubmatch(u.EscapedPath())
	if m == nil || u.Scheme != "spiffe" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", false
	}
	return m[1], true
}
