package status

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// lock is a Lease of which it is told, once and not at each attempt, that the
// API server does not let us have it.
type lock struct {
	resourcelock.Interface
	lease Lease

	mu      sync.Mutex
	problem error // the last request's
}

// Get reads the Lease.
func (l *lock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	l.answered(ctx, err)
	return record, raw, err
}

// Create makes the Lease.
func (l *lock) Create(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Create(ctx, r)
	l.answered(ctx, err)
	return err
}

// Update takes the Lease, or keeps it.
func (l *lock) Update(ctx context.Context, r resourcelock.LeaderElectionRecord) error {
	err := l.Interface.Update(ctx, r)
	l.answered(ctx, err)
	return err
}

// answered notes how a request went, and logs when that is new. That there is no
// Lease yet, or that another replica was faster, is as it should be.
func (l *lock) answered(ctx context.Context, err error) {
	if ctx.Err() != nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) {
		return
	}
	l.mu.Lock()
	before := l.problem
	l.problem = err
	l.mu.Unlock()
	name := l.lease.Namespace + "/" + l.lease.Name
	switch {
	case err != nil:
		l.lease.Metrics.leaseErrors.Inc()
		if before == nil || apierrors.ReasonForError(before) != apierrors.ReasonForError(err) {
			l.lease.Logger.WarnContext(ctx, "the lease for writing status cannot be had; proxies do not notice", "lease", name, "error", err)
		}
	case before != nil:
		l.lease.Logger.InfoContext(ctx, "the lease for writing status can be had again", "lease", name)
	}
}
