package demotest

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

// PodsSix is how addresses of pods by IPv6 begin, podsFour those by IPv4.
const (
	PodsSix  = "fd00:244::"
	podsFour = "10.244."
)

// startPods makes the Pods, and is their kubelet.
func (l *Lab) startPods() {
	l.Helper()
	for _, p := range l.Top.Pods {
		l.StartPod(p)
	}
	for _, p := range l.Top.Proxies {
		if p.Class == "node" {
			l.createPod(helloworld.Pod{Service: "l5d", Name: p.Name, IP: p.IP, Node: p.Node})
			l.SetReady(p.Name, true)
		}
	}
}

// edgeNode is the node id of the Envoy at the edge.
const edgeNode = "edge-0"

func (l *Lab) startEnvoys() {
	l.Helper()
	l.Edge = l.startEnvoy(helloworld.Proxy{Name: edgeNode, Class: "edge"})
	for _, p := range l.Top.Proxies {
		if p.Class == "node" {
			l.Envoys[p.Name] = l.startEnvoy(p)
		}
	}
}

// StartPod makes a Pod and starts its program, and the Envoy beside it where
// there is one; when the program listens, the Pod is ready.
func (l *Lab) StartPod(p helloworld.Pod) {
	l.Helper()
	l.createPod(p)
	program := kubetest.NewProcess(l, filepath.Join(l.bin, "app"), filepath.Join(l.dir, p.Name+".log"),
		slices.Concat([]string{"-addr", p.Address()}, helloworld.AppFlags(p.Service))...)
	program.Env = []string{"POD_IP=" + p.IP, "http_proxy=" + l.Top.ProxyFor(p)}
	program.Start()
	l.programs[p.Name] = program
	if l.sidecars() {
		if l.tokens {
			l.Project(p.Name, l.Token(p))
		}
		l.Envoys[p.Name] = l.startEnvoy(helloworld.Proxy{Name: p.Name, Class: "sidecar", IP: p.IP, Node: node(p)})
	}
	l.Eventually(p.Name+" listens", func() error {
		c, err := net.Dial("tcp", p.Address())
		if err == nil {
			err = c.Close()
		}
		return err
	})
	l.SetReady(p.Name, true)
}

// RestartEnvoy stops the Envoy beside a pod and starts another, which knows nothing.
func (l *Lab) RestartEnvoy(p helloworld.Pod) {
	l.Helper()
	l.Envoys[p.Name].Stop()
	l.Envoys[p.Name] = l.startEnvoy(helloworld.Proxy{Name: p.Name, Class: "sidecar", IP: p.IP, Node: node(p)})
}

// RestartEnvoyAlone is RestartEnvoy while there is no control plane: it does not
// wait until the Envoy is ready.
func (l *Lab) RestartEnvoyAlone(p helloworld.Pod) *envoytest.Envoy {
	l.Helper()
	l.Envoys[p.Name].Stop()
	l.Envoys[p.Name] = envoytest.Run(l, l.bootstrap(helloworld.Proxy{Name: p.Name, Class: "sidecar", IP: p.IP, Node: node(p)}, l.Replicas...), drained()...)
	return l.Envoys[p.Name]
}

// StopPod deletes a Pod as a cluster does: it is terminating first, and serves
// the last of those who know it; then it is not ready, and when no proxy knows its
// address any more, its program ends, and it is gone.
func (l *Lab) StopPod(p helloworld.Pod) {
	l.Helper()
	l.Must(l.Kube.CoreV1().Pods("default").Delete(l.Context(), p.Name, metav1.DeleteOptions{}))
	l.SetReady(p.Name, false)
	if l.sidecars() {
		l.AwaitForgotten(p.IP)
		e := l.Envoys[p.Name]
		l.Eventually("the Envoy of "+p.Name+" is idle", func() error { return idle(e) })
		e.Stop()
		delete(l.Envoys, p.Name)
	} else {
		l.awaitUnused(p)
	}
	l.programs[p.Name].Terminate()
	delete(l.programs, p.Name)
	now := int64(0)
	l.Must(l.Kube.CoreV1().Pods("default").Delete(l.Context(), p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}))
}

func (l *Lab) podOf(name string) helloworld.Pod {
	for _, p := range l.Top.Pods {
		if p.Name == name {
			return p
		}
	}
	return helloworld.Pod{}
}

func (l *Lab) sidecars() bool { return l.Top.Proxies[0].Class == "sidecar" }

// MovePod stops a service's pod and starts another at another address, which
// is there before the first one goes.
func (l *Lab) MovePod(service, name, ip string) {
	l.Helper()
	for i, p := range l.Top.Pods {
		if p.Service != service {
			continue
		}
		next := p
		next.Name, next.IP = name, ip
		if l.sidecars() {
			next.Via = ip
		}
		l.StartPod(next)
		l.AwaitSlice(service, ip)
		l.StopPod(p)
		l.Top.Pods[i] = next
		return
	}
	l.Fatalf("no pod of %s", service)
}

// AwaitSlice returns when the controller has written a ready endpoint with this address.
func (l *Lab) AwaitSlice(service, ip string) {
	l.Helper()
	l.Eventually(ip+" is an endpoint of "+service, func() error {
		slices, err := l.Kube.DiscoveryV1().EndpointSlices("default").List(l.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
		if err != nil {
			return err
		}
		for _, s := range slices.Items {
			for _, e := range s.Endpoints {
				if e.Addresses[0] == ip && e.Conditions.Ready != nil && *e.Conditions.Ready {
					return nil
				}
			}
		}
		return fmt.Errorf("slices: %v", slices.Items)
	})
}

func node(p helloworld.Pod) string {
	if p.Node == "" {
		return "node-a"
	}
	return p.Node
}

func (l *Lab) createPod(p helloworld.Pod) {
	l.Helper()
	_, err := l.Kube.CoreV1().Nodes().Create(l.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node(p)}}, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		l.Must(err)
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Labels: map[string]string{"app": p.Service}},
		Spec: corev1.PodSpec{
			NodeName: node(p), HostNetwork: p.Service == "l5d",
			Containers: []corev1.Container{{Name: "app", Image: "demo"}},
		},
	}
	l.Eventually("the Pod is admitted", func() error { // after the namespace's account is there
		_, err := l.Kube.CoreV1().Pods("default").Create(l.Context(), pod, metav1.CreateOptions{})
		return err
	})
	l.status(p.Name, func(s *corev1.PodStatus) {
		s.Phase, s.PodIP, s.PodIPs = corev1.PodRunning, p.IP, []corev1.PodIP{{IP: p.IP}}
	})
}

// SetReady says whether a Pod is ready.
func (l *Lab) SetReady(pod string, ready bool) {
	l.Helper()
	state := corev1.ConditionFalse
	if ready {
		state = corev1.ConditionTrue
	}
	l.status(pod, func(s *corev1.PodStatus) {
		s.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: state}, {Type: corev1.ContainersReady, Status: state}}
	})
}

// status changes the status of a Pod.
func (l *Lab) status(name string, change func(*corev1.PodStatus)) {
	l.Helper()
	pods := l.Kube.CoreV1().Pods("default")
	l.Eventually("the status of "+name+" is written", func() error {
		pod, err := pods.Get(l.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		change(&pod.Status)
		_, err = pods.UpdateStatus(context.WithoutCancel(l.Context()), pod, metav1.UpdateOptions{})
		return err
	})
}

// bootstrap gives what an Envoy is started with.
func (l *Lab) bootstrap(p helloworld.Proxy, of ...*Replica) []byte {
	l.Helper()
	out := filepath.Join(l.dir, "envoy-"+p.Name)
	args := []string{
		"bootstrap", "--proxy-class", p.Class, "--node-id", p.Name, "--namespace", "default", "--output-dir", out,
		"--tls-server-name", serverName,
	}
	if certs := filepath.Join(l.certs, "class-"+p.Class); l.tokens && p.Class == "sidecar" {
		args = append(args, "--tls-ca", filepath.Join(certs, "ca.crt"), "--token", filepath.Join(l.tokenVolume(p.Name), "token"))
	} else {
		args = append(args, "--tls-dir", certs)
	}
	for _, r := range of {
		address := r.XDS
		if l.proxiesThrough != nil {
			address = l.proxiesThrough(address)
		}
		args = append(args, "--xds-address", address)
	}
	if p.IP != "" {
		args = append(args, "--pod-ip", p.IP)
	}
	if p.Node != "" {
		args = append(args, "--node-name", p.Node)
	}
	l.Kibble(args...)
	return l.readFile(filepath.Join(out, "bootstrap.yaml"))
}
