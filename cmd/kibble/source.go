package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"kibble.dev/discovery"
	"kibble.dev/status"
)

// source gives what reads the objects until its context ends, and sends them on.
func (s *serving) source(to prometheus.Registerer, updates chan discovery.Update) (func(context.Context) error, error) {
	deliver := func(u discovery.Update) {
		select {
		case <-updates: // the newer one holds everything
		default:
		}
		updates <- u
	}
	if s.files {
		if s.cluster.asked() {
			return nil, wrongf("-f serves files; --kubeconfig, --context and -n a cluster: give one or the other")
		}
		files := &discovery.Files{Path: s.path, Deliver: deliver, LastGood: s.keeper.lastGood()}
		return func(ctx context.Context) error {
			s.log.InfoContext(ctx, "reading files", "directory", s.path)
			if err := files.Run(ctx); err != nil {
				return unreadable(s.path, err)
			}
			return nil
		}, nil
	}
	config, err := s.cluster.config()
	if err != nil {
		return nil, err
	}
	watched, err := discovery.NewCluster(discovery.ClusterOptions{
		Config: config, Namespaces: s.cluster.namespaces, Deliver: deliver, Logger: s.log, Registerer: to,
		LastGood: s.keeper.lastGood(), LastKept: s.keeper.lastKept(),
	})
	if err != nil {
		return nil, wrongf("no cluster: %w", err)
	}
	s.waiting = watched.Waiting
	if s.reporter.lease != "" {
		s.reporter.metrics = status.NewMetrics(to)
	}
	return func(ctx context.Context) error {
		s.log.InfoContext(ctx, "reading a cluster", "server", config.Host, "namespaces", s.cluster.namespaces)
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return watched.Run(ctx) })
		if s.reporter.lease != "" {
			g.Go(func() error { return s.writeStatus(ctx, config) })
		}
		return g.Wait()
	}, nil
}
