package demotest

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Forbid takes rights on resources away from the control planes, by their
// plurals such as "services" or "leases"; none: the whole ClusterRole is
// deleted. It gives what gives them back. A watch that runs goes on until its
// connection ends: see Link. Both return when the API server does as is written.
func (l *Lab) Forbid(resources ...string) (allow func()) {
	l.Helper()
	everywhere, own := l.Kube.RbacV1().ClusterRoles(), l.Kube.RbacV1().Roles(account)
	role, err := everywhere.Get(l.Context(), account, metav1.GetOptions{})
	l.Must(err)
	leader, err := own.Get(l.Context(), account, metav1.GetOptions{})
	l.Must(err)
	if len(resources) == 0 {
		l.Must(everywhere.Delete(l.Context(), account, metav1.DeleteOptions{}))
		l.AwaitDenied(user, "", role.Rules)
	} else {
		less, lessOwn := role.DeepCopy(), leader.DeepCopy()
		less.Rules, lessOwn.Rules = without(role.Rules, resources), without(leader.Rules, resources)
		_, err = everywhere.Update(l.Context(), less, metav1.UpdateOptions{})
		l.Must(err)
		_, err = own.Update(l.Context(), lessOwn, metav1.UpdateOptions{})
		l.Must(err)
		l.AwaitDenied(user, "", only(role.Rules, resources))
		l.AwaitDenied(user, account, only(leader.Rules, resources))
	}
	return func() {
		l.Helper()
		role.ObjectMeta, leader.ObjectMeta = metav1.ObjectMeta{Name: account}, metav1.ObjectMeta{Name: account}
		if len(resources) == 0 {
			_, err = everywhere.Create(l.Context(), role, metav1.CreateOptions{})
		} else {
			_, err = everywhere.Update(l.Context(), role, metav1.UpdateOptions{})
		}
		l.Must(err)
		_, err = own.Update(l.Context(), leader, metav1.UpdateOptions{})
		l.Must(err)
		l.AwaitRights(user)
	}
}

// without gives the rules with what they say of other resources.
func without(rules []rbacv1.PolicyRule, resources []string) []rbacv1.PolicyRule {
	return where(rules, func(name string) bool { return !slices.Contains(resources, name) })
}

// only gives the rules with what they say of these resources.
func only(rules []rbacv1.PolicyRule, resources []string) []rbacv1.PolicyRule {
	return where(rules, func(name string) bool { return slices.Contains(resources, name) })
}

// where gives the rules with what they say of resources whose names are wanted.
func where(rules []rbacv1.PolicyRule, wanted func(name string) bool) (left []rbacv1.PolicyRule) {
	for _, r := range rules {
		r.Resources = slices.DeleteFunc(slices.Clone(r.Resources), func(name string) bool { return !wanted(name) })
		if len(r.Resources) > 0 {
			left = append(left, r)
		}
	}
	return left
}
