//go:build linux

package nodetest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kibble.dev/e2e/kubetest"
)

// limit is how long something may take that must happen.
const limit = 3 * time.Minute

// Cluster is a running cluster of one node.
type Cluster struct {
	testing.TB
	*kubetest.Cluster
	// Admin talks to it as an administrator.
	Admin *kubernetes.Clientset

	dir   string
	parts map[string]*kubetest.Process // of the node, by their names
}

// Start runs a cluster with images, and returns when its node is ready. There
// can be one at a time, in a test of a package whose TestMain is Main.
func Start(t testing.TB, images ...Image) *Cluster {
	t.Helper()
	c := &Cluster{TB: t, dir: os.Getenv(home), parts: map[string]*kubetest.Process{}}
	if c.dir == "" {
		t.Fatal("TestMain does not call nodetest.Main")
	}
	c.Cluster = kubetest.Start(t, kubetest.Options{
		Controllers: append(kubetest.Default(), "node-lifecycle-controller", "job-controller", "cronjob-controller",
			"daemonset-controller", "disruption-controller", "ttl-after-finished-controller"),
		APIServer: []string{"--bind-address=0.0.0.0", "--advertise-address=" + Address, "--endpoint-reconciler-type=lease", "--kubelet-preferred-address-types=InternalIP"},
	})
	c.Admin = kubernetes.NewForConfigOrDie(c.Config)
	c.serveDNS()
	c.startContainerd(images)
	c.startKubelet()
	c.start("kube-proxy", "--config="+c.config("proxy.yaml", proxyConfig, "$KUBECONFIG", c.credentials("system:kube-proxy")),
		"--hostname-override="+Node)
	c.start("kube-scheduler", "--kubeconfig="+c.credentials("system:kube-scheduler"), "--leader-elect=false", "--secure-port=0")
	c.Eventually("the node is ready", c.ready)
	return c
}

func (c *Cluster) startContainerd(images []Image) {
	c.Helper()
	c.config("cni/pods.conflist", networkConfig)
	c.start("containerd", "--config", c.config("containerd.toml", containerdConfig))
	c.Eventually("containerd is there", func() error {
		conn, err := net.Dial("unix", c.path("containerd.sock"))
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	for _, i := range append(images, pause()) {
		c.load(i)
	}
}

func (c *Cluster) startKubelet() {
	c.Helper()
	c.config("resolv.conf", "") // the outer world has no names here
	c.start("kubelet", "--config="+c.config("kubelet.yaml", kubeletConfig), "--kubeconfig="+c.credentials("system:node:"+Node, "system:nodes"),
		"--hostname-override="+Node, "--node-ip="+Address, "--v=2")
}

func (c *Cluster) credentials(user string, groups ...string) string {
	config := c.As(user, groups...)
	return c.WriteKubeconfig(&rest.Config{Host: config.Host, TLSClientConfig: config.TLSClientConfig}, "default")
}

// start starts a program of the node.
func (c *Cluster) start(name string, args ...string) {
	c.Helper()
	p := kubetest.NewProcess(c.TB, program(name), c.path(name+".log"), args...)
	p.Env = []string{"PATH=" + os.Getenv("KIBBLE_NODE") + ":" + os.Getenv("PATH"), "HOME=" + c.dir}
	p.Start()
	c.parts[name] = p
}

func (c *Cluster) ready() error {
	n, err := c.Admin.CoreV1().Nodes().Get(c.Context(), Node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue && len(n.Spec.Taints) == 0 {
			return nil
		}
	}
	return fmt.Errorf("taints %v, conditions %v", n.Spec.Taints, n.Status.Conditions)
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// Must ends the test if there is an error.
func (c *Cluster) Must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// Eventually returns when the condition gives no error.
func (c *Cluster) Eventually(what string, condition func() error) {
	c.Helper()
	for late := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(late) || c.Context().Err() != nil {
			c.Fatalf("waited until %s: %v", what, err)
		}
		for name, p := range c.parts {
			if p.Ended() {
				c.Fatalf("waiting until %s: %s has ended", what, name)
			}
		}
	}
}
