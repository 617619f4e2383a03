package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kibble.dev/discovery"
	"kibble.dev/dtab"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/inject"
	"kibble.dev/internal/crowd"
	"kibble.dev/internal/pki"
)

// injection is what `kibble inject` and `kibble webhook` put into pods.
type injection struct {
	options inject.Options
	caFile  string
}

func (i *injection) flags(f *pflag.FlagSet) {
	f.StringVar(&i.options.Image, "proxy-image", "envoyproxy/envoy:distroless-v1.40.0", "image of Envoy")
	f.StringVar(&i.options.Server, "xds-address", "kibble.kibble-system.svc:18000", "host:port of kibble serve, as pods call it")
	f.StringVar(&i.options.ServerName, "tls-server-name", "", "name that Kibble's certificate must be for; empty: the host of --xds-address")
	f.StringVar(&i.caFile, "xds-ca", "", "file of the authorities that Kibble's certificate comes from, PEM; it goes into each pod")
	f.StringVar(&i.options.Class, "proxy-class", bootstrap.ClassSidecar, "proxy class of sidecars")
	f.IntVar(&i.options.Port, "http-proxy-port", 4140, "port of the sidecar's router for outgoing requests")
	f.StringVar(&i.options.StatusHost, "status-host", "0.0.0.0", "IP address where sidecars say that they are ready; :: where pods have IPv6 addresses, with or without IPv4")
	f.IntVar(&i.options.NodePort, "node-port", 4140, "port of the node's router for outgoing requests, for modes node and host-ip")
}

func (i *injection) read() (inject.Options, error) {
	if i.caFile != "" {
		text, err := os.ReadFile(i.caFile)
		if err != nil {
			return i.options, wrongf("--xds-ca cannot be read: %w", err)
		}
		i.options.CA = string(text)
	}
	return i.options, i.check()
}

func (i *injection) check() error {
	if _, err := netip.ParseAddr(i.options.StatusHost); err != nil {
		return wrongf("--status-host %s: want an IP address, such as 0.0.0.0 or ::", quoted(i.options.StatusHost))
	}
	return nil
}

// follow is read for who runs on: the authorities are read again when they are replaced.
func (i *injection) follow(log *slog.Logger) (now func() inject.Options, err error) {
	if err := i.check(); err != nil {
		return nil, err
	}
	if i.caFile == "" {
		return func() inject.Options { return i.options }, nil
	}
	file := &pki.AuthorityFile{Name: i.caFile, Logger: log}
	if _, err := file.Text(); err != nil {
		return nil, wrongf("--xds-ca cannot be used: %w", err)
	}
	return func() inject.Options {
		o := i.options
		o.CA, _ = file.Text() // there was one before, and is from then on
		return o
	}, nil
}

// newInjectCommand makes `kibble inject`.
func newInjectCommand() *cobra.Command {
	var i injection
	var path, mode string
	cmd := &cobra.Command{
		Use:   "inject -f FILE",
		Short: "Put an Envoy beside each pod of a file",
		Long: `Read objects, and write them with an Envoy in each pod and each template of pods:
the same as the webhook does in a cluster. Other objects are written as they
are; comments are lost. Injecting what was injected replaces it.

The label kibble.dev/inject of a pod or template, or else of its namespace, if
that is in the file, or else --mode, says what is done: enabled, an Envoy in the
pod; node or host-ip, http_proxy leads to the Envoy of the node, by its name or
its address; disabled, nothing.`,
		Example: `  kibble inject -f deployment.yaml --xds-ca ca.crt | kubectl apply -f -
  kibble inject -f deployment.yaml --mode node | kubectl apply -f -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := i.read()
			if err != nil {
				return err
			}
			name, text, err := readAll(cmd, path)
			if err != nil {
				return wrongf("-f %s cannot be read: %w; give a file of YAML, or - for standard input", quoted(path), reason(err))
			}
			found := looksLikeObjects(name, text)
			printFindings(cmd.ErrOrStderr(), found)
			if err := verdict(found); err != nil {
				return err
			}
			return inject.Files(o, bytes.NewReader(text), cmd.OutOrStdout(), mode)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&path, "filename", "f", "", "file of YAML; - for standard input")
	f.StringVar(&mode, "mode", inject.ModeSidecar, "what is injected where no label says it: enabled, node, host-ip or disabled")
	i.flags(f)
	_ = cmd.MarkFlagRequired("filename") // fails for a flag that is not there only
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
	return cmd
}

// looksLikeObjects says what keeps a file from being read as objects, with its place.
func looksLikeObjects(name string, text []byte) []dtab.Finding {
	documents, found := discovery.Documents(name, text)
	for _, d := range documents {
		var object map[string]any
		found = append(found, d.Decode(&object)...)
	}
	return found
}

// newWebhookCommand makes `kibble webhook`.
func newWebhookCommand() *cobra.Command {
	var i injection
	var address, cert, key string
	cmd := &cobra.Command{
		Use:   "webhook --tls-cert FILE --tls-key FILE",
		Short: "Put an Envoy beside each pod that is created",
		Long: `Answer the API server's reviews of pods: a mutating admission webhook, at
/inject/MODE. It reads nothing from the cluster, and needs no rights. The files
of its certificate and of --xds-ca are read anew when they are replaced.
/healthz says that it is up.`,
		Example: `  kibble webhook --tls-cert tls.crt --tls-key tls.key --xds-ca ca.crt`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			options, err := i.follow(log)
			if err != nil {
				return err
			}
			files := &pki.Files{Certificate: cert, Key: key, Logger: log}
			config, err := files.Config()
			if err != nil {
				return wrongf("the webhook's certificate cannot be used: %w", err)
			}
			return serveWebhook(cmd.Context(), address, config, inject.NewWebhook(options, log), log)
		},
	}
	f := cmd.Flags()
	f.StringVar(&address, "address", ":9443", "host:port for the API server")
	f.StringVar(&cert, "tls-cert", "", "file with the webhook's certificate, PEM")
	f.StringVar(&key, "tls-key", "", "file with its private key, PEM")
	i.flags(f)
	for _, name := range []string{"tls-cert", "tls-key"} {
		_ = cmd.MarkFlagRequired(name) // fails for a flag that is not there only
	}
	return cmd
}

// Bounds of whoever gets to the webhook's address. An API server that creates many pods
// at once begins with a connection for each of hundreds of reviews, and goes on with one.
const (
	connectionsMost = 1024
	streamsMost     = 250      // of a connection
	streamHeld      = 16 << 10 // bytes of a stream that nobody has read yet
)

func serveWebhook(ctx context.Context, address string, config *tls.Config, w *inject.Webhook, log *slog.Logger) error {
	l, err := listen(ctx, "--address", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(inject.Path, w)
	mux.HandleFunc("GET /healthz", func(out http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(out, "ok\n") })
	server := &http.Server{
		Handler: mux, TLSConfig: config, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		// What streams may hold that wait is less than what the connection may: none keeps another from coming.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: streamsMost, MaxReceiveBufferPerStream: streamHeld, MaxReceiveBufferPerConnection: (streamsMost + 1) * streamHeld},
	}
	log.InfoContext(ctx, "answering reviews", "address", l.Addr().String())
	stopped := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end) // what is not done by then is cut off
	})
	defer stopped()
	if err := server.ServeTLS(crowd.Listen(l, connectionsMost), "", ""); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve reviews: %w", err)
	}
	return nil
}
