package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/validity"
)

// reread is how often files are looked at, at most.
const reread = time.Second

// Files is a TLS server's configuration in files that may be replaced while it
// runs, such as those of a mounted Secret. They are looked at when a client
// comes: a new connection gets the new certificate, and those that are there
// are left alone. What cannot be read, such as a key that does not fit yet,
// leaves the last good content in force and is logged. So does a certificate
// that has expired or is not valid yet, as long as the one in force is valid, and
// so do authorities none of which is valid. Those in use that are not are logged.
//
// It is safe for concurrent use.
type Files struct {
	// Certificate, Key and ClientCA are the files' names; without ClientCA no
	// certificate is asked for.
	Certificate, Key, ClientCA string
	// Demand says that a client must have a certificate; otherwise it may.
	Demand bool
	Logger *slog.Logger
	// Registerer, which may be nil, gets metrics about the certificate in use.
	Registerer prometheus.Registerer
	// Now is the clock; default time.Now.
	Now func() time.Time

	mu     sync.Mutex
	looked time.Time
	seen   [3][]byte
	config *tls.Config
	by     authorities // of ClientCA, those in use
	failed string      // what was logged last
	warned string      // what was logged last of the authorities in use
}

// Config gives the server's configuration. The error says which file cannot be
// used at the start.
func (f *Files) Config() (*tls.Config, error) {
	if f.Now == nil {
		f.Now = time.Now
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return nil, err
	}
	if why := validity.Remark(f.leaf(), f.Now()); why != "" && f.Logger != nil {
		f.Logger.Error("clients will refuse the certificate", "reason", "it "+why, "certificate", f.Certificate)
	}
	f.tellOfAuthorities()
	if f.Registerer != nil {
		f.register(f.Registerer)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.current(), nil },
	}, nil
}

// due tells that files are to be looked at again: it is a while ago, or the clock was
// set back.
func due(looked, now time.Time) bool { return now.Sub(looked) >= reread || now.Before(looked) }

// current gives the newest configuration that can be used.
func (f *Files) current() *tls.Config {
	f.mu.Lock()
	defer f.mu.Unlock()
	if due(f.looked, f.Now()) {
		switch err := f.load(); {
		case err == nil:
			f.failed = ""
			f.tellOfAuthorities()
		case err.Error() != f.failed && f.Logger != nil:
			f.failed = err.Error()
			f.Logger.Error("new certificates cannot be used, the last ones stay", "reason", err)
		}
	}
	return f.config
}

// leaf is the certificate in use.
func (f *Files) leaf() *x509.Certificate { return f.config.Certificates[0].Leaf }

// load reads the files, and makes a configuration of them if they changed.
func (f *Files) load() error {
	f.looked = f.Now()
	var now [3][]byte
	for i, name := range []string{f.Certificate, f.Key, f.ClientCA} {
		if name == "" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		now[i] = b
	}
	if f.config != nil && bytes.Equal(now[0], f.seen[0]) && bytes.Equal(now[1], f.seen[1]) && bytes.Equal(now[2], f.seen[2]) {
		return nil
	}
	pair, err := tls.X509KeyPair(now[0], now[1])
	if err != nil {
		return fmt.Errorf("%s and %s: %w", f.Certificate, f.Key, err)
	}
	if why := validity.Remark(pair.Leaf, f.looked); why != "" && f.config != nil && validity.Remark(f.leaf(), f.looked) == "" {
		return fmt.Errorf("%s: it %s, and the one in use is valid until %s", f.Certificate, why, f.leaf().NotAfter.UTC().Format(time.RFC3339))
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
		SessionTicketsDisabled: true, // whoever comes is checked against the authorities of now
		Time:                   f.Now,
	}
	var by authorities
	if f.ClientCA != "" {
		if by, err = f.by.next(now[2], f.looked); err != nil {
			return fmt.Errorf("%s: %w", f.ClientCA, err)
		}
		config.ClientCAs = by.pool()
		config.ClientAuth = tls.VerifyClientCertIfGiven
		if f.Demand {
			config.ClientAuth = tls.RequireAndVerifyClientCert
		}
	}
	if f.config != nil && f.Logger != nil {
		if why := validity.Remark(pair.Leaf, f.looked); why != "" {
			f.Logger.Error("new certificates are in use, and clients will refuse them", "reason", "it "+why, "certificate", f.Certificate)
		} else {
			f.Logger.Info("new certificates are in use", "certificate", f.Certificate, "expires", pair.Leaf.NotAfter)
		}
	}
	f.config, f.by, f.seen, f.warned = config, by, now, ""
	return nil
}
