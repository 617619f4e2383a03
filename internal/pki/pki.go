// Package pki makes the certificates of the connection between proxies and
// Kibble, for those who have no other source of them, and follows files of
// certificates that are replaced.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"regexp"
	"time"
)

// trustDomain is the one that our own certificates name. Kibble's server looks
// at the path of an identity only: who is trusted is said by the authorities.
const trustDomain = "kibble.dev"

// skew is how far the clocks of two machines may be apart.
const skew = 5 * time.Minute

// Pair is a certificate and its private key, in PEM.
type Pair struct{ Certificate, Key []byte }

// Authority signs certificates.
type Authority struct {
	Pair

	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes an authority that lasts for a while from now. Its name
// need not be unique: its key identifier is.
func NewAuthority(now time.Time, life time.Duration) (*Authority, error) {
	pair, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Kibble"}, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, now, life)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	return ReadAuthority(pair)
}

// ReadAuthority reads an authority's certificate and key.
func ReadAuthority(pair Pair) (*Authority, error) {
	c, err := Parse(pair.Certificate)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(pair.Key)
	if block == nil {
		return nil, errors.New("the authority's key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the authority's key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if own, same := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool }); !ok || !same || !own.Equal(signer.Public()) {
		return nil, errors.New("the authority's key is not that of its certificate")
	}
	if !c.IsCA {
		return nil, errors.New("the authority's certificate must not sign others: it is no CA's")
	}
	return &Authority{Pair: pair, certificate: c, key: signer}, nil
}

// Server makes the certificate of a server that is called by these names,
// which may be IP addresses.
func (a *Authority) Server(names []string, now time.Time, life time.Duration) (Pair, error) {
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "kibble serve"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return a.Sign(t, now, life)
}

// Client makes the certificate of the proxies of a class. With addresses it is
// that of one proxy: it may name no other POD_IP.
func (a *Authority) Client(class string, addresses []net.IP, now time.Time, life time.Duration) (Pair, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`).MatchString(class) {
		return Pair{}, fmt.Errorf("proxy class %q: want a name of letters, digits, '-', '_' and '.'", class)
	}
	return a.Sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "proxy of class " + class}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		URIs:        []*url.URL{{Scheme: "spiffe", Host: trustDomain, Path: "/kibble/class/" + class}}, IPAddresses: addresses,
	}, now, life)
}

// Sign makes a key and any other certificate, of which the serial number and the
// time are filled in. It is valid a little before now: clocks differ.
func (a *Authority) Sign(t *x509.Certificate, now time.Time, life time.Duration) (Pair, error) {
	return sign(t, a, now, life)
}

// sign makes a key and signs its certificate: by an authority, or by itself.
func sign(t *x509.Certificate, by *Authority, now time.Time, life time.Duration) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	if t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return Pair{}, err
	}
	t.NotBefore, t.NotAfter = now.Add(-skew), now.Add(life)
	parent, signer := t, crypto.Signer(key)
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return Pair{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}, nil
}

// Parse reads the first certificate of a PEM text.
func Parse(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("want a certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
