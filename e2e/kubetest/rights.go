package kubetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The API server follows what is written of roles, as everybody else does: a
// moment later. Whoever is given rights, or loses them, is awaited here before
// it is seen what follows.

// AwaitRights returns when the API server lets a user do all that the roles say
// which are bound to it: "system:serviceaccount:kibble:kibble", or the name of one
// of As, by its own name and not by a group.
func (c *Cluster) AwaitRights(user string) {
	c.t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	c.must(err)
	rbac := client.RbacV1()
	everywhere, err := rbac.ClusterRoleBindings().List(context.Background(), metav1.ListOptions{})
	c.must(err)
	for _, b := range everywhere.Items {
		if of(user, b.Subjects) {
			c.awaitRole(client, user, "", b.RoleRef)
		}
	}
	within, err := rbac.RoleBindings("").List(context.Background(), metav1.ListOptions{})
	c.must(err)
	for _, b := range within.Items {
		if of(user, b.Subjects) {
			c.awaitRole(client, user, b.Namespace, b.RoleRef)
		}
	}
}

// AwaitDenied returns when the API server lets a user do nothing of what rules
// say, in a namespace; "": in the whole cluster.
func (c *Cluster) AwaitDenied(user, namespace string, rules []rbacv1.PolicyRule) {
	c.t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	c.must(err)
	c.awaitRules(client, user, namespace, rules, false)
}

// of tells whether a user is among subjects.
func of(user string, subjects []rbacv1.Subject) bool {
	return slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool {
		switch s.Kind {
		case rbacv1.ServiceAccountKind:
			return user == "system:serviceaccount:"+s.Namespace+":"+s.Name
		case rbacv1.UserKind:
			return user == s.Name
		}
		return false
	})
}

func (c *Cluster) awaitRole(client kubernetes.Interface, user, namespace string, ref rbacv1.RoleRef) {
	c.t.Helper()
	var rules []rbacv1.PolicyRule
	if ref.Kind == "Role" {
		role, err := client.RbacV1().Roles(namespace).Get(context.Background(), ref.Name, metav1.GetOptions{})
		c.must(err)
		rules = role.Rules
	} else {
		role, err := client.RbacV1().ClusterRoles().Get(context.Background(), ref.Name, metav1.GetOptions{})
		c.must(err)
		rules = role.Rules
	}
	c.awaitRules(client, user, namespace, rules, true)
}

func (c *Cluster) awaitRules(client kubernetes.Interface, user, namespace string, rules []rbacv1.PolicyRule, want bool) {
	c.t.Helper()
	for _, a := range attributes(namespace, rules) {
		c.await(fmt.Sprintf("it is %v that %s may %s %s %q", want, user, a.Verb, a.Resource, a.Name), func() error {
			review, err := client.AuthorizationV1().SubjectAccessReviews().Create(context.Background(), &authorizationv1.SubjectAccessReview{
				Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &a},
			}, metav1.CreateOptions{})
			if err == nil && review.Status.Allowed != want {
				err = fmt.Errorf("the API server says %+v", review.Status)
			}
			return err
		})
	}
}

// attributes are the single things that rules let somebody do.
func attributes(namespace string, rules []rbacv1.PolicyRule) (all []authorizationv1.ResourceAttributes) {
	for _, r := range rules {
		names := r.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				resource, sub, _ := strings.Cut(resource, "/")
				for _, verb := range r.Verbs {
					for _, name := range names {
						all = append(all, authorizationv1.ResourceAttributes{
							Namespace: namespace, Group: group, Resource: resource, Subresource: sub, Verb: verb, Name: name,
						})
					}
				}
			}
		}
	}
	return all
}
