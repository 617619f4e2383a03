package main

import (
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"k8s.io/client-go/kubernetes"

	"kibble.dev/internal/pki"
	"kibble.dev/internal/tokenreview"
	"kibble.dev/xds"
)

// security is how `kibble serve` knows its proxies, and they it.
type security struct {
	cert, key, clientCA string
	plaintext           bool
	tokenClasses        []string
}

func (s *security) flags(f *pflag.FlagSet) {
	f.StringVar(&s.cert, "tls-cert", "", "file with the server's certificate, PEM")
	f.StringVar(&s.key, "tls-key", "", "file with its private key, PEM")
	f.StringVar(&s.clientCA, "client-ca", "", "file with the authorities that proxies' certificates come from, PEM")
	f.StringArrayVar(&s.tokenClasses, "token-class", nil, "CLASS, or CLASS=NAMESPACE/SERVICEACCOUNT: a proxy class that ServiceAccount tokens for the audience kibble prove, too; may be repeated")
	f.BoolVar(&s.plaintext, "insecure-plaintext", false, "serve plain text to whoever asks; on a loopback address only")
}

// options gives what secures an xDS server at an address; a cluster is asked
// about tokens, if they count.
func (s *security) options(address string, of *cluster, log *slog.Logger, registerer prometheus.Registerer) (xds.Options, error) {
	if s.plaintext {
		if s.cert+s.key+s.clientCA != "" || len(s.tokenClasses) > 0 {
			return xds.Options{}, wrongf("--insecure-plaintext does not go with --tls-cert, --tls-key, --client-ca and --token-class: want one or the other")
		}
		if !loopback(address) {
			return xds.Options{}, wrongf("--insecure-plaintext serves whoever can reach --xds-address %s: want a loopback address, such as 127.0.0.1:18000, or TLS by --tls-cert, --tls-key and --client-ca", address)
		}
		return xds.Options{}, nil
	}
	byToken := len(s.tokenClasses) > 0
	if s.cert == "" || s.key == "" || s.clientCA == "" && !byToken {
		return xds.Options{}, wrongf("proxies connect by TLS: give --tls-cert, --tls-key and --client-ca (kibble certs makes them), or --insecure-plaintext on a loopback address")
	}
	files := &pki.Files{Certificate: s.cert, Key: s.key, ClientCA: s.clientCA, Demand: !byToken, Logger: log, Registerer: registerer}
	config, err := files.Config()
	if err != nil {
		return xds.Options{}, wrongf("the server's certificate cannot be used: %w", err)
	}
	known := xds.Authenticators{xds.Certificates{}}
	if byToken {
		tokens, err := s.tokens(of)
		if err != nil {
			return xds.Options{}, err
		}
		known = append(known, tokens)
	}
	return xds.Options{
		Authenticator: known,
		ServerOptions: []grpc.ServerOption{grpc.Creds(credentials.NewTLS(config))},
	}, nil
}

// tokens makes what checks ServiceAccount tokens with the cluster's API.
func (s *security) tokens(of *cluster) (*xds.Tokens, error) {
	var grants []xds.Grant
	for _, text := range s.tokenClasses {
		class, account, narrowed := strings.Cut(text, "=")
		namespace, name, both := strings.Cut(account, "/")
		if class == "" || narrowed && (!both || namespace == "" || name == "") {
			return nil, wrongf("--token-class %q: want CLASS, or CLASS=NAMESPACE/SERVICEACCOUNT, such as edge=kibble-system/edge", text)
		}
		grants = append(grants, xds.Grant{Class: class, Namespace: namespace, ServiceAccount: name})
	}
	config, err := of.config()
	if err != nil {
		return nil, wrongf("--token-class needs a cluster to ask about tokens: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, wrongf("the cluster cannot be asked about tokens: %w", err)
	}
	return xds.NewTokens(tokenreview.Reviewer{Client: client}, grants), nil
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
