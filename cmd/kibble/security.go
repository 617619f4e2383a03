package main

import (
	"log/slog"
	"net"
	"net/netip"

	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"kibble.dev/internal/pki"
	"kibble.dev/xds"
)

// security is how `kibble serve` knows its proxies, and they it.
type security struct {
	cert, key, clientCA string
	plaintext           bool
}

func (s *security) flags(f *pflag.FlagSet) {
	f.StringVar(&s.cert, "tls-cert", "", "file with the server's certificate, PEM")
	f.StringVar(&s.key, "tls-key", "", "file with its private key, PEM")
	f.StringVar(&s.clientCA, "client-ca", "", "file with the authorities that proxies' certificates come from, PEM")
	f.BoolVar(&s.plaintext, "insecure-plaintext", false, "serve plain text to whoever asks; on a loopback address only")
}

// options gives what secures an xDS server at an address.
func (s *security) options(address string, log *slog.Logger) (xds.Options, error) {
	if s.plaintext {
		if s.cert+s.key+s.clientCA != "" {
			return xds.Options{}, wrongf("--insecure-plaintext does not go with --tls-cert, --tls-key and --client-ca: want one or the other")
		}
		if !loopback(address) {
			return xds.Options{}, wrongf("--insecure-plaintext serves whoever can reach --xds-address %s: want a loopback address, such as 127.0.0.1:18000, or TLS by --tls-cert, --tls-key and --client-ca", address)
		}
		return xds.Options{}, nil
	}
	if s.cert == "" || s.key == "" || s.clientCA == "" {
		return xds.Options{}, wrongf("proxies connect by TLS: give --tls-cert, --tls-key and --client-ca (kibble certs makes them), or --insecure-plaintext on a loopback address")
	}
	files := &pki.Files{Certificate: s.cert, Key: s.key, ClientCA: s.clientCA, Demand: true, Logger: log}
	config, err := files.Config()
	if err != nil {
		return xds.Options{}, wrongf("the server's certificate cannot be used: %w", err)
	}
	return xds.Options{
		Authenticator: xds.Certificates{},
		ServerOptions: []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))},
	}, nil
}

// loopback says that only this machine reaches an address. A name is not looked
// up, but for the one that everybody has.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // what is no address is said so when it is bound
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
