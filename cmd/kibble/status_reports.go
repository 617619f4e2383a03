package main

import (
	"context"
	"time"

	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"kibble.dev/discovery"
	"kibble.dev/internal/conditions"
	"kibble.dev/status"
)

// reports makes what replicas tell each other by.
func (s *serving) reports(config *rest.Config, lease status.Lease) (*status.Reports, error) {
	client, err := coordinationv1client.NewForConfig(rest.AddUserAgent(config, "reports"))
	if err != nil {
		return nil, wrongf("no cluster: %w", err)
	}
	return &status.Reports{Client: client.Leases(lease.Namespace), Lease: lease.Name, Identity: lease.Identity, Logger: s.log}, nil
}

// tellWriter tells whoever writes status of our proxies, whenever that is
// another replica, until ctx ends.
func (s *serving) tellWriter(ctx context.Context, to *status.Reports) {
	var last conditions.Report
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusPause)
		defer cancel()
		to.Withdraw(ctx)
	}()
	for {
		if u := s.read.Load(); s.reporter.leads.Load() {
			to.Withdraw(ctx)
		} else if u != nil {
			now := time.Now()
			last = last.Next(digest(u), s.proxies(), now)
			to.Tell(ctx, now, last.Encode())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(statusPause):
		}
	}
}

// everywhere gives the proxies of all replicas, to the one that writes status.
func (s *serving) everywhere(ctx context.Context, from *status.Reports, u *discovery.Update) []conditions.Proxy {
	all := s.proxies()
	for _, text := range from.Others(ctx, time.Now()) {
		if report, err := conditions.DecodeReport(text); err == nil {
			all = append(all, report.All(digest(u))...)
		}
	}
	return all
}

// digest names what was read of our objects.
func digest(u *discovery.Update) string {
	objects := make([]conditions.Object, 0, len(u.Objects))
	for _, o := range u.Objects {
		objects = append(objects, conditions.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Generation: o.Generation, UID: o.UID})
	}
	return conditions.Digest(objects)
}
