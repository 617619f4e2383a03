package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"kibble.dev/admin"
	"kibble.dev/admin/console"
	"kibble.dev/discovery"
	"kibble.dev/dtab"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/trial"
)

// newServeCommand makes `kibble serve`.
func newServeCommand() *cobra.Command {
	var s serving
	cmd := &cobra.Command{
		Use:   "serve [-f DIR]",
		Short: "Serve proxies, and follow changes",
		Long: `Serve the objects of a cluster, or of a directory, to Envoys over xDS, and
follow their changes. An object or a file that becomes invalid is reported, and
its last good content stays. Nothing is served before everything was read once.

Without -f the cluster is read: that of --kubeconfig, and inside of a Pod by
default its own.

The admin address answers /healthz, /readyz, /metrics, /api/proxies,
/api/findings and /api/config, and has a console for people, with a playground
that says where a request goes and why.

Envoys connect by TLS, and prove which proxy class they are of by a certificate
that --client-ca has signed (kibble certs makes some), or by a ServiceAccount
token of a pod (--token-class). The files are read anew when they are replaced;
whoever is connected stays. Plain text is served on loopback only, and with
--insecure-plaintext.`,
		Example: `  kibble serve -f examples/hello-world --insecure-plaintext
  kibble serve --kubeconfig ~/.kube/config -n default,prod --insecure-plaintext
  kibble serve -f /etc/kibble --xds-address :18000 --tls-cert tls.crt --tls-key tls.key --client-ca ca.crt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s.files = cmd.Flags().Changed("filename")
			s.log = slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			s.registry = prometheus.NewRegistry()
			return s.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&s.path, "filename", "f", "", "directory of YAML files")
	s.cluster.flags(cmd)
	f.StringSliceVarP(&s.cluster.namespaces, "namespace", "n", nil, "read a cluster: these namespaces only; default all")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "namespaces" { // as it was called at first
			name = "namespace"
		}
		return pflag.NormalizedName(name)
	})
	f.StringVar(&s.xdsAddress, "xds-address", "127.0.0.1:18000", "host:port for Envoys")
	f.StringVar(&s.adminAddress, "admin-address", "127.0.0.1:9990", "host:port for health, metrics and status")
	f.StringVar(&s.ingress.service, "ingress-status-service", "", "with --status-lease, write the addresses of the edge's Service namespace/name into the Ingresses that Routers serve")
	f.BoolVar(&s.consoleOpen, "console-open", false, "show the console to whoever reaches --admin-address, not to this machine only")
	f.StringVar(&s.reporter.lease, "status-lease", "", "write status into the cluster's objects, whenever this replica holds the Lease namespace/name")
	f.StringVar(&s.stateDir, "state-dir", "", "keep what is served and what proxies accepted in this directory, and begin with it after a restart")
	f.StringVar(&s.validate, "validate-with-envoy", "", "try every change on this Envoy program before proxies are given it")
	s.security.flags(f)
	_ = cmd.MarkFlagDirname("state-dir")
	_ = cmd.MarkFlagDirname("filename") // fails for a flag that is not there only
	return cmd
}

// registry takes the metrics, and gives them to whoever scrapes.
type registry interface {
	prometheus.Registerer
	prometheus.Gatherer
}

// serving is one run of the server.
type serving struct {
	path, xdsAddress, adminAddress string
	stateDir                       string
	keeper                         *keeper // nil: nothing is kept
	validate                       string
	gate                           *trial.Gate // nil: nothing is tried
	consoleOpen                    bool
	files                          bool // of path are served, and not the cluster
	cluster                        cluster
	log                            *slog.Logger
	registry                       registry
	security                       security

	server   *xds.Server
	resolver *xds.Resolver
	frequent chan struct{} // an override has become frequent
	model    atomic.Pointer[translate.Model]
	last     *translate.Snapshot // what was published last
	built    built
	growth   int // see keepMemoryLow
	// waiting says what the cluster has not told yet; nil where files are served.
	waiting  func() []string
	read     atomic.Pointer[discovery.Update] // what was published was made of this
	reporter reporter
	ingress  ingressStatus

	mu       sync.Mutex
	findings []dtab.Finding
	ends     *time.Timer // the next policy that ends by itself
}

func (s *serving) run(ctx context.Context) error {
	if err := obeyContainer(); err != nil {
		return err
	}
	registry := s.registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	updates := make(chan discovery.Update, 1)
	if s.stateDir != "" {
		if err := s.openState(registry); err != nil {
			return err
		}
	}
	source, err := s.source(registry, updates)
	if err != nil {
		return err
	}
	secured, err := s.security.options(s.xdsAddress, &s.cluster, s.log, registry)
	if err != nil {
		return err
	}
	secured.Logger, secured.Registerer, secured.Register, secured.Learnt = s.log, registry, s.register, s.learnt
	s.server = xds.New(secured)
	if s.validate != "" {
		s.gate = trial.NewGate(trial.New(trial.Options{Envoy: s.validate, Logger: s.log, Registerer: registry}), s.server.Publish)
	}
	s.built = newBuilt(registry)
	s.ends = time.NewTimer(time.Hour)
	s.ends.Stop()
	s.resolver = s.newResolver()
	xdsListener, err := listen(ctx, "--xds-address", s.xdsAddress)
	if err != nil {
		return err
	}
	adminListener, err := listen(ctx, "--admin-address", s.adminAddress)
	if err != nil {
		return errors.Join(err, xdsListener.Close())
	}
	handler := admin.Handler(admin.Options{
		Gatherer: registry, Ready: s.ready, Findings: s.found,
		Proxies: func() any { return s.server.Proxies() }, Config: s.config, Diff: s.diff,
		Learnt: func() any { return s.server.Learnt() },
		Console: console.New(console.Options{
			Model: s.model.Load, Findings: s.found, Proxies: s.server.Proxies, Config: s.server.Config, Replica: s.reporter.replica(), Now: time.Now,
		}),
		ConsoleOpen: s.consoleOpen, Replica: s.reporter.replica(), Local: loopback(s.adminAddress),
	})
	s.begin()
	s.log.InfoContext(ctx, "serving", "xds", s.xdsAddress, "admin", s.adminAddress)
	defer s.keeper.run(ctx)() // to the end, for what is learnt until then
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return source(ctx) })
	if s.gate != nil {
		g.Go(func() error { return s.gate.Run(ctx) })
	}
	g.Go(func() error { return s.follow(ctx, updates) })
	g.Go(func() error { return s.server.Serve(ctx, xdsListener) })
	g.Go(func() error {
		s.resolver.KeepUp(ctx)
		return nil
	})
	g.Go(func() error { return admin.Serve(ctx, adminListener, handler) })
	return g.Wait()
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, wrongf("%s %q is not an address: want host:port, such as 127.0.0.1:18000", flag, address)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &exitError{code: exitUnreachable, err: fmt.Errorf("%s %s cannot be bound: %w", flag, address, err)}
	}
	return l, nil
}

// newResolver makes what answers callers' overrides, and questions about hosts. What comes often is left to follow.
func (s *serving) newResolver() *xds.Resolver {
	s.frequent = make(chan struct{}, 1)
	return &xds.Resolver{
		Model: s.model.Load, Ensure: s.server.Ensure, Connected: s.server.Connected, Renew: s.server.Renew, Ask: s.server.Ask, Deny: s.server.Deny,
		BecameFrequent: func() {
			select {
			case s.frequent <- struct{}{}:
			default: // it was said, and not looked at yet
			}
		},
	}
}

// register adds the resolver to the gRPC server.
func (s *serving) register(g grpc.ServiceRegistrar) {
	authv3.RegisterAuthorizationServer(g, s.resolver)
}

// ready stays true once everything was read, also when the API server is away.
// Where an earlier state is served, that is enough after a while: then what is
// wrong is with the cluster, and proxies that start need somebody.
func (s *serving) ready() error {
	switch {
	case s.keeper.suffices():
		return nil
	case s.read.Load() != nil && s.gate != nil && !s.gate.Passed():
		return errors.New("what was read is being tried on an Envoy")
	case s.read.Load() != nil:
		return nil
	}
	if s.waiting != nil {
		if missing := s.waiting(); len(missing) > 0 {
			return fmt.Errorf("these have not been read yet: %s", strings.Join(missing, "; "))
		}
	}
	return errors.New("the objects have not been read yet")
}
