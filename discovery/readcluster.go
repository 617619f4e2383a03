package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

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
// cannot be read, and the rights that are missing, in lines, sorted; or says that
// the API server answers nothing.
func ReadCluster(ctx context.Context, o ClusterOptions) (*translate.Inventory, []dtab.Finding, error) {
	c, err := NewCluster(o)
	if err != nil {
		return nil, nil, err
	}
	var all []*follower
	c.each(func(f *follower) { all = append(all, f) })
	slices.SortFunc(all, func(a, b *follower) int { return strings.Compare(a.at.String(), b.at.String()) })
	var errs []error
	for _, f := range all {
		err := f.once(ctx)
		if answered, _ := errors.AsType[*apierrors.StatusError](err); err != nil && (answered == nil || apierrors.IsUnauthorized(answered)) {
			return nil, nil, silence(o.Config.Host, err) // it would say the same of the next
		}
		errs = append(errs, err)
	}
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
		return told{explain(f.at, err) + "; " + f.at.hint(), err}
	}
	return told{fmt.Sprintf("%s: %s", f.at, explain(f.at, err)), err}
}

// told is an error in words of ours.
type told struct {
	words string
	err   error
}

func (t told) Error() string { return t.words }
func (t told) Unwrap() error { return t.err }

// silence says that an API server answers nothing, whatever it is asked.
func silence(server string, err error) error {
	switch cause, ok := errors.AsType[*url.Error](err); {
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the API server at %s does not know who you are; see to the user of the kubeconfig: its credentials may have ended", server)
	case ok:
		err = cause.Err
	}
	return fmt.Errorf("the API server at %s cannot be asked: %w; see to its address and authority in the kubeconfig, and to the way there", server, err)
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
