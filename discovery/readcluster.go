package discovery

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"kibble.dev/dtab"
	"kibble.dev/translate"
)

// ReadCluster reads the objects of a cluster once, with lists only. Of the
// options Config and Namespaces count. The findings, sorted by place, name
// every object that is left out and why; what is not allowed to be read and only
// some objects need is among them. The error names every other thing that
// cannot be read, and the rights that are missing.
func ReadCluster(ctx context.Context, o ClusterOptions) (*translate.Inventory, []dtab.Finding, error) {
	c, err := NewCluster(o)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	c.each(func(f *follower) {
		if err := f.once(ctx); err != nil {
			errs = append(errs, err)
		}
	})
	if err := errors.Join(errs...); err != nil {
		return nil, nil, err
	}
	c.take()
	c.store.refuseKeyFiles()
	for more := true; more; c.take() { // what was referred to refers to more: Ingresses to Secrets
		more = false
		for at := range c.store.references(o.Namespaces) {
			if c.follows[at] != nil {
				continue
			}
			more = true
			f := c.newFollower(at)
			c.follows[at] = f
			if err := f.once(ctx); err != nil && !denied(f.problem) {
				return nil, nil, err
			}
		}
	}
	return c.store.inventory(), c.found(), nil
}

// once reads all objects of a scope, page by page.
func (f *follower) once(ctx context.Context) error {
	err := f.pages(ctx)
	f.answered(ctx, err)
	switch {
	case err == nil:
		return nil
	case f.at.kind == kindNamespace && apierrors.IsForbidden(err):
		return nil // their labels matter to few; found tells of it
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s; %s", explain(f.at, err), f.at.hint())
	}
	return fmt.Errorf("%s: %s", f.at, explain(f.at, err))
}

func (f *follower) pages(ctx context.Context) error {
	if f.get != nil {
		o, err := f.get(ctx)
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return f.Replace([]any{o}, "")
	}
	var all []any
	err := pager.New(func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return f.access.List(ctx, o) }).
		EachListItem(ctx, metav1.ListOptions{}, func(o runtime.Object) error {
			r, err := reduce(o)
			all = append(all, r)
			return err
		})
	if err != nil {
		return err
	}
	return f.Replace(all, "")
}
