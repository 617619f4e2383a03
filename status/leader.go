package status

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"kibble.dev/api/v1alpha1"
)

// Lease says by which Lease replicas agree on who writes.
type Lease struct {
	Config *rest.Config
	// Namespace and Name of the Lease; Identity is this replica's own name.
	Namespace, Name, Identity string
	Logger                    *slog.Logger
	Metrics                   *Metrics
}

// How long a replica that died goes on counting as the leader, and how often
// the others and it ask.
const (
	leaseDuration = 15 * time.Second
	leaseRenew    = 10 * time.Second
	leaseRetry    = 2 * time.Second
)

// Lead runs a function whenever this replica is the leader; its context ends
// when it no longer is. It returns when ctx ends, and gives the Lease back.
func (l Lease) Lead(ctx context.Context, run func(context.Context)) error {
	client, err := coordinationv1client.NewForConfig(rest.AddUserAgent(l.Config, "leader-election"))
	if err != nil {
		return fmt.Errorf("elect a leader: %w", err)
	}
	ctx = logr.NewContext(ctx, logr.Discard()) // what is to be told the lock tells
	lock := &lock{lease: l, Interface: &resourcelock.LeaseLock{
		LeaseMeta: metav1.ObjectMeta{Namespace: l.Namespace, Name: l.Name}, Client: client,
		LockConfig: resourcelock.ResourceLockConfig{Identity: l.Identity},
	}}
	var alone sync.Mutex // run never runs twice at a time
	for ctx.Err() == nil {
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, Name: l.Name, ReleaseOnCancel: true,
			LeaseDuration: leaseDuration, RenewDeadline: leaseRenew, RetryPeriod: leaseRetry,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(ctx context.Context) {
					l.Logger.InfoContext(ctx, "this replica writes status now", "lease", l.Namespace+"/"+l.Name)
					alone.Lock()
					defer alone.Unlock()
					l.Metrics.leads.Set(1)
					defer l.Metrics.leads.Set(0)
					run(ctx)
				},
				OnStoppedLeading: func() {},
			},
		})
		if err != nil {
			return fmt.Errorf("elect a leader: %w", err)
		}
		elector.Run(ctx)
		func() { // until run has come to its end
			alone.Lock()
			defer alone.Unlock()
		}()
	}
	return nil
}

// Rules give the least rules of RBAC for writing status: for a ClusterRole, or
// for a Role in each namespace that is read.
func Rules() []rbacv1.PolicyRule {
	kinds := []string{"routers", "dtabs", "dogfoodpolicies"}
	var status []string
	for _, kind := range kinds {
		status = append(status, kind+"/status")
	}
	return []rbacv1.PolicyRule{
		{APIGroups: []string{v1alpha1.Group}, Resources: kinds, Verbs: []string{"get"}},
		{APIGroups: []string{v1alpha1.Group}, Resources: status, Verbs: []string{"update"}},
		{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
	}
}

// LeaseRules give the least rules for the Role in the Lease's namespace. Those
// without a name are for the Reports of replicas, whose names nobody knows before.
func LeaseRules(name string) []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "list", "patch", "delete"}},
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, ResourceNames: []string{name}, Verbs: []string{"get", "update"}},
	}
}
