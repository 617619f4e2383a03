// Package tokenreview checks ServiceAccount tokens with the Kubernetes API.
package tokenreview

import (
	"context"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"kibble.dev/xds"
)

// Audience is whom tokens must be meant for: one for the API server, stolen
// from a log or sent by mistake, is worth nothing here.
const Audience = "kibble"

// Reviewer asks the API server. It needs the rights to create tokenreviews, and
// to get pods. It implements xds.Reviewer.
type Reviewer struct{ Client kubernetes.Interface }

// Rules give the least rules of RBAC for a Reviewer: for a ClusterRole, because
// tokens come from pods of any namespace.
func Rules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{APIGroups: []string{authenticationv1.GroupName}, Resources: []string{"tokenreviews"}, Verbs: []string{"create"}},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
	}
}

// Review checks a token and finds the pod that it is bound to. Tokens that are
// bound to none are refused: their bearer could be anybody who copied them.
func (r Reviewer) Review(ctx context.Context, token string) (*xds.Subject, error) {
	got, err := r.Client.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: []string{Audience}},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "the token cannot be checked now: %v", err)
	}
	if !got.Status.Authenticated || !slices.Contains(got.Status.Audiences, Audience) {
		why := got.Status.Error
		if why == "" {
			why = "it is not known"
		}
		return nil, status.Errorf(codes.Unauthenticated, "the token is not good: %s", why)
	}
	account, ok := strings.CutPrefix(got.Status.User.Username, "system:serviceaccount:")
	namespace, name, both := strings.Cut(account, ":")
	if !ok || !both {
		return nil, status.Errorf(codes.Unauthenticated, "the token is %s's, want a ServiceAccount's", got.Status.User.Username)
	}
	s := &xds.Subject{Namespace: namespace, ServiceAccount: name, Pod: extra(got, "pod-name")}
	if s.Pod == "" {
		return nil, status.Errorf(codes.Unauthenticated, "the token of service account %s/%s is bound to no pod: want one that is projected into a pod", namespace, name)
	}
	return s, r.place(ctx, s, extra(got, "pod-uid"))
}

// place finds the node and the addresses of a subject's pod.
func (r Reviewer) place(ctx context.Context, s *xds.Subject, uid string) error {
	pod, err := r.Client.CoreV1().Pods(s.Namespace).Get(ctx, s.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) || err == nil && string(pod.UID) != uid:
		return status.Errorf(codes.Unauthenticated, "the token's pod %s/%s is gone", s.Namespace, s.Pod)
	case err != nil:
		return status.Errorf(codes.Unavailable, "pod %s/%s cannot be read now: %v", s.Namespace, s.Pod, err)
	}
	s.NodeName = pod.Spec.NodeName
	for _, ip := range pod.Status.PodIPs {
		s.Addresses = append(s.Addresses, ip.IP)
	}
	if len(s.Addresses) == 0 { // kubelet tells it a moment after the pod knows it
		return status.Errorf(codes.Unavailable, "pod %s/%s has no address yet", s.Namespace, s.Pod)
	}
	return nil
}

// extra gives a claim about what the token is bound to.
func extra(r *authenticationv1.TokenReview, key string) string {
	if v := r.Status.User.Extra["authentication.kubernetes.io/"+key]; len(v) == 1 {
		return v[0]
	}
	return ""
}
