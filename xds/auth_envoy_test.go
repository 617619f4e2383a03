package xds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// secured is a server with TLS and the files of its certificates.
type secured struct {
	*xds.Server
	address, dir string
	registry     *prometheus.Registry
	ca           *pki.Authority
	stop         func()
}

// serveTLS runs a server whose certificate files are in a directory of its own.
func serveTLS(t *testing.T, o xds.Options) *secured {
	t.Helper()
	s := &secured{dir: t.TempDir(), registry: prometheus.NewRegistry(), ca: authority(t)}
	s.certify(t, s.ca, s.ca)
	l := envoytest.Listen(t)
	s.address = l.Addr().String()
	s.start(t, l, o)
	return s
}

// start runs the server; it may be called again after stop.
func (s *secured) start(t *testing.T, l net.Listener, o xds.Options) {
	t.Helper()
	files := &pki.Files{
		Certificate: filepath.Join(s.dir, "tls.crt"), Key: filepath.Join(s.dir, "tls.key"),
		ClientCA: filepath.Join(s.dir, "ca.crt"), Demand: o.Authenticator == nil,
	}
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	if o.Authenticator == nil {
		o.Authenticator = xds.Certificates{}
	}
	o.Registerer = s.registry
	o.ServerOptions = []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))}
	s.Server = xds.New(o)
	s.stop = sync.OnceFunc(serveOn(t, s.Server, l))
	t.Cleanup(s.stop)
}

// startAgain runs a new server where the one that was stopped had been.
func (s *secured) startAgain(t *testing.T, o xds.Options) {
	t.Helper()
	s.registry = prometheus.NewRegistry()
	s.start(t, listenAgain(t, s.address), o)
}

func authority(t *testing.T) *pki.Authority {
	t.Helper()
	ca, err := pki.NewAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// certify gives the server a certificate, and the authorities of its clients.
func (s *secured) certify(t *testing.T, by *pki.Authority, clients ...*pki.Authority) {
	t.Helper()
	pair, err := by.Server([]string{"kibble.test", "127.0.0.1"}, time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	replaceFiles(t, s.dir, pair, bundle(clients...))
}

func bundle(all ...*pki.Authority) (text []byte) {
	for _, a := range all {
		text = append(text, a.Certificate...)
	}
	return text
}

// replaceFiles puts new files in place of the old ones, as kubelet does with a
// Secret: into a directory of their own, to which a link leads.
func replaceFiles(t *testing.T, dir string, pair pki.Pair, ca []byte) {
	t.Helper()
	now := t.TempDir()
	for name, text := range map[string][]byte{"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": ca} {
		if err := os.WriteFile(filepath.Join(now, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	link := filepath.Join(dir, "..data_tmp")
	if err := os.Symlink(now, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
}

// certified makes the certificate of a class in a directory.
func certified(t *testing.T, by *pki.Authority, class string, from time.Time, ca []byte, ips ...net.IP) (dir string) {
	t.Helper()
	pair, err := by.Client(class, ips, from, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	replaceFiles(t, dir, pair, ca)
	return dir
}

// runTLS starts an Envoy of a class, with the certificate of a directory.
func runTLS(t *testing.T, s *secured, class string, o bootstrap.TLS) *envoytest.Envoy {
	t.Helper()
	if o.SDSDir == "" {
		o.SDSDir = t.TempDir()
	}
	o.ServerName = "kibble.test"
	b := bootstrap.Options{Class: class, NodeID: class + "-0", Server: s.address, PodIP: "127.0.10.1", TLS: &o}
	for name, text := range bootstrap.SecretFiles(b) {
		if err := os.WriteFile(filepath.Join(o.SDSDir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := bootstrap.Render(b)
	if err != nil {
		t.Fatal(err)
	}
	return envoytest.Run(t, text, "--component-log-level", "config:debug")
}

// A real Envoy gets the configuration of the class that its certificate names,
// and no other.
func TestEnvoyCertificates(t *testing.T) {
	up := upstream(t)
	s := serveTLS(t, xds.Options{})
	snapshot := edge()
	for _, class := range []string{"edge", "sidecar"} {
		snapshot.Classes[class] = classOfAll(t, class, up)
	}
	s.Publish(snapshot)
	ca := bundle(s.ca)
	t.Run("the right one", func(t *testing.T) {
		envoy := runTLS(t, s, "edge", bootstrap.TLS{CertificateDir: certified(t, s.ca, "edge", time.Now(), ca)})
		envoy.WaitReady(t)
		target := "http://" + envoy.Listener(t, "front")
		until(t, "it answers", func() bool { return ask(target) == "edge-cluster" })
		envoy.Stop()
		until(t, "it has left", func() bool { return len(s.Proxies()) == 0 })
	})
	other := authority(t)
	const unavailable = "closed: 14" // the server lets go in the handshake, and does not say why
	for name, c := range map[string]struct {
		tls  bootstrap.TLS
		says string // what Envoy reports
	}{
		"of another class": {
			bootstrap.TLS{CertificateDir: certified(t, s.ca, "sidecar", time.Now(), ca)},
			`proxy class "edge" is claimed, and certificate spiffe://kibble.dev/kibble/class/sidecar is granted sidecar`,
		},
		"of another pod": {
			bootstrap.TLS{CertificateDir: certified(t, s.ca, "edge", time.Now(), ca, net.IPv4(127, 0, 10, 2))},
			`POD_IP "127.0.10.1" is claimed, and certificate spiffe://kibble.dev/kibble/class/edge is granted 127.0.10.2`,
		},
		"expired":              {bootstrap.TLS{CertificateDir: certified(t, s.ca, "edge", time.Now().Add(-2*time.Hour), ca)}, unavailable},
		"of another authority": {bootstrap.TLS{CertificateDir: certified(t, other, "edge", time.Now(), ca)}, unavailable},
		"none":                 {bootstrap.TLS{CA: string(ca), TokenFile: file(t, "no token at all")}, unavailable},
		"the server is not the one": {
			bootstrap.TLS{CertificateDir: certified(t, s.ca, "edge", time.Now(), bundle(other))}, "CERTIFICATE_VERIFY_FAILED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			envoy := runTLS(t, s, "edge", c.tls)
			until(t, "it is refused with "+c.says, func() bool { return strings.Contains(strings.ReplaceAll(envoy.Log(), `\"`, `"`), c.says) })
			if dump := envoy.Get(t, "/config_dump"); strings.Contains(dump, "edge-cluster") || strings.Contains(dump, "sidecar-cluster") {
				t.Errorf("it was given something: %s", dump)
			}
			if len(s.Proxies()) > 0 {
				t.Errorf("it is taken for a proxy: %+v", s.Proxies())
			}
		})
	}
	if n := counted(t, s.registry, "kibble_xds_denied_total"); n == 0 {
		t.Error("refusals are not counted")
	}
}

// classOfAll is a class that has one of each kind of resource.
func classOfAll(t *testing.T, class, up string) *translate.ClassSnapshot {
	name := class + "-cluster"
	return classOf(cluster(t, name, time.Second), endpoints(t, name, up), routes(t, "table", name), listener(t, "front", "table"))
}

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// The authorities, the server's certificate and the proxy's are replaced while
// a proxy is connected: its stream and its traffic go on, and the next
// connections use the new ones.
func TestEnvoyRotation(t *testing.T) {
	up := upstream(t)
	options := xds.Options{Drain: 100 * time.Millisecond}
	s := serveTLS(t, options)
	s.Publish(version(t, 0, up))
	dir := certified(t, s.ca, "edge", time.Now(), bundle(s.ca))
	envoy := runTLS(t, s, "edge", bootstrap.TLS{CertificateDir: dir})
	envoy.WaitReady(t)
	load := start("http://" + envoy.Listener(t, "front"))
	defer load.end()
	until(t, "Envoy has joined", func() bool { return len(s.Proxies()) == 1 })
	connected := s.Proxies()[0].Connected

	next := authority(t)
	replace := func(server *pki.Authority, proxy *pki.Authority, trusted ...*pki.Authority) {
		s.certify(t, server, trusted...)
		pair, err := proxy.Client("edge", nil, time.Now(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		replaceFiles(t, dir, pair, bundle(trusted...))
	}
	replace(s.ca, s.ca, s.ca, next) // everybody trusts both,
	replace(next, next, s.ca, next) // then is certified by the next,
	replace(next, next, next)       // and the old one is gone
	until(t, "a newcomer is shown the new certificate", func() bool { return issuerOf(s.address) == string(parse(t, next.Certificate).SubjectKeyId) })
	until(t, "Envoy has read its new files", func() bool {
		return strings.Contains(envoy.Get(t, "/certs"), fingerprint(t, dir))
	})
	s.Publish(version(t, 1, up))
	until(t, "the change is there", func() bool { return load.last() == "c1" })
	if all := s.Proxies(); len(all) != 1 || !all[0].Connected.Equal(connected) {
		t.Errorf("the stream did not stay: %+v, connected at %v before", all, connected)
	}

	s.stop() // now it must come back, with what is new
	s.startAgain(t, options)
	s.Publish(version(t, 2, up))
	until(t, "Envoy has come back with its new certificate", func() bool { return load.last() == "c2" })
	load.end()
	if err := load.failed(); err != nil {
		t.Errorf("%d requests, the first failure: %v", load.count.Load(), err)
	}
}

// issuerOf gives the key identifier of who signed the server's certificate.
func issuerOf(address string) string {
	d := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := d.DialContext(context.Background(), "tcp", address)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return string(conn.(*tls.Conn).ConnectionState().PeerCertificates[0].AuthorityKeyId)
}

func parse(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	c, err := pki.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fingerprint gives the serial number of a directory's certificate, as Envoy's
// page of certificates spells it.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "tls.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text).SerialNumber.Text(16)
}
