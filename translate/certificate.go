package translate

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"kibble.dev/dogfood"
	"kibble.dev/internal/validity"
)

// Keys of a Secret of type kubernetes.io/tls.
const (
	TLSCertificate = "tls.crt"
	TLSKey         = "tls.key"
)

// fewestRSABits is what Envoy asks of a server's RSA key.
const fewestRSABits = 2048

// certificate is what a Secret holds for a TLS listener, and was found good.
type certificate struct {
	chain, key dogfood.Sealed
	leaf       *x509.Certificate
}

// newCertificate reads a Secret's data. Whatever Envoy would refuse is an error
// here, since a listener does not open before it has its certificates. Its text
// tells nothing of the data.
func newCertificate(data map[string]dogfood.Sealed) (*certificate, error) {
	c := &certificate{chain: data[TLSCertificate], key: data[TLSKey]}
	for _, part := range []struct {
		name  string
		value dogfood.Sealed
	}{{TLSCertificate, c.chain}, {TLSKey, c.key}} {
		if part.value == "" {
			return nil, fmt.Errorf("it has no %s", part.name)
		}
	}
	pair, err := tls.X509KeyPair([]byte(c.chain), []byte(c.key))
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
	for i, der := range pair.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of %s cannot be read: %w", i+1, TLSCertificate, err)
		}
		if i == 0 {
			c.leaf = parsed
		}
	}
	return c, acceptable(c.leaf)
}

// holds tells that the certificate was made of this very data, so that it need
// not be read again.
func (c *certificate) holds(data map[string]dogfood.Sealed) bool {
	return c != nil && c.chain == data[TLSCertificate] && c.key == data[TLSKey]
}

// acceptable tells what Envoy 1.40 does not take as a server's key
// (source/common/tls/server_context_impl.cc, context_impl.cc).
func acceptable(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < fewestRSABits {
			return fmt.Errorf("its RSA key has %d bits, and Envoy takes %d or more", bits, fewestRSABits)
		}
	case *ecdsa.PublicKey:
		if name := key.Params().Name; name != "P-256" && name != "P-384" && name != "P-521" {
			return fmt.Errorf("its key is on the curve %s; Envoy takes P-256, P-384 and P-521", name)
		}
	default:
		return errors.New("its key is neither RSA nor ECDSA, and Envoy takes no other")
	}
	return nil
}

// remark says what clients will not like about the certificate now; "" if nothing.
func (c *certificate) remark(now time.Time) string {
	if why := validity.Remark(c.leaf, now); why != "" {
		return "its certificate " + why
	}
	return ""
}

// covers tells whether clients that ask for a host will find it in the certificate.
func (c *certificate) covers(host string) bool {
	if suffix, wild := strings.CutPrefix(host, "*"); wild {
		host = "any" + suffix
	}
	return c.leaf.VerifyHostname(host) == nil
}

// secret is the certificate as Envoy has it.
func (c *certificate) secret(name string) *tlsv3.Secret {
	inline := func(text dogfood.Sealed) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: []byte(text)}}
	}
	return &tlsv3.Secret{Name: name, Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{
		CertificateChain: inline(c.chain), PrivateKey: inline(c.key),
	}}}
}
