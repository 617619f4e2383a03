package faults_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	resourcev3 "github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

// A control plane that is stopped for a while, as a machine that swaps stops it,
// goes on where it was: what was changed meanwhile arrives, nothing is taken back.
func paused(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	late := l.Metric(kibble, "kibble_xds_overdue_total")
	kibble.Signal(syscall.SIGSTOP)
	l.EditDtab("outgoing", toV1, toV2)
	asked := time.Now()
	l.Eventually("more than the limit of an answer has passed", func() error {
		if time.Since(asked) < 11*time.Second {
			return errors.New("not yet")
		}
		return nil
	})
	l.Await("earth", "world")
	kibble.Signal(syscall.SIGCONT)
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
	l.AwaitProxies(kibble)
	if n := l.Metric(kibble, "kibble_xds_overdue_total") - late; n > 0 {
		l.Errorf("%v answers counted as late that nobody could hear", n)
	}
}

// A Router comes and goes, and comes back as another, beside those that are in use.
func routerComesAndGoes(l *demotest.Lab, _ *demotest.Link) {
	const router = `{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: other}, spec: {proxyClass: edge, port: %d, bind: loopback, dtab: "%s"}}`
	ports := envoytest.FreePorts(l, 2)
	for i := range 5 {
		port, world := ports[i%2], []string{"world", "earth"}[i%2]
		table := fmt.Sprintf("/svc => /#/io.l5d.k8s/default/http/world-v%d ;", 1+i%2)
		l.Apply(l.Objects(fmt.Sprintf(router, port, table))...)
		l.Eventually("it answers", func() error { return through(fmt.Sprintf("127.0.0.1:%d", port), world+" (") })
		l.Delete("Router", "other")
		if i%2 == 1 {
			l.Eventually("it does not", func() error {
				if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
					c.Close()
					return errors.New("it listens")
				}
				return nil
			})
		}
	}
}

// A namespace is deleted in which an environment has its services. Who is in the
// environment gets the baseline.
func namespaceDeleted(l *demotest.Lab, _ *demotest.Link) {
	earth := l.Top.Pod("world-v2")
	l.Apply(l.Objects(fmt.Sprintf(`
{apiVersion: v1, kind: Namespace, metadata: {name: preview}}
---
{apiVersion: v1, kind: Service, metadata: {name: world, namespace: preview}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: world, namespace: preview, labels: {kubernetes.io/service-name: world}},
 addressType: IPv4, ports: [{name: http, port: %d}], endpoints: [{addresses: [%s], conditions: {ready: true}}]}
---
{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: preview, namespace: default},
 spec: {routers: [ingress], when: {cookie: {name: preview, exact: "yes"}}, override: "/host/world => /#/io.l5d.k8s/preview/http/world ;"}}
`, earth.Port, earth.IP))...)
	inside := insideOf(l, "yes")
	answersInside(l, inside, "earth")
	load := l.Load(inside)
	l.Must(l.Kube.CoreV1().Namespaces().Delete(l.Context(), "preview", metav1.DeleteOptions{}))
	answersInside(l, inside, "world")
	l.Eventually("the namespace is gone", func() error {
		_, err := l.Kube.CoreV1().Namespaces().Get(l.Context(), "preview", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there: %w", err)
	})
	load.Stop()
	l.Delete("DogfoodPolicy", "preview")
}

// insideOf is a question of somebody who has a preview's cookie.
func insideOf(l *demotest.Lab, preview string) helloworld.Question {
	inside := helloworld.Questions(l.Top)[0]
	inside.About, inside.Header = "somebody in the environment", [][2]string{{"Cookie", "preview=" + preview}}
	return inside
}

// answersInside returns when a world answers the question.
func answersInside(l *demotest.Lab, inside helloworld.Question, want string) {
	l.Helper()
	l.Eventually(want+" answers", func() error {
		code, body, err := inside.Ask(l.Context(), l.Top.Edge())
		if err == nil && (code != http.StatusOK || !strings.Contains(body, want+" (")) {
			err = fmt.Errorf("the answer is %d %q", code, body)
		}
		return err
	})
}

// Somebody else takes the lease under which status is written. Proxies do not
// notice; when the lease is free again, status is written again.
func leaseTaken(l *demotest.Lab, _ *demotest.Link) {
	leases := l.Kube.CoordinationV1().Leases("kibble")
	l.Eventually("the lease is taken", func() error {
		lease, err := leases.Get(l.Context(), "kibble", metav1.GetOptions{})
		if err != nil {
			return err
		}
		somebody, now := "somebody-else", metav1.NowMicro()
		lease.Spec.HolderIdentity, lease.Spec.RenewTime = &somebody, &now
		_, err = leases.Update(l.Context(), lease, metav1.UpdateOptions{})
		return err
	})
	there(l)
	l.Eventually("the lease is ours again", func() error {
		lease, err := leases.Get(l.Context(), "kibble", metav1.GetOptions{})
		if err == nil && *lease.Spec.HolderIdentity == "somebody-else" {
			err = errors.New("it is not")
		}
		return err
	})
	there(l)
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
}

// Whoever reaches the port sends rubbish, breaks off, or asks for everything and
// does not read it. The others are served as before.
func strangers(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	ctx, cancel := context.WithCancel(l.Context())
	defer cancel()
	for i := range 10 {
		stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(l.Dial("sidecar", kibble)).DeltaAggregatedResources(ctx)
		l.Must(err)
		for _, typ := range []string{resourcev3.ClusterType, resourcev3.ListenerType} { // and nothing is read
			l.Must(stream.Send(&discoveryv3.DeltaDiscoveryRequest{
				Node: &corev3.Node{Id: fmt.Sprintf("deaf-%d", i), Cluster: "sidecar"}, TypeUrl: typ, ResourceNamesSubscribe: []string{"*"},
			}))
		}
	}
	identity := certificate(l)
	var storm sync.WaitGroup
	for i := range 4 {
		storm.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				c, err := net.Dial("tcp", kibble.XDS)
				if err != nil {
					continue // the queue is full
				}
				tcp, _ := c.(*net.TCPConn)
				_ = tcp.SetLinger(0) // the end is a reset
				if (i+n)%2 == 0 {
					_, _ = c.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
				} else {
					_ = tls.Client(c, identity).HandshakeContext(ctx)
				}
				c.Close()
			}
		})
	}
	for range 3 {
		there(l)
	}
	cancel()
	storm.Wait()
	l.AwaitProxies(kibble)
}

// certificate is a proxy's, for whom it does not matter who answers.
func certificate(l *demotest.Lab) *tls.Config {
	l.Helper()
	pair, err := tls.LoadX509KeyPair(l.Certificate("class-sidecar", "tls.crt"), l.Certificate("class-sidecar", "tls.key"))
	l.Must(err)
	return &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, //nolint:gosec // it breaks off anyway
	}
}

// Certificates are replaced by something else. Whoever comes is served with the
// last good ones, and those that are connected stay.
func certificatesBroken(l *demotest.Lab, _ *demotest.Link) {
	path := l.Certificate("server", "tls.crt")
	good, err := os.ReadFile(path)
	l.Must(err)
	foreign, err := os.ReadFile(l.Certificate("class-edge", "tls.crt")) // to which the key does not belong
	l.Must(err)
	const told = "new certificates cannot be used, the last ones stay"
	for i, content := range [][]byte{[]byte("rubbish"), foreign, nil, good} {
		l.Must(os.WriteFile(path+".new", content, 0o600))
		l.Must(os.Rename(path+".new", path))
		l.Eventually("proxies that come are served, and it is told what cannot be used", func() error {
			ctx, cancel := context.WithCancel(l.Context())
			defer cancel()
			l.Must(subscribe(ctx, l, "newcomer"))
			if n := strings.Count(l.Replicas[0].Log(), told); n < min(i+1, 3) {
				return fmt.Errorf("it was told %d times", n)
			}
			return nil
		})
	}
	there(l)
}

// The disk is full to which the control plane logs and writes what it learns.
// That is counted, and nothing else suffers; when there is room, it is written.
func diskFull(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	kibble.Kill()
	end := l.SmallDisk(kibble.Dir, 256<<10)
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	fill := filepath.Join(kibble.Dir, "fill")
	f, err := os.Create(fill)
	l.Must(err)
	for err == nil {
		_, err = f.WriteString(strings.Repeat("x", 512))
	}
	l.Must(f.Close())
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "earth")
	l.Eventually("it is counted that nothing can be written", func() error {
		if l.Metric(kibble, `kibble_state_writes_total{file="objects",result="failed"}`) == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
	l.Must(os.Remove(fill))
	awaitKept(l, kibble)
	kibble.Kill()
	end()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	there(l)
}
