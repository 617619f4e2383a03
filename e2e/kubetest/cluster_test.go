package kubetest

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The API stores objects, its controllers work, rights are asked for, and it
// comes back with its data after a crash.
func TestCluster(t *testing.T) {
	c := Start(t, Options{Controllers: Default()})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	admin := kubernetes.NewForConfigOrDie(c.Config)
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	if _, err := admin.CoreV1().Services("default").Create(ctx, service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.await("the default service account is there", func() error {
		_, err := admin.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{})
		return err
	})

	nobody := kubernetes.NewForConfigOrDie(c.As("nobody"))
	if _, err := nobody.CoreV1().Services("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("somebody without rights lists Services: %v", err)
	}

	c.StopAPIServer()
	c.StopEtcd()
	c.StartEtcd()
	c.StartAPIServer()
	c.await("the Service is still there", func() error {
		again, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		_, err := admin.CoreV1().Services("default").Get(again, "web", metav1.GetOptions{})
		return err
	})
}
