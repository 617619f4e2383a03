package discovery

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// sameHistory gives an error, by which a reflector reads everything again, where a
// watch is to go on from a version that the API server has not come to: its etcd was
// restored from an older snapshot. It would take the watch, and say nothing until as
// much was written again as had been lost. Whether it is another history that has
// come as far meanwhile nobody can tell.
func (f *follower) sameHistory(ctx context.Context, o metav1.ListOptions) error {
	if o.ResourceVersion == "" || o.ResourceVersion == "0" || begins(o) {
		return nil
	}
	newest, err := f.access.List(ctx, metav1.ListOptions{Limit: 1}) // without a version it is asked of etcd
	if err != nil {
		return err
	}
	list, err := apimeta.ListAccessor(newest)
	if err != nil {
		return fmt.Errorf("the version of %s: %w", f.at, err)
	}
	order, err := resourceversion.CompareResourceVersion(list.GetResourceVersion(), o.ResourceVersion)
	if err != nil || order >= 0 {
		return nil //nolint:nilerr // versions of another form have no order
	}
	f.log.WarnContext(ctx, "the API server knows less than it did, as when etcd was restored; everything is read again",
		"what", f.at.String(), "read", o.ResourceVersion, "there", list.GetResourceVersion())
	return apierrors.NewResourceExpired("the API server's versions went back")
}

// begins tells that a watch is to tell of all objects at first.
func begins(o metav1.ListOptions) bool { return o.SendInitialEvents != nil && *o.SendInitialEvents }
