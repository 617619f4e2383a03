// Package demotest runs the hello-world demo on a real Kubernetes API in a test:
// objects of the API, `kibble serve` as processes with the rights that the
// documentation names and TLS, a program and a real Envoy for each pod.
//
// What a kubelet would do (start programs, write the status of Pods) the tests
// do; EndpointSlices are the real controller's work.
package demotest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"

	"kibble.dev/discovery"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
	"kibble.dev/internal/tokenreview"
	"kibble.dev/internal/waittest"
	"kibble.dev/status"
)

// limit is how long the lab waits for what must happen.
const limit = 2 * time.Minute

// Lab is the demo on a cluster.
type Lab struct {
	testing.TB
	*kubetest.Cluster

	// Top is who is in the demo, and where. It follows pods that move.
	Top *helloworld.Topology
	// Kube talks to the cluster as an administrator.
	Kube *kubernetes.Clientset
	// Replicas are the control planes that were started, in that order.
	Replicas []*Replica
	// Edge is the Envoy at the edge, Envoys are those inside by their names.
	Edge   *envoytest.Envoy
	Envoys map[string]*envoytest.Envoy

	bin, dir, certs string
	program         string // that control planes are
	clock           string // the file of the clock of the last of them, "" if it is the machine's
	flags           []string
	tokens          bool
	proxiesThrough  func(string) string
	control         *rest.Config // kibble's own rights
	objects         dynamic.Interface
	mapper          *restmapper.DeferredDiscoveryRESTMapper
	programs        map[string]*kubetest.Process // by the pod's name
}

// Options of a Lab.
type Options struct {
	// Manifests is the directory of the demo's, such as ../../examples/hello-world.
	Manifests string
	// Replicas is how many control planes there are; default 1.
	Replicas int
	// AnotherVersion has the last of the control planes be of another version.
	AnotherVersion bool
	// OwnClock has the last of the control planes have a clock of its own: see SetClock.
	OwnClock bool
	// Flags are further flags of the control planes. Each has a state directory of
	// its own besides.
	Flags []string
	// Tokens has sidecars prove who they are by ServiceAccount tokens of their pods.
	Tokens bool
	// APIServer are further arguments of kube-apiserver.
	APIServer []string
	// Secrets are the names of those that the control planes may read.
	Secrets []string
	// Through replaces the address of the API server as the last of the control
	// planes knows it.
	Through func(*kubetest.Cluster) (address string)
	// ProxiesThrough replaces the address of a control plane as proxies know it.
	ProxiesThrough func(address string) string
}

// Start runs the demo and returns when it answers.
func Start(t testing.TB, o Options) *Lab {
	t.Helper()
	if lateness(t) > 0 {
		o = o.late(t)
	}
	l := &Lab{
		TB: t, Cluster: kubetest.Start(t, kubetest.Options{Controllers: kubetest.Default(), APIServer: o.APIServer}),
		bin: os.Getenv(programs), dir: t.TempDir(), flags: o.Flags, tokens: o.Tokens, proxiesThrough: o.ProxiesThrough, Envoys: map[string]*envoytest.Envoy{}, programs: map[string]*kubetest.Process{},
	}
	l.program = filepath.Join(l.bin, "kibble")
	l.connect()
	l.InstallKinds()
	l.certificates()
	manifests := l.manifests(o.Manifests)
	rules := append(discovery.Rights{Secrets: o.Secrets}.Rules(), status.Rules()...)
	if o.Tokens {
		l.flags = append(slices.Clone(l.flags), "--token-class", "sidecar=default/default")
		rules = append(rules, tokenreview.Rules()...)
	}
	l.authorize(rules, status.LeaseRules("kibble"))
	for range o.Replicas - 1 {
		l.Serve()
	}
	if o.AnotherVersion {
		l.anotherVersion()
	}
	if o.OwnClock {
		l.clockOfItsOwn()
	}
	if o.Through != nil {
		l.control.Host = "https://" + o.Through(l.Cluster)
	}
	l.Serve()
	for _, file := range []string{"services.yaml", "routers.yaml", "policies.yaml"} {
		l.applyFile(filepath.Join(manifests, file))
	}
	l.startPods()
	l.startEnvoys()
	return l
}

// Under is the same lab for a part of its test.
func (l *Lab) Under(t testing.TB) *Lab {
	part := *l
	part.TB = t
	return &part
}

// manifests copies the demo's, with addresses of the pods' network: of IPv6, where
// this machine has no others.
func (l *Lab) manifests(from string) string {
	l.Helper()
	dir := filepath.Join(l.dir, "manifests")
	l.Must(os.MkdirAll(dir, 0o755))
	for _, name := range []string{"services.yaml", "routers.yaml", "policies.yaml"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		l.Must(err)
		text := strings.ReplaceAll(string(b), "127.0.", podsFour)
		if l.six() {
			text = regexp.MustCompile(`127\.0\.(\d+)\.(\d+)`).ReplaceAllString(string(b), PodsSix+"$1:$2")
			text = strings.NewReplacer("addressType: IPv4", "addressType: IPv6", "  port: 4142", "  port: 4142\n  ipFamilies: [IPv6]").Replace(text)
		}
		l.Must(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	top, err := helloworld.Read(dir)
	l.Must(err)
	l.Top = top
	return dir
}

// six tells that the network of the tests has IPv6 alone.
func (l *Lab) six() bool { return envoytest.Loopback() == "::1" }

// Must ends the test if there is an error.
func (l *Lab) Must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// Eventually returns when the condition gives no error.
func (l *Lab) Eventually(what string, condition func() error) {
	l.Helper()
	waittest.Done(l, what, condition)
}
