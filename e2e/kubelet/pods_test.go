//go:build linux

package kubelet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// apps is a namespace whose pods get sidecars, for pods that are not the chart's.
const apps = "apps"

// pod creates a pod of the demo's program in apps, with changes.
func (l *lab) pod(name string, args []string, change func(*corev1.Pod)) {
	l.Helper()
	l.podIn(apps, name, args, change)
}

func (l *lab) podIn(namespace, name string, args []string, change func(*corev1.Pod)) {
	l.Helper()
	yes, no := true, false
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}, Annotations: map[string]string{}},
		Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "app", Image: "kibble/kibble:0.1.0", Command: []string{"/helloworld"}, Args: args,
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
	change(p)
	l.Eventually("the pod is admitted", func() error { // after the namespace's account is there
		_, err := l.Admin.CoreV1().Pods(namespace).Create(l.Context(), p, metav1.CreateOptions{})
		return err
	})
}

// get gives a pod of apps.
func (l *lab) get(name string) (*corev1.Pod, error) {
	return l.Admin.CoreV1().Pods(apps).Get(context.WithoutCancel(l.Context()), name, metav1.GetOptions{})
}

// job runs a program that calls a service at once and ends: its Envoy was ready
// before, and does not keep it from ending.
func (l *lab) job() {
	l.pod("once", []string{"-ask=http://hello/", "-host=hello", "-want=Hello", "-for=2m"}, func(p *corev1.Pod) {
		p.Spec.RestartPolicy = corev1.RestartPolicyNever
	})
	var pod *corev1.Pod
	l.try(apps, "the pod has succeeded, and its sidecar has ended", func() (err error) {
		pod, err = l.get("once")
		if err == nil && (pod.Status.Phase != corev1.PodSucceeded || pod.Status.InitContainerStatuses[0].State.Terminated == nil) {
			err = errors.New(summary(*pod))
		}
		return err
	})
	var log string
	l.Eventually("what it wrote can be read", func() error { // kubelet may be busy
		if log = l.logs(*pod, "app"); log == "" {
			return errors.New("nothing comes")
		}
		return nil
	})
	// It says each question that went wrong, too.
	if !strings.HasPrefix(log, "Hello (") || strings.Contains(log, "\n") {
		l.Errorf("its first question was not answered:\n%s", log)
	}
}

// probes shows that kubelet's probes ask the application, and act on it alone.
func (l *lab) probes() {
	ask := &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/probe", Port: intstr.FromInt32(8080)}},
		PeriodSeconds: 1, FailureThreshold: 2, TimeoutSeconds: 60,
	}
	start := ask.DeepCopy()
	start.FailureThreshold = 120
	l.pod("readiness", []string{"-addr=:8080"}, func(p *corev1.Pod) {
		p.Spec.Containers[0].StartupProbe, p.Spec.Containers[0].ReadinessProbe = start, ask
	})
	l.pod("liveness", []string{"-addr=:8080"}, func(p *corev1.Pod) {
		p.Annotations["kibble.dev/drain-seconds"] = "1"
		p.Spec.Containers[0].StartupProbe, p.Spec.Containers[0].LivenessProbe = start, ask
	})
	ready := l.settled(apps, "app=readiness", 1)[0]
	l.fail(ready, "1")
	l.try(apps, "the pod is not ready, and its sidecar is", func() error {
		p, err := l.get("readiness")
		if err == nil && (isReady(*p) || p.Status.ContainerStatuses[0].Ready || !p.Status.InitContainerStatuses[0].Ready) {
			err = errors.New(summary(*p))
		}
		return err
	})
	l.fail(ready, "0")
	if p := l.settled(apps, "app=readiness", 1)[0]; restarts(p) != 0 {
		l.Errorf("a probe of readiness restarted something: %s", summary(p))
	}
	live := l.settled(apps, "app=liveness", 1)[0]
	l.fail(live, "1")
	l.try(apps, "the application is restarted", func() error {
		p, err := l.get("liveness")
		if err == nil && (p.Status.ContainerStatuses[0].RestartCount != 1 || !isReady(*p)) {
			err = errors.New(summary(*p))
		}
		return err
	})
	if p, err := l.get("liveness"); err != nil || restarts(*p) != 1 {
		l.Errorf("the sidecar was restarted: %s, %v", summary(*p), err)
	}
}

func restarts(p corev1.Pod) (n int32) {
	for _, s := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
		n += s.RestartCount
	}
	return n
}

// fail sets the rate at which a pod's application fails.
func (l *lab) fail(p corev1.Pod, rate string) {
	l.Helper()
	l.Eventually("the application takes its rate of failures", func() error {
		_, err := post("http://" + net.JoinHostPort(p.Status.PodIP, "8080") + "/setFailureRate?failureRate=" + rate)
		return err
	})
}

func post(url string) (string, error) { return send(context.Background(), url) }

func send(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, b)
	}
	return string(b), err
}

// termination ends a pod while it works on a request: the application is told
// first, ends its work, for which it calls another service, and only then its
// Envoy is told.
func (l *lab) termination() {
	const keep = "kibble.dev/keep" // so that its last status can be read
	l.pod("slow", []string{"-addr=:8080", "-text=slow", "-target=hello", "-latency=5s"}, func(p *corev1.Pod) {
		p.Finalizers = []string{keep}
		p.Annotations["kibble.dev/drain-seconds"] = "1"
	})
	p := l.settled(apps, "app=slow", 1)[0]
	address := net.JoinHostPort(p.Status.PodIP, "8080")
	l.Eventually("the application listens", func() error { // it runs, which is all that kubelet looks at
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err
	})
	type result struct {
		body string
		err  error
	}
	answered, asked := make(chan result, 1), make(chan struct{})
	written := sync.OnceFunc(func() { close(asked) })
	go func() {
		defer written() // if it could not be asked at all
		body, err := send(httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { written() },
		}), "http://"+address+"/")
		answered <- result{body, err}
	}()
	<-asked
	l.Must(l.Admin.CoreV1().Pods(apps).Delete(l.Context(), p.Name, metav1.DeleteOptions{}))
	if r := <-answered; r.err != nil || !strings.Contains(r.body, "slow (") && !strings.Contains(r.body, "slow Hello (") {
		l.Errorf("a request to a pod that ends: %q, %v", r.body, r.err)
	}
	var last *corev1.Pod
	l.try(apps, "both containers have ended", func() (err error) {
		last, err = l.get("slow")
		if err == nil && (last.Status.ContainerStatuses[0].State.Terminated == nil || last.Status.InitContainerStatuses[0].State.Terminated == nil) {
			err = errors.New(summary(*last))
		}
		return err
	})
	app, proxy := last.Status.ContainerStatuses[0].State.Terminated, last.Status.InitContainerStatuses[0].State.Terminated
	if proxy.FinishedAt.Before(&app.FinishedAt) || app.ExitCode != 0 || proxy.ExitCode != 0 {
		l.Errorf("the application ended at %v with %d, its Envoy at %v with %d", app.FinishedAt, app.ExitCode, proxy.FinishedAt, proxy.ExitCode)
	}
	_, err := l.Admin.CoreV1().Pods(apps).Patch(l.Context(), p.Name, types.JSONPatchType, []byte(`[{"op":"remove","path":"/metadata/finalizers"}]`), metav1.PatchOptions{})
	l.Must(err)
}
