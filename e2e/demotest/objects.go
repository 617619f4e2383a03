package demotest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"kibble.dev/e2e/kubetest"
)

func (l *Lab) connect() {
	l.Helper()
	var err error
	l.Kube, err = kubernetes.NewForConfig(l.Config)
	l.Must(err)
	l.objects, err = dynamic.NewForConfig(l.Config)
	l.Must(err)
	l.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(l.Kube.Discovery()))
}

// Objects reads YAML documents.
func (l *Lab) Objects(text string) []*unstructured.Unstructured {
	l.Helper()
	return kubetest.Objects(l, text)
}

// client gives what reads and writes objects of the kind, once it is served.
func (l *Lab) client(o *unstructured.Unstructured) (client dynamic.ResourceInterface) {
	l.Helper()
	kind := o.GroupVersionKind()
	l.Eventually(kind.Kind+" is served", func() error {
		mapping, err := l.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			l.mapper.Reset()
			return err
		}
		resource := l.objects.Resource(mapping.Resource)
		client = resource
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			if o.GetNamespace() == "" {
				o.SetNamespace("default")
			}
			client = resource.Namespace(o.GetNamespace())
		}
		return nil
	})
	return client
}

// Apply writes objects as kubectl apply --server-side does.
func (l *Lab) Apply(objects ...*unstructured.Unstructured) {
	l.Helper()
	for _, o := range objects {
		client := l.client(o)
		l.Eventually(fmt.Sprintf("%s %s is applied", o.GetKind(), o.GetName()), func() error {
			_, err := client.Apply(l.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "test", Force: true})
			if err != nil && !soon(err) {
				l.Fatalf("apply %s %s: %v", o.GetKind(), o.GetName(), err)
			}
			return err
		})
	}
}

// soon tells that the API server may take what it does not take now: its parts
// learn one after the other that a kind is there, or is there again.
func soon(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// applyFile writes the objects of a file, but EndpointSlices: the controller makes them.
func (l *Lab) applyFile(name string) {
	l.Helper()
	b, err := os.ReadFile(name)
	l.Must(err)
	for _, o := range l.Objects(string(b)) {
		if o.GetKind() != "EndpointSlice" {
			l.Apply(o)
		}
	}
}

// Ours gives an object of Kibble's kinds in namespace default.
func (l *Lab) Ours(kind, name string) *unstructured.Unstructured {
	l.Helper()
	o := named(kind, name)
	client := l.client(o)
	l.Eventually(kind+" "+name+" is read", func() (err error) {
		if o, err = client.Get(l.Context(), name, metav1.GetOptions{}); err != nil && !soon(err) {
			l.Fatalf("read %s %s: %v", kind, name, err)
		}
		return err
	})
	return o
}

func named(kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("kibble.dev/v1alpha1")
	o.SetKind(kind)
	o.SetName(name)
	return o
}

// Delete deletes an object of Kibble's kinds.
func (l *Lab) Delete(kind, name string) {
	l.Helper()
	l.Must(l.client(named(kind, name)).Delete(l.Context(), name, metav1.DeleteOptions{}))
}

// DeleteIn deletes an object of Kibble's kinds in a namespace.
func (l *Lab) DeleteIn(namespace, kind, name string) error {
	l.Helper()
	o := named(kind, name)
	o.SetNamespace(namespace)
	return l.client(o).Delete(l.Context(), name, metav1.DeleteOptions{})
}

// EditDtab replaces a part of a Router's dtab.
func (l *Lab) EditDtab(router, before, after string) {
	l.Helper()
	l.edit("Router", router, func(o *unstructured.Unstructured) error {
		text, _, _ := unstructured.NestedString(o.Object, "spec", "dtab")
		if !strings.Contains(text, before) {
			l.Fatalf("router %s: the dtab does not hold %q:\n%s", router, before, text)
		}
		return unstructured.SetNestedField(o.Object, strings.ReplaceAll(text, before, after), "spec", "dtab")
	})
}

// Set sets a field of an object of Kibble's kinds, to a value as JSON is decoded,
// with int64 for whole numbers.
func (l *Lab) Set(kind, name string, value any, field ...string) {
	l.Helper()
	l.edit(kind, name, func(o *unstructured.Unstructured) error {
		return unstructured.SetNestedField(o.Object, value, field...)
	})
}

// edit changes an object as it is now, also when its status is written meanwhile.
func (l *Lab) edit(kind, name string, change func(*unstructured.Unstructured) error) {
	l.Helper()
	l.Eventually(kind+" "+name+" is changed", func() error {
		o := l.Ours(kind, name)
		l.Must(change(o))
		_, err := l.client(o).Update(l.Context(), o, metav1.UpdateOptions{})
		if err != nil && !apierrors.IsConflict(err) && !soon(err) {
			l.Fatalf("change %s %s: %v", kind, name, err)
		}
		return err
	})
}

// AwaitCondition returns when a condition of an object, as of its newest
// generation, is so: "True", and its message holds the text.
func (l *Lab) AwaitCondition(kind, name, condition, state, text string) {
	l.Helper()
	l.Eventually(fmt.Sprintf("%s %s has %s=%s %q", kind, name, condition, state, text), func() error {
		o := l.Ours(kind, name)
		list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		for _, c := range list {
			c, _ := c.(map[string]any)
			message, _ := c["message"].(string)
			if c["type"] == condition && c["status"] == state && c["observedGeneration"] == o.GetGeneration() && strings.Contains(message, text) {
				return nil
			}
		}
		return fmt.Errorf("generation %d has the conditions %v", o.GetGeneration(), list)
	})
}

// InstallKinds stores the CRDs of the chart, without what is for Helm.
func (l *Lab) InstallKinds() {
	l.Helper()
	files, err := filepath.Glob("../../charts/kibble-crds/templates/*.yaml")
	l.Must(err)
	if len(files) == 0 {
		l.Fatal("the chart has no CRDs")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		l.Must(err)
		var kept strings.Builder
		for line := range strings.Lines(string(b)) {
			if !strings.Contains(line, "{{-") {
				kept.WriteString(line)
			}
		}
		l.Apply(l.Objects(kept.String())...)
	}
}

// account is the name of the control planes' ServiceAccount, its roles and namespace.
const account = "kibble"

// user is who that is to the API server.
const user = "system:serviceaccount:" + account + ":" + account

// authorize makes the ServiceAccount of the control planes, with these rights in
// the whole cluster and in its own namespace.
func (l *Lab) authorize(everywhere, own []rbacv1.PolicyRule) {
	l.Helper()
	const name = account
	ctx, meta := l.Context(), metav1.ObjectMeta{Name: name}
	_, err := l.Kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: meta}, metav1.CreateOptions{})
	l.Must(err)
	_, err = l.Kube.CoreV1().ServiceAccounts(name).Create(ctx, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
	l.Must(err)
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: name, Name: name}}
	rbac := l.Kube.RbacV1()
	_, err = rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: meta, Rules: everywhere}, metav1.CreateOptions{})
	l.Must(err)
	_, err = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
	}, metav1.CreateOptions{})
	l.Must(err)
	_, err = rbac.Roles(name).Create(ctx, &rbacv1.Role{ObjectMeta: meta, Rules: own}, metav1.CreateOptions{})
	l.Must(err)
	_, err = rbac.RoleBindings(name).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: meta, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
	}, metav1.CreateOptions{})
	l.Must(err)
	l.AwaitRights(user)
	token, err := l.Kube.CoreV1().ServiceAccounts(name).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	l.Must(err)
	l.control = rest.AnonymousClientConfig(l.Config)
	l.control.BearerToken = token.Status.Token
}

// TakeKinds deletes CustomResourceDefinitions of ours, by their plurals, and
// returns when they are gone. It gives the objects that went with them, ready to
// be applied again.
func (l *Lab) TakeKinds(plurals ...string) (lost []*unstructured.Unstructured) {
	l.Helper()
	definitions := l.objects.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, plural := range plurals {
		list, err := l.objects.Resource(schema.GroupVersionResource{Group: "kibble.dev", Version: "v1alpha1", Resource: plural}).List(l.Context(), metav1.ListOptions{})
		l.Must(err)
		for i := range list.Items {
			lost = append(lost, written(&list.Items[i]))
		}
		l.Must(definitions.Delete(l.Context(), plural+".kibble.dev", metav1.DeleteOptions{}))
	}
	for _, plural := range plurals {
		l.Eventually(plural+" are gone", func() error {
			_, err := definitions.Get(l.Context(), plural+".kibble.dev", metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("they are there: %w", err)
		})
	}
	l.mapper.Reset()
	return lost
}

// written is an object as somebody wrote it.
func written(o *unstructured.Unstructured) *unstructured.Unstructured {
	next := &unstructured.Unstructured{Object: map[string]any{"spec": o.Object["spec"]}}
	next.SetAPIVersion(o.GetAPIVersion())
	next.SetKind(o.GetKind())
	next.SetNamespace(o.GetNamespace())
	next.SetName(o.GetName())
	return next
}

// ClusterIP is the address of a Service in namespace default.
func (l *Lab) ClusterIP(service string) string {
	l.Helper()
	s, err := l.Kube.CoreV1().Services("default").Get(l.Context(), service, metav1.GetOptions{})
	l.Must(err)
	return s.Spec.ClusterIP
}
