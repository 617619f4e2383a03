//go:build linux

package kubelet_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kibble.dev/e2e/nodetest"
)

const component = "app.kubernetes.io/component="

// The chart with its demo really runs: installed, asked, changed and upgraded
// under load, removed.
func TestRelease(t *testing.T) {
	l := start(t)
	l.restricted(namespace)
	l.helm("install", release, chart, "--namespace", namespace, "--set", "demo.enabled=true,demo.replicas=2,edge.drainSeconds=3")
	edge := l.balance("kibble-edge")
	l.running()

	t.Run("start order", func(t *testing.T) { l.under(t).startOrder() })
	l.restricted(apps, "kibble.dev/inject", "enabled")
	t.Run("job", func(t *testing.T) { l.under(t).job() })
	t.Run("probes", func(t *testing.T) { l.under(t).probes() })
	t.Run("termination", func(t *testing.T) { l.under(t).termination() })
	t.Run("helm test", func(t *testing.T) { l.under(t).helmTest() })
	t.Run("delete under load", func(t *testing.T) { l.under(t).deleteUnderLoad(edge) })
	t.Run("HTTP/2 under load", func(t *testing.T) { l.under(t).speakHTTP2(edge) })
	t.Run("roll out under load", func(t *testing.T) { l.under(t).rollOutUnderLoad(edge) })
	t.Run("upgrade under load", func(t *testing.T) { l.under(t).upgradeUnderLoad(edge) })
	t.Run("other port and class under load", func(t *testing.T) { l.under(t).portUnderLoad(edge) })
	t.Run("other sidecars under load", func(t *testing.T) { l.under(t).sidecarsUnderLoad(edge) })
	t.Run("uninstall", func(t *testing.T) { l.under(t).uninstall() })
	t.Run("nodes", func(t *testing.T) { l.under(t).nodes() })
}

// balance is the cloud's load balancer: it gives a Service its address, by which
// kube-proxy leads to the pods. It gives host:port.
func (l *lab) balance(name string) string {
	l.Helper()
	s, err := l.Admin.CoreV1().Services(namespace).Get(l.Context(), name, metav1.GetOptions{})
	l.Must(err)
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: nodetest.Balancer}}
	_, err = l.Admin.CoreV1().Services(namespace).UpdateStatus(l.Context(), s, metav1.UpdateOptions{})
	l.Must(err)
	return net.JoinHostPort(nodetest.Balancer, fmt.Sprint(s.Spec.Ports[0].Port))
}

// running returns when all pods of the release are ready.
func (l *lab) running() {
	l.Helper()
	for what, n := range map[string]int{"control-plane": 2, "injector": 2, "edge": 2, "demo": 8} {
		l.settled(namespace, component+what, n)
	}
}

// startOrder checks what Kubernetes says about the start of the demo's pods.
func (l *lab) startOrder() {
	for _, p := range l.pods(namespace, component+"demo") {
		proxy, app := p.Status.InitContainerStatuses[0], p.Status.ContainerStatuses[0]
		if proxy.Name != "kibble-proxy" || proxy.Started == nil || !*proxy.Started || proxy.State.Running == nil {
			l.Errorf("%s: the sidecar: %+v", p.Name, proxy)
			continue
		}
		if proxy.State.Running.StartedAt.After(app.State.Running.StartedAt.Time) {
			l.Errorf("%s: the sidecar started at %v, the application at %v", p.Name, proxy.State.Running.StartedAt, app.State.Running.StartedAt)
		}
		if app.RestartCount+proxy.RestartCount > 0 {
			l.Errorf("%s: restarts: %s", p.Name, summary(p))
		}
	}
}

// helmTest runs the chart's own tests, in pods.
func (l *lab) helmTest() {
	out := l.helm("test", release, "--namespace", namespace)
	if !strings.Contains(out, "Succeeded") {
		l.Errorf("helm test says:\n%s", out)
	}
}

// deleteUnderLoad deletes each of the demo's pods, one after the other.
func (l *lab) deleteUnderLoad(edge string) {
	d := l.load(edge)
	for _, p := range l.pods(namespace, component+"demo") {
		l.Must(l.Admin.CoreV1().Pods(namespace).Delete(l.Context(), p.Name, metav1.DeleteOptions{}))
		l.settled(namespace, component+"demo", 8)
	}
	d.end()
}

// speakHTTP2 has the demo's applications spoken to by HTTP/2 from now on, and
// deletes each of its pods then.
func (l *lab) speakHTTP2(edge string) {
	d := l.load(edge)
	for _, name := range demoApps() {
		s, err := l.Admin.CoreV1().Services(namespace).Get(l.Context(), name, metav1.GetOptions{})
		l.Must(err)
		protocol := "kubernetes.io/h2c"
		s.Spec.Ports[0].AppProtocol = &protocol
		_, err = l.Admin.CoreV1().Services(namespace).Update(l.Context(), s, metav1.UpdateOptions{})
		l.Must(err)
		d.wait(200)
	}
	d.end()
	l.deleteUnderLoad(edge)
}

// rollOutUnderLoad replaces all pods of the demo, as kubectl rollout restart does.
func (l *lab) rollOutUnderLoad(edge string) {
	d := l.load(edge)
	l.restart()
	l.settled(namespace, component+"demo", 8)
	d.end()
}

// restart replaces the demo's pods by new ones.
func (l *lab) restart() {
	l.Helper()
	for _, name := range demoApps() {
		patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339))
		_, err := l.Admin.AppsV1().Deployments(namespace).Patch(l.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
		l.Must(err)
	}
	for _, name := range demoApps() {
		l.rolledOut(name)
	}
}

// upgradeUnderLoad upgrades everything to another image.
func (l *lab) upgradeUnderLoad(edge string) {
	d := l.load(edge)
	l.helm("upgrade", release, chart, "--namespace", namespace, "--reset-then-reuse-values", "--set", "image.tag=next,edge.logLevel=error")
	for _, name := range append(demoApps(), "kibble", "kibble-edge", "kibble-injector") {
		l.rolledOut(name)
	}
	for _, p := range l.pods(namespace, component+"control-plane") {
		if image := p.Spec.Containers[0].Image; !strings.HasSuffix(image, ":next") {
			l.Errorf("%s runs %s", p.Name, image)
		}
	}
	d.end()
}

// uninstall removes the release, and all of its pods end.
func (l *lab) uninstall() {
	l.helm("uninstall", release, "--namespace", namespace)
	l.try(namespace, "all pods are gone", func() error {
		list, err := l.Admin.CoreV1().Pods(namespace).List(l.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("there are %d", len(list.Items))
		}
		return err
	})
}

func demoApps() []string { return []string{"hello", "api", "world-v1", "world-v2"} }

// rolledOut returns when a Deployment has new pods only, all of them available,
// and the old ones are gone.
func (l *lab) rolledOut(name string) {
	l.Helper()
	l.try(namespace, name+" is rolled out", func() error {
		d, err := l.Admin.AppsV1().Deployments(namespace).Get(l.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		s := d.Status
		if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != *d.Spec.Replicas || s.Replicas != s.UpdatedReplicas || s.AvailableReplicas != s.Replicas {
			b, _ := json.Marshal(s)
			return errors.New(string(b))
		}
		return l.alone(d)
	})
}

// alone says whether a Deployment's pods are as many as they should be.
func (l *lab) alone(d *appsv1.Deployment) error {
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return err
	}
	list, err := l.Admin.CoreV1().Pods(d.Namespace).List(context.WithoutCancel(l.Context()), metav1.ListOptions{LabelSelector: selector.String()})
	if err == nil && len(list.Items) != int(*d.Spec.Replicas) {
		err = fmt.Errorf("%s has %d pods", d.Name, len(list.Items))
	}
	return err
}
