package status

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	networkingv1client "k8s.io/client-go/kubernetes/typed/networking/v1"
)

// ingressAgain is how often an address is written though nothing is new, because
// somebody else may have written meanwhile. The API server takes it for nothing
// where nobody has.
const ingressAgain = 10 * time.Minute

// Ingresses writes into the status of Ingresses where clients reach them.
type Ingresses struct {
	Client networkingv1client.IngressesGetter
	Logger *slog.Logger

	addresses []networkingv1.IngressLoadBalancerIngress
	written   map[Ingress]time.Time
}

// Ingress names one, and says when it was created, in Unix seconds: one that was
// made anew has no address yet.
type Ingress struct {
	types.NamespacedName
	Created int64
}

// Write brings the status of all these Ingresses up to date. It is for one
// goroutine of one replica. What fails is tried again by the next call.
func (w *Ingresses) Write(ctx context.Context, now time.Time, all []Ingress, addresses []networkingv1.IngressLoadBalancerIngress) {
	if w.written == nil || !slices.EqualFunc(w.addresses, addresses, func(a, b networkingv1.IngressLoadBalancerIngress) bool {
		return a.IP == b.IP && a.Hostname == b.Hostname
	}) {
		w.addresses, w.written = slices.Clone(addresses), map[Ingress]time.Time{}
	}
	wanted := map[Ingress]bool{}
	for _, name := range all {
		wanted[name] = true
		if at, ok := w.written[name]; ok && now.Sub(at) < ingressAgain {
			continue
		}
		if err := w.patch(ctx, name.NamespacedName); err != nil {
			if ctx.Err() == nil {
				w.Logger.WarnContext(ctx, "status cannot be written", "object", "ingress "+name.String(), "error", err)
			}
			return // the API server, or our rights: the others fare no better
		}
		w.written[name] = now
	}
	for name := range w.written {
		if !wanted[name] {
			delete(w.written, name)
		}
	}
}

func (w *Ingresses) patch(ctx context.Context, name types.NamespacedName) error {
	addresses := w.addresses
	if addresses == nil {
		addresses = []networkingv1.IngressLoadBalancerIngress{}
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"loadBalancer": map[string]any{"ingress": addresses}}})
	if err != nil {
		return err
	}
	_, err = w.Client.Ingresses(name.Namespace).Patch(ctx, name.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "kibble"}, "status")
	if apierrors.IsNotFound(err) {
		return nil // it has just gone
	}
	return err
}

// IngressRules give the least rules of RBAC for the status of Ingresses, beside Rules.
func IngressRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{{APIGroups: []string{networkingv1.GroupName}, Resources: []string{"ingresses/status"}, Verbs: []string{"patch"}}}
}
