package kubetest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"time"

	"kibble.dev/internal/pki"
)

// Certificates were valid an hour ago: some control planes have clocks of their own.
const validBefore, validFor = time.Hour, 365 * 24 * time.Hour

// newAuthority makes the cluster's.
func (c *Cluster) newAuthority() *pki.Authority {
	c.t.Helper()
	a, err := pki.NewAuthority(time.Now().Add(-validBefore), validFor)
	c.must(err)
	return a
}

// Certify gives the certificate of a server whose names and addresses these are,
// such as another front of the API: the cluster's clients trust it.
func (c *Cluster) Certify(hosts ...string) pki.Pair {
	c.t.Helper()
	pair, err := c.authority.Server(hosts, time.Now().Add(-validBefore), validFor)
	c.must(err)
	return pair
}

// user gives the certificate of a user in groups.
func (c *Cluster) user(name string, groups ...string) pki.Pair {
	c.t.Helper()
	pair, err := c.authority.Sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}, time.Now().Add(-validBefore), validFor)
	c.must(err)
	return pair
}
