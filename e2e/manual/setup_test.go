//go:build linux

// Package manual_test follows the documents as their readers do: every command
// that internal/docstest does not run is run here, in the order of its page, by
// bash, with the real kubectl, Helm, curl, kibble and Envoy, on a real cluster of
// one node (package nodetest), or beside it. What a page shows below a command is
// compared with what the command prints.
package manual_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"golang.org/x/sys/unix"

	"kibble.dev/e2e/nodetest"
	"kibble.dev/internal/docstest"
)

// root is the project's folder.
const root = "../.."

func TestMain(m *testing.M) { os.Exit(nodetest.Main(m)) }

// lab is what all readers share: a cluster, with Kibble's images in it, and a
// machine with the programs that the documents name.
type lab struct {
	*nodetest.Cluster
	home   string
	goes   []string // variables by which Go finds what it has built
	blocks map[string][]docstest.Block
	done   map[string]bool // pages that were followed
}

func start(t *testing.T) *lab {
	t.Helper()
	_, blocks, err := docstest.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{home: t.TempDir(), blocks: map[string][]docstest.Block{}, done: map[string]bool{}}
	for _, b := range blocks {
		if rel, err := filepath.Rel(root, b.File); err == nil {
			l.blocks[rel] = append(l.blocks[rel], b)
		}
	}
	// The pages' registry is an example. The image is here already, as it is on a
	// node that has pulled it once.
	ours := nodetest.Ours(t, root, "kibble/kibble:0.1.0", "registry.example/kibble:dev")
	envoy := given(t, "KIBBLE_ENVOY")
	private(t, "/etc")
	private(t, "/usr/local/bin")
	for name, file := range map[string]string{
		"kibble": ours.Files["/kibble"], "kubectl": filepath.Join(given(t, "KIBBLE_NODE"), "kubectl"),
		"helm": given(t, "KIBBLE_HELM"), "envoy": envoy,
	} {
		to := "/usr/local/bin/" + name
		_ = os.Remove(to) // this machine may have one
		must(t, os.Symlink(file, to))
	}
	must(t, os.WriteFile("/etc/hosts", []byte("127.0.0.1 localhost\n"+nodetest.Balancer+" shop.example\n"), 0o644))
	must(t, os.WriteFile("/etc/resolv.conf", nil, 0o644))
	// At a terminal curl shows none either.
	must(t, os.WriteFile(filepath.Join(l.home, ".curlrc"), []byte("no-progress-meter\n"), 0o600))
	out, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	must(t, err)
	dirs := strings.Fields(string(out))
	l.goes = []string{"GOCACHE=" + dirs[0], "GOMODCACHE=" + dirs[1], "GOPATH=" + dirs[2]}

	// Readers are in the network of the pages' company, also when they ask the
	// load balancer.
	must(t, exec.Command("ip", "addr", "add", "10.1.2.3/32", "dev", "lo").Run())
	must(t, exec.Command("ip", "route", "add", nodetest.Balancer+"/32", "dev", "uplink", "src", "10.1.2.3").Run())
	l.Cluster = nodetest.Start(t, ours, nodetest.Envoy(t, envoy, "envoyproxy/envoy:distroless-v1.40.0"))
	l.kubeconfig()
	go l.cloud()
	return l
}

func given(t *testing.T, variable string) string {
	t.Helper()
	v := os.Getenv(variable)
	if v == "" {
		t.Fatalf("%s is not set: run the tests by make test, or set it as the Makefile does", variable)
	}
	return v
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// private makes what is written into a directory of this machine stay among the
// tests, which have mounts of their own.
func private(t *testing.T, dir string) {
	t.Helper()
	upper, work := "/run/manual"+dir+"/upper", "/run/manual"+dir+"/work" // /run is theirs already
	must(t, os.MkdirAll(upper, 0o755))
	must(t, os.MkdirAll(work, 0o755))
	must(t, unix.Mount("overlay", dir, "overlay", 0, fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", dir, upper, work)))
}

// kubeconfig writes the readers' ~/.kube/config. The cluster has all the names
// that pages give to clusters.
func (l *lab) kubeconfig() {
	l.Helper()
	config, err := clientcmd.LoadFromFile(l.Kubeconfig)
	l.Must(err)
	now := config.Contexts[config.CurrentContext]
	for _, name := range []string{"staging", "my-cluster"} {
		config.Contexts[name] = now
	}
	l.Must(clientcmd.WriteToFile(*config, filepath.Join(l.home, ".kube", "config")))
}

// cloud is the cloud's load balancer: a Service that asks for an address gets the
// one that there is, by which kube-proxy leads to its pods.
func (l *lab) cloud() {
	for l.Context().Err() == nil {
		list, err := l.Admin.CoreV1().Services("").List(l.Context(), metav1.ListOptions{})
		if err == nil {
			for _, s := range list.Items {
				if s.Spec.Type == corev1.ServiceTypeLoadBalancer && len(s.Status.LoadBalancer.Ingress) == 0 {
					s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: nodetest.Balancer}}
					_, _ = l.Admin.CoreV1().Services(s.Namespace).UpdateStatus(l.Context(), &s, metav1.UpdateOptions{}) // or next time
				}
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
}
