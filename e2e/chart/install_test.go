package chart_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/waittest"
)

// lab is a cluster, and its administrator.
type lab struct {
	*testing.T
	*kubetest.Cluster
	admin   *kubernetes.Clientset
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func newLab(t *testing.T, o kubetest.Options) *lab {
	t.Helper()
	c := kubetest.Start(t, o)
	l := &lab{T: t, Cluster: c, admin: kubernetes.NewForConfigOrDie(c.Config), dynamic: dynamic.NewForConfigOrDie(c.Config)}
	l.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(l.admin.Discovery()))
	return l
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// helm runs Helm against the cluster; it must succeed.
func (l *lab) helm(args ...string) string {
	l.Helper()
	out, err := helm(l.T, l.Kubeconfig, args...)
	if err != nil {
		l.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// restricted makes a namespace that enforces the restricted Pod Security Standard.
func (l *lab) restricted(name string) {
	l.Helper()
	_, err := l.admin.CoreV1().Namespaces().Create(l.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted",
	}}}, metav1.CreateOptions{})
	l.must(err)
}

// get gives an object as it is in the cluster; nil: it is not there.
func (l *lab) get(o *unstructured.Unstructured) *unstructured.Unstructured {
	l.Helper()
	mapping, err := l.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
	if err != nil {
		l.mapper.Reset()
		mapping, err = l.mapper.RESTMapping(o.GroupVersionKind().GroupKind(), o.GroupVersionKind().Version)
		l.must(err)
	}
	var client dynamic.ResourceInterface = l.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		in := o.GetNamespace()
		if in == "" {
			l.Fatalf("%s %s is in no namespace", o.GetKind(), o.GetName())
		}
		client = l.dynamic.Resource(mapping.Resource).Namespace(in)
	}
	live, err := client.Get(l.Context(), o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	l.must(err)
	return live
}

// Each set of values is admitted by a real API server that does not have our
// kinds, and by one that has them.
func TestDryRun(t *testing.T) {
	l := newLab(t, kubetest.Options{})
	l.restricted(namespace)
	for _, ns := range []string{"shop", "pay"} {
		l.restricted(ns)
	}
	check := func(stage string) {
		for name, set := range valueSets() {
			if name == "cert-manager" || name == "ha" {
				continue // they have objects of other people's kinds
			}
			out, err := helm(t, l.Kubeconfig, append([]string{"install", release, chart, "--namespace", namespace, "--dry-run=server"}, values(set)...)...)
			if err != nil {
				t.Errorf("%s, %s: %v\n%s", stage, name, err, out)
			}
		}
	}
	check("without our kinds")
	l.helm("install", "kibble-crds", crdChart, "--namespace", namespace)
	check("with our kinds")
}

// previous gives the chart as it was before its last change, where git knows it.
func previous(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", "log", "-2", "--format=%H", "--", chart).Output()
	commits := strings.Fields(string(out))
	if err != nil || len(commits) < 2 {
		t.Log("git does not know an older chart: the upgrade is from this one")
		return chart
	}
	dir := t.TempDir()
	archive := exec.CommandContext(t.Context(), "bash", "-c", `git -C ../.. archive "$1" charts/kibble | tar -x -C "$2"`, "bash", commits[1], dir)
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return filepath.Join(dir, "charts", "kibble")
}

// Install the chart of before, upgrade it, the same again, other values, and
// the end, on a real API server whose controllers make pods.
func TestLifecycle(t *testing.T) {
	l := newLab(t, kubetest.Options{Controllers: kubetest.Default()})
	l.restricted(namespace)
	old := previous(t)
	l.helm("install", release, old, "--namespace", namespace)
	l.helm("upgrade", release, chart, "--namespace", namespace)
	o := render(t)
	before := map[string]string{}
	for _, object := range o {
		live := l.get(object)
		if live == nil {
			t.Fatalf("there is no %s %s", object.GetKind(), object.GetName())
		}
		before[object.GetKind()+live.GetName()] = string(live.GetUID())
	}
	// The real admission chain, Pod Security included, lets pods of today's
	// templates in. Nobody runs them: of what the upgrade changed the old ones stay.
	for app, want := range map[string]int32{"kibble": 2, "kibble-edge": 2, "kibble-injector": 2} {
		waittest.Until(l, "pods of "+app, func() bool {
			d, err := l.admin.AppsV1().Deployments(namespace).Get(t.Context(), app, metav1.GetOptions{})
			l.must(err)
			return d.Status.ObservedGeneration == d.Generation && d.Status.Replicas >= want && d.Status.UpdatedReplicas >= 1
		})
	}
	kibble := program(t, "kibble.dev/cmd/kibble")
	if out := l.fillSecrets(o, kibble); !strings.Contains(out, "kibble-ca\nkibble-server\nkibble-class-edge\nkibble-system-kibble\n") {
		t.Errorf("the Job wrote %q", out)
	}
	if out := l.fillSecrets(o, kibble); out != "" {
		t.Errorf("a second time the Job wrote %q", out)
	}

	generations := l.generations(o)
	l.helm("upgrade", release, chart, "--namespace", namespace)
	for name, generation := range l.generations(o) {
		if generation != generations[name] {
			t.Errorf("the same again changed %s", name)
		}
	}
	l.secretsAreFull("after the same again", true)

	l.helm("upgrade", "kibble-crds", crdChart, "--install", "--namespace", namespace, "--take-ownership")
	l.helm("upgrade", release, chart, "--namespace", namespace, "--reset-then-reuse-values", "--set", "controlPlane.replicas=3,node.enabled=true")
	d, err := l.admin.AppsV1().Deployments(namespace).Get(t.Context(), "kibble", metav1.GetOptions{})
	l.must(err)
	if *d.Spec.Replicas != 3 || string(d.UID) != before["Deploymentkibble"] {
		t.Errorf("the upgrade: %d replicas, %s", *d.Spec.Replicas, d.UID)
	}
	l.secretsAreFull("after an upgrade", true)

	l.helm("uninstall", release, "--namespace", namespace)
	for _, object := range o {
		if object.GetKind() == "Router" {
			continue
		}
		waittest.Until(l, object.GetKind()+" "+object.GetName()+" is gone", func() bool {
			live := l.get(object)
			return live == nil || live.GetDeletionTimestamp() != nil
		})
	}
	l.helm("uninstall", "kibble-crds", "--namespace", namespace)
	if _, err := l.dynamic.Resource(routers()).Namespace(namespace).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("the kinds have gone with the charts: %v", err)
	}
}

func (l *lab) generations(o objects) map[string]int64 {
	l.Helper()
	all := map[string]int64{}
	for _, object := range o {
		if live := l.get(object); live != nil {
			all[object.GetKind()+" "+object.GetName()] = live.GetGeneration()
		}
	}
	return all
}

func (l *lab) secretsAreFull(when string, injector bool) {
	l.Helper()
	for _, name := range []string{"kibble-server", "kibble-class-edge"} {
		s, err := l.admin.CoreV1().Secrets(namespace).Get(l.Context(), name, metav1.GetOptions{})
		l.must(err)
		if len(s.Data["tls.crt"]) == 0 || len(s.Data["tls.key"]) == 0 || len(s.Data["ca.crt"]) == 0 {
			l.Errorf("%s: Secret %s has %d files", when, name, len(s.Data))
		}
	}
	if !injector {
		return
	}
	c, err := l.admin.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(context.Background(), "kibble-system-kibble", metav1.GetOptions{})
	l.must(err)
	for _, w := range c.Webhooks {
		if len(w.ClientConfig.CABundle) == 0 {
			l.Errorf("%s: the API server does not know whom to trust as %s", when, w.Name)
		}
	}
}
