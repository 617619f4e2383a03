package bootstrap

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strings"
)

// The names under which files of a certificate are mounted: those of a
// Kubernetes Secret of type kubernetes.io/tls, as cert-manager fills it.
const (
	CertificateFile = "tls.crt"
	KeyFile         = "tls.key"
	AuthorityFile   = "ca.crt"
)

// The files of SecretFiles.
const (
	certificateSDS = "xds-certificate.yaml"
	authoritySDS   = "xds-authority.yaml"
)

// TLS says how the connection to Kibble is secured, and how the proxy proves
// who it is: by a certificate, by a ServiceAccount token, or by both. All paths
// are those that Envoy sees, and absolute.
type TLS struct {
	// ServerName is the name that Kibble's certificate must be for; empty: the
	// host of Server.
	ServerName string
	// CertificateDir holds the proxy's certificate and key, tls.crt and tls.key,
	// and ca.crt, the authorities that Kibble's certificate must come from.
	CertificateDir string
	// CAFile is a file of authorities elsewhere, and CA is their text, where
	// there is no such file. At most one is set.
	CAFile, CA string
	// SDSDir holds the files of SecretFiles, which tell Envoy to follow the
	// others. It is needed where CertificateDir or CAFile is set.
	SDSDir string
	// TokenFile holds a ServiceAccount token for the audience kibble, sent with
	// every call.
	TokenFile string
}

// tlsValues is what the template reads of TLS.
type tlsValues struct {
	ServerName, SANType, SNI string
	CA                       string
	// Where Envoy finds the files of SecretFiles.
	SDSDir, CertificateSDS, AuthoritySDS string
}

// authorities gives the file of authorities, "" where they are text.
func (t *TLS) authorities() string {
	if t.CAFile == "" && t.CA == "" && t.CertificateDir != "" {
		return path.Join(t.CertificateDir, AuthorityFile)
	}
	return t.CAFile
}

func (t *TLS) values(server string) (*tlsValues, error) {
	v := &tlsValues{ServerName: cmp.Or(t.ServerName, server), SANType: "DNS", CA: t.CA, SDSDir: t.SDSDir}
	v.SNI = v.ServerName
	if _, err := netip.ParseAddr(v.ServerName); err == nil {
		v.SANType, v.SNI = "IP_ADDRESS", "" // RFC 6066, 3: no addresses in SNI
	}
	for _, p := range []struct{ what, path string }{
		{"certificate directory", t.CertificateDir}, {"CA file", t.CAFile}, {"SDS directory", t.SDSDir}, {"token file", t.TokenFile},
	} {
		// A path goes into a formatter of Envoy's, where these characters mean something.
		if p.path != "" && (!path.IsAbs(p.path) || strings.ContainsAny(p.path, ":%()\n")) {
			return nil, fmt.Errorf("%s %q: want an absolute path without ':', '%%' and brackets", p.what, p.path)
		}
	}
	file := t.authorities()
	switch {
	case t.CAFile != "" && t.CA != "":
		return nil, errors.New("the CA is given as a file and as text: want one of them")
	case file == "" && t.CA == "":
		return nil, errors.New("no CA is given: without one the proxy would trust any server; want a certificate directory, a CA file, or its text")
	case t.CertificateDir == "" && t.TokenFile == "":
		return nil, errors.New("the proxy has nothing to prove who it is: want a certificate directory, or a token file")
	case t.SDSDir == "" && (file != "" || t.CertificateDir != ""):
		return nil, errors.New("no SDS directory is given: want the one that holds " + certificateSDS + " and " + authoritySDS + ", which Envoy follows the certificates by")
	case t.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(t.CA)):
		return nil, errors.New("the text of the CA holds no certificate: want PEM")
	}
	if file != "" {
		v.AuthoritySDS = path.Join(t.SDSDir, authoritySDS)
	}
	if t.CertificateDir != "" {
		v.CertificateSDS = path.Join(t.SDSDir, certificateSDS)
	}
	return v, nil
}

// token gives the value of the header that carries the token.
func (t *TLS) token() string {
	if t.TokenFile == "" {
		return ""
	}
	return "Bearer %FILE_CONTENT(" + t.TokenFile + ":" + path.Dir(t.TokenFile) + ")%"
}

// SecretFiles gives the files of SDSDir, by name. They hold no secrets: they
// name the files that do, and tell Envoy to read these again when their
// directory changes. Without TLS, or without files to follow, there are none.
func SecretFiles(o Options) map[string][]byte {
	files := map[string][]byte{}
	if o.TLS == nil {
		return files
	}
	const head = `resources:
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
`
	if dir := o.TLS.CertificateDir; dir != "" {
		files[certificateSDS] = fmt.Appendf(nil, head+`  name: xds-certificate
  tls_certificate:
    certificate_chain: {filename: %q}
    private_key: {filename: %q}
    watched_directory: {path: %q}
`, path.Join(dir, CertificateFile), path.Join(dir, KeyFile), dir)
	}
	if file := o.TLS.authorities(); file != "" {
		files[authoritySDS] = fmt.Appendf(nil, head+`  name: xds-authority
  validation_context:
    trusted_ca: {filename: %q}
    watched_directory: {path: %q}
`, file, path.Dir(file))
	}
	return files
}
