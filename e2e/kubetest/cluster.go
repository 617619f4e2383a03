// Package kubetest runs a real Kubernetes API in a test: etcd, kube-apiserver
// and, where asked for, kube-controller-manager, on loopback addresses.
//
// The programs are those of the directory that the environment variable
// KIBBLE_KUBE names, as `make kube` prints it. Everything ends with the test;
// what the programs logged is shown when it fails. Single parts can be stopped
// and started again, to see what happens then.
package kubetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/pki"
)

// limit is how long a part may take to start.
const limit = 2 * time.Minute

// Options of a Cluster.
type Options struct {
	// Controllers to run in kube-controller-manager; none: it does not run.
	// Default names a useful set.
	Controllers []string
	// APIServer are further arguments of kube-apiserver.
	APIServer []string
}

// Default are the controllers that make Pods' owners, EndpointSlices, service
// accounts and namespaces work as in a cluster. There is no scheduler and no
// kubelet: Pods stay pending unless a test writes their status.
func Default() []string {
	return []string{
		"endpointslice-controller", "namespace-controller", "garbage-collector-controller", "serviceaccount-controller",
		"root-ca-certificate-publisher-controller", "serviceaccount-token-controller", "deployment-controller", "replicaset-controller",
	}
}

// Cluster is a running Kubernetes API with RBAC.
type Cluster struct {
	// Config is an administrator's.
	Config *rest.Config
	// Kubeconfig is the path of a file that says the same.
	Kubeconfig string

	t       testing.TB
	dir     string
	bin     string
	address string
	options Options
	// authority signed the API server's certificate, and those of clients.
	authority *pki.Authority

	etcd, apiserver, controllers *Process
}

// Start runs a cluster and returns when its API is ready.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c := &Cluster{t: t, options: o, bin: programs(t), address: envoytest.FreeAddress(t)}
	// A unix socket's path may have 107 bytes, and t.TempDir() is long.
	dir, err := os.MkdirTemp("", "kube") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	c.dir = dir
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c.authority = c.newAuthority()
	c.writeCredentials()
	c.etcd = c.process("etcd", c.etcdArgs())
	c.apiserver = c.process("kube-apiserver", c.apiserverArgs())
	c.StartEtcd()
	c.StartAPIServer()
	c.awaitDefault()
	if len(o.Controllers) > 0 {
		c.controllers = c.process("kube-controller-manager", c.controllerArgs())
		c.controllers.Start()
	}
	return c
}

func programs(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("KIBBLE_KUBE")
	if dir == "" {
		t.Fatal("KIBBLE_KUBE is not set: run make kube, and set it to the directory that it prints")
	}
	if _, err := os.Stat(filepath.Join(dir, "kube-apiserver")); err != nil {
		t.Fatalf("KIBBLE_KUBE: %v: run make kube", err)
	}
	return dir
}

// StartEtcd starts etcd, which must not run.
func (c *Cluster) StartEtcd() { c.etcd.Start() }

// StopEtcd stops etcd at once, as a crash would. Its data stay.
func (c *Cluster) StopEtcd() { c.etcd.Kill() }

// StartAPIServer starts the API server, which must not run, and returns when it is ready.
func (c *Cluster) StartAPIServer() {
	c.t.Helper()
	c.apiserver.Start()
	c.WaitReady()
}

// StopAPIServer stops the API server at once, as a crash would.
func (c *Cluster) StopAPIServer() { c.apiserver.Kill() }

// WaitReady returns when the API is ready.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	client, err := rest.HTTPClientFor(c.Config)
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	c.await("the API server is ready", func() error {
		if c.apiserver.Ended() {
			return errors.New("it ended")
		}
		return ready(client, c.Config.Host+"/readyz")
	})
}

// awaitDefault returns when the API server has made the namespace default, which it
// does some time after it has first said that it is ready.
func (c *Cluster) awaitDefault() {
	c.t.Helper()
	client, err := kubernetes.NewForConfig(c.Config)
	c.must(err)
	c.await("there is the namespace default", func() error {
		_, err := client.CoreV1().Namespaces().Get(context.Background(), "default", metav1.GetOptions{})
		return err
	})
}

func ready(client *http.Client, url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, body)
	}
	return err
}

func (c *Cluster) await(what string, condition func() error) {
	c.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := condition()
		if err == nil {
			return
		}
		if time.Now().After(deadline) || c.apiserver.Ended() {
			c.t.Fatalf("waited until %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// As gives the credentials of a user in groups, by a client certificate.
func (c *Cluster) As(user string, groups ...string) *rest.Config {
	c.t.Helper()
	own := c.user(user, groups...)
	return &rest.Config{Host: "https://" + c.address, TLSClientConfig: rest.TLSClientConfig{
		CAData: c.authority.Certificate, CertData: own.Certificate, KeyData: own.Key,
	}}
}

// WriteKubeconfig writes a kubeconfig of other credentials, such as those of As,
// and gives its path.
func (c *Cluster) WriteKubeconfig(config *rest.Config, namespace string) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "kubeconfig")
	file := clientcmdapi.NewConfig()
	file.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	file.AuthInfos["test"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken,
	}
	file.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	file.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// writeCredentials makes what the parts know each other by.
func (c *Cluster) writeCredentials() {
	c.t.Helper()
	c.writePair("ca", c.authority.Pair)
	c.writePair("apiserver", c.Certify(envoytest.Loopback(), "localhost", "kubernetes.default.svc", "10.96.0.1", "fd00:96::1"))
	c.writePair("sa", c.Certify("service-accounts")) // its key signs their tokens
	c.Config = c.As("admin", "system:masters")
	c.Config.QPS, c.Config.Burst = -1, -1
	c.Kubeconfig = c.WriteKubeconfig(c.Config, "default")
}

func (c *Cluster) writePair(name string, pair pki.Pair) {
	c.t.Helper()
	c.must(os.WriteFile(c.path(name+".crt"), pair.Certificate, 0o600))
	c.must(os.WriteFile(c.path(name+".key"), pair.Key, 0o600))
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

func (c *Cluster) process(name string, args []string) *Process {
	return NewProcess(c.t, filepath.Join(c.bin, name), c.path(name+".log"), args...)
}

func (c *Cluster) etcdArgs() []string {
	client, peer := "unix://"+c.path("c.sock"), "unix://"+c.path("p.sock")
	return []string{
		"--name=one", "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=one=" + peer,
		"--quota-backend-bytes=4294967296",
	}
}

func (c *Cluster) apiserverArgs() []string {
	host, port, err := net.SplitHostPort(c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	services := "10.96.0.0/12"
	if strings.Contains(host, ":") {
		services = "fd00:96::/112"
	}
	args := []string{
		"--etcd-servers=unix://" + c.path("c.sock"), "--bind-address=" + host, "--advertise-address=" + host, "--secure-port=" + port,
		"--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"), "--client-ca-file=" + c.path("ca.crt"),
		"--authorization-mode=Node,RBAC", "--anonymous-auth=false", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + c.path("sa.crt"),
		"--service-account-signing-key-file=" + c.path("sa.key"), "--service-cluster-ip-range=" + services,
		"--endpoint-reconciler-type=none", "--enable-priority-and-fairness=false", "--shutdown-delay-duration=0s",
		"--max-requests-inflight=0", "--max-mutating-requests-inflight=0", "--v=1",
	}
	if len(c.options.Controllers) == 0 {
		// Nobody makes service accounts, without which no Pod would be admitted.
		args = append(args, "--disable-admission-plugins=ServiceAccount")
	}
	return append(args, c.options.APIServer...)
}

func (c *Cluster) controllerArgs() []string {
	return []string{
		"--kubeconfig=" + c.Kubeconfig, "--leader-elect=false", "--controllers=" + strings.Join(c.options.Controllers, ","), "--secure-port=0",
		"--root-ca-file=" + c.path("ca.crt"), "--service-account-private-key-file=" + c.path("sa.key"),
		"--cluster-signing-cert-file=" + c.path("ca.crt"), "--cluster-signing-key-file=" + c.path("ca.key"),
		"--kube-api-qps=500", "--kube-api-burst=1000", "--v=1",
	}
}
