// Package discovery_test holds package discovery against a real API server.
package discovery_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kibble.dev/discovery"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/logtest"
)

// limit is how long a test waits for what must happen.
const limit = 2 * time.Minute

// lab is a cluster with the kinds of ours, and its administrator.
type lab struct {
	*testing.T
	*kubetest.Cluster
	admin *kubernetes.Clientset
}

func newLab(t *testing.T) *lab {
	t.Helper()
	c := kubetest.Start(t, kubetest.Options{})
	admin, err := kubernetes.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{T: t, Cluster: c, admin: admin}
	l.installKinds()
	return l
}

// account makes a service account in namespace kibble that may do what the
// rules say, in the whole cluster or in some namespaces, and gives its token.
func (l *lab) account(name string, rules []rbacv1.PolicyRule, namespaces ...string) *rest.Config {
	l.Helper()
	ctx := l.Context()
	l.namespace("kibble", nil)
	_, err := l.admin.CoreV1().ServiceAccounts("kibble").Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	l.must(err)
	meta := metav1.ObjectMeta{Name: name}
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "kibble", Name: name}}
	if len(namespaces) == 0 {
		_, err = l.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
		l.must(err)
		_, err = l.admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
		}, metav1.CreateOptions{})
		l.must(err)
	}
	for _, ns := range namespaces {
		_, err = l.admin.RbacV1().Roles(ns).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: rules}, metav1.CreateOptions{})
		l.must(err)
		_, err = l.admin.RbacV1().RoleBindings(ns).Create(ctx, &rbacv1.RoleBinding{
			ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		}, metav1.CreateOptions{})
		l.must(err)
	}
	l.AwaitRights("system:serviceaccount:kibble:" + name)
	hour := int64(3600)
	token, err := l.admin.CoreV1().ServiceAccounts("kibble").CreateToken(ctx, name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}, metav1.CreateOptions{})
	l.must(err)
	config := rest.AnonymousClientConfig(l.Config)
	config.BearerToken = token.Status.Token
	return config
}

func (l *lab) namespace(name string, labels map[string]string) {
	l.Helper()
	_, err := l.admin.CoreV1().Namespaces().Create(l.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		l.must(err)
	}
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// watched is a running discovery.Cluster.
type watched struct {
	*lab
	*discovery.Cluster
	updates chan discovery.Update
	last    discovery.Update
	log     *logtest.Log
	stop    func()
}

func (l *lab) watch(o discovery.ClusterOptions) *watched {
	l.Helper()
	w := &watched{lab: l, updates: make(chan discovery.Update, 10_000), log: &logtest.Log{}}
	o.Deliver = func(u discovery.Update) { w.updates <- u }
	o.Logger = slog.New(slog.NewTextHandler(w.log, nil))
	c, err := discovery.NewCluster(o)
	l.must(err)
	w.Cluster = c
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			l.Error(err)
		}
	})
	l.Cleanup(w.stop)
	return w
}

// until takes updates until one is as wanted, and gives it.
func (w *watched) until(what string, wanted func(discovery.Update) bool) discovery.Update {
	w.Helper()
	late := time.After(limit)
	for w.last.Inventory == nil || !wanted(w.last) {
		select {
		case w.last = <-w.updates:
		case <-late:
			w.Fatalf("%s: it does not happen; findings: %v\nwaiting: %v\nlog:\n%s", what, w.last.Findings, w.Waiting(), w.log)
		}
	}
	return w.last
}

// hasFinding tells whether a finding has all the texts in it.
func hasFinding(u discovery.Update, texts ...string) bool {
	for _, f := range u.Findings {
		all := true
		for _, text := range texts {
			all = all && strings.Contains(f.String(), text)
		}
		if all {
			return true
		}
	}
	return false
}
