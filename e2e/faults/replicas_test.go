package faults_test

import (
	"errors"
	"fmt"
	"net"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

// Of two control planes one writes status, and the only proxy of a class is
// connected to the other. What that proxy makes of its configuration is told all
// the same; when its control plane dies that is no longer known, and when the one
// that writes dies the other goes on writing.
func TestReplicasTellEachOther(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2})
	l.CheckAnswers()
	writer, other := l.Replicas[0], l.Replicas[1]
	l.Eventually("one writes status", func() error {
		switch {
		case l.Metric(writer, "kibble_status_writer") == 1:
		case l.Metric(other, "kibble_status_writer") == 1:
			writer, other = other, writer
		default:
			return errors.New("none does")
		}
		return nil
	})
	load := l.Load()
	const router = `{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: nodes}, spec: {proxyClass: node, port: %d, bind: loopback, dtab: "/svc => /#/io.l5d.k8s/default/http/world-v1 ;"}}`
	ports := envoytest.FreePorts(l, 2)
	l.Apply(l.Objects(fmt.Sprintf(router, ports[0]))...)
	l.AwaitCondition("Router", "nodes", "Programmed", "Unknown", "no proxy of class node")
	l.AddEnvoy(helloworld.Proxy{Name: "node-0", Class: "node", Node: "node-a"}, other)
	l.AwaitCondition("Router", "nodes", "Programmed", "True", "")
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	l.Must(err)
	defer taken.Close()
	tcp, _ := taken.Addr().(*net.TCPAddr)
	l.Set("Router", "nodes", int64(tcp.Port), "spec", "port")
	l.AwaitCondition("Router", "nodes", "Programmed", "False", "1 of 1 proxies: node-0 refuses default/nodes")
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	l.Set("Router", "nodes", int64(ports[1]), "spec", "port")
	l.AwaitCondition("Router", "nodes", "Programmed", "True", "")
	reports(l, 1)

	other.Kill()
	l.AwaitCondition("Router", "nodes", "Programmed", "Unknown", "no proxy of class node")
	reports(l, 0)
	other.Start()
	l.AwaitReady(other)
	l.AwaitCondition("Router", "nodes", "Programmed", "True", "")

	writer.Kill()
	l.Eventually("the other one writes", func() error {
		if l.Metric(other, "kibble_status_writer") == 0 {
			return errors.New("it does not")
		}
		return nil
	})
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "earth")
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	l.AwaitCondition("Router", "nodes", "Programmed", "True", "")
	reports(l, 0)
	writer.Start()
	l.AwaitReady(writer)
	reports(l, 1)
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
	load.Stop()
	l.CheckAnswers()
	l.CheckRights()
}

// Two control planes of different versions run side by side, as during an upgrade
// or a way back, and each is ended in turn. What a proxy had of the one it is
// given anew by the other, whose clusters are other clusters: no request fails.
func TestVersions(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2, AnotherVersion: true})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	load := l.Load()
	for range 2 {
		for i, ends := range l.Replicas {
			other := l.Replicas[1-i]
			sent := l.Sent(other)
			ends.Terminate()
			l.AwaitProxies(other)
			if l.Sent(other) == sent {
				t.Error("nothing was sent to the proxies: is it another version?")
			}
			there(l)
			ends.Start()
			l.AwaitReady(ends)
		}
	}
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	load.Stop()
	l.CheckAnswers()
	l.CheckRights()
}

// reports returns when so many replicas tell the one that writes of their proxies.
func reports(l *demotest.Lab, want int) {
	l.Helper()
	l.Eventually(fmt.Sprintf("%d replicas tell of their proxies", want), func() error {
		list, err := l.Kube.CoordinationV1().Leases("kibble").List(l.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) != want+1 {
			err = fmt.Errorf("there are %d Leases", len(list.Items))
		}
		return err
	})
}
