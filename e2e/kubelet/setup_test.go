//go:build linux

// Package kubelet_test runs the chart's pods under a real kubelet.
package kubelet_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/nodetest"
)

const (
	chart     = "../../charts/kibble"
	release   = "kibble"
	namespace = "kibble-system"
)

func TestMain(m *testing.M) { os.Exit(nodetest.Main(m)) }

// lab is a cluster with Kibble's images.
type lab struct{ *nodetest.Cluster }

func start(t *testing.T) *lab {
	t.Helper()
	envoy := os.Getenv("KIBBLE_ENVOY")
	if envoy == "" {
		t.Fatal("KIBBLE_ENVOY is not set: run make envoy, and set it to what it prints")
	}
	return &lab{nodetest.Start(t,
		nodetest.Ours(t, "../..", "kibble/kibble:0.1.0", "kibble/kibble:next"),
		nodetest.Envoy(t, envoy, "envoyproxy/envoy:distroless-v1.40.0"),
	)}
}

// under is the same lab for a part of its test.
func (l *lab) under(t *testing.T) *lab {
	c := *l.Cluster
	c.TB = t
	return &lab{&c}
}

// helm runs the real Helm against the cluster, with no settings of whoever runs
// the test; it must succeed. It gives what it printed.
func (l *lab) helm(args ...string) string {
	l.Helper()
	binary := os.Getenv("KIBBLE_HELM")
	if binary == "" {
		l.Fatal("KIBBLE_HELM is not set: run make helm, and set it to what it prints")
	}
	command := exec.CommandContext(l.Context(), binary, args...)
	command.Env = []string{"HOME=" + l.TempDir(), "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + l.Kubeconfig}
	var out, failed bytes.Buffer
	command.Stdout, command.Stderr = &out, &failed
	if err := command.Run(); err != nil {
		l.show(namespace)
		l.Fatalf("helm %s: %v\n%s\n%s", strings.Join(args, " "), err, out.String(), failed.String())
	}
	return out.String()
}

// restricted makes a namespace that enforces the restricted Pod Security Standard.
func (l *lab) restricted(name string, labels ...string) {
	l.Helper()
	all := map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}
	for i := 0; i < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	_, err := l.Admin.CoreV1().Namespaces().Create(l.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}}, metav1.CreateOptions{})
	l.Must(err)
}

// pods gives the pods of a namespace that have labels, those that end left out.
func (l *lab) pods(in, selector string) []corev1.Pod {
	l.Helper()
	list, err := l.Admin.CoreV1().Pods(in).List(l.Context(), metav1.ListOptions{LabelSelector: selector})
	l.Must(err)
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool {
		return p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded
	})
}

// settled returns when there are n pods with labels, all of them are ready, and
// none is ending.
func (l *lab) settled(in, selector string, n int) (pods []corev1.Pod) {
	l.Helper()
	l.try(in, fmt.Sprintf("%d pods of %s %s are ready", n, in, selector), func() error {
		list, err := l.Admin.CoreV1().Pods(in).List(l.Context(), metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return err
		}
		pods = list.Items
		if len(pods) != n {
			return fmt.Errorf("there are %d", len(pods))
		}
		for _, p := range pods {
			if p.DeletionTimestamp != nil || !isReady(p) {
				return fmt.Errorf("%s: %s", p.Name, summary(p))
			}
		}
		return nil
	})
	return pods
}

// try is Eventually that shows the pods of a namespace when it fails.
func (l *lab) try(in, what string, condition func() error) {
	l.Helper()
	defer func() {
		if l.Failed() {
			l.show(in)
		}
	}()
	l.Eventually(what, condition)
}

func isReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func summary(p corev1.Pod) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p.Status.Phase, p.Status.Message)
	for _, s := range append(slices.Clone(p.Status.InitContainerStatuses), p.Status.ContainerStatuses...) {
		fmt.Fprintf(&b, "; %s ready=%v restarts=%d %+v %+v", s.Name, s.Ready, s.RestartCount, s.State, s.LastTerminationState)
	}
	return b.String()
}

// show logs the pods of a namespace, their events and what they wrote.
func (l *lab) show(in string) {
	l.Helper()
	l.eachLog(in, func(p corev1.Pod, container, text string) {
		l.Logf("pod %s: %s\n%s wrote:\n%s", p.Name, summary(p), container, text[max(0, len(text)-2000):])
	})
	events, err := l.Admin.CoreV1().Events(in).List(l.Context(), metav1.ListOptions{})
	if err != nil {
		l.Log(err)
		return
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			l.Logf("event: %s %s: %s", e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
}

// showErrors logs what the Envoys of a namespace answered with 500 or more.
func (l *lab) showErrors(in string) {
	l.Helper()
	l.eachLog(in, func(p corev1.Pod, _, text string) {
		for line := range strings.Lines(text) {
			if strings.Contains(line, `"status":5`) {
				l.Logf("%s answered: %s", p.Name, line)
			}
		}
	})
}

// eachLog calls f with what each container of a namespace wrote, "" for nothing.
func (l *lab) eachLog(in string, f func(p corev1.Pod, container, text string)) {
	l.Helper()
	list, err := l.Admin.CoreV1().Pods(in).List(l.Context(), metav1.ListOptions{})
	if err != nil {
		l.Log(err)
		return
	}
	for _, p := range list.Items {
		for _, c := range append(slices.Clone(p.Spec.InitContainers), p.Spec.Containers...) {
			f(p, c.Name, l.logs(p, c.Name))
		}
	}
}

// logs gives what a container wrote.
func (l *lab) logs(p corev1.Pod, container string) string {
	b, err := l.Admin.CoreV1().Pods(p.Namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: container}).DoRaw(l.Context())
	if err != nil {
		return ""
	}
	return string(b)
}
