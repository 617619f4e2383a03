package faults_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/helloworld"
)

// A node is drained: all of its pods are evicted at once, with their sidecars. Until
// others are there, elsewhere, those that end are all that there is, and go on being
// sent requests; nobody is taken to be away, so that dogfooders stay in their
// environment. As soon as a service has a pod that is ready, those that end get no more.
func TestNodeDrained(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world"})
	l.CheckAnswers()
	load := l.Load()
	for round := range 2 {
		drain(l, round)
	}
	load.Stop()
	l.CheckAnswers()
	l.CheckRights()
}

func drain(l *demotest.Lab, round int) {
	pods := slices.Clone(l.Top.Pods)
	evict(l, pods)
	for i, p := range pods {
		next := p
		next.Name, next.IP, next.Node = fmt.Sprintf("%s-drained-%d", p.Service, round), fmt.Sprintf("10.244.%d.%d", 60+round, i+1), fmt.Sprintf("node-%d", round)
		next.Via = next.IP
		l.Top.Pods = append(l.Top.Pods, next)
		l.StartPod(next)
		l.AwaitForgotten(p.IP) // it still serves, and says so
	}
	for _, p := range pods {
		l.StopPod(p)
	}
	l.Top.Pods = l.Top.Pods[len(pods):]
	there(l)
}

// The same where each node has one Envoy, of a DaemonSet, which stays: first one node is
// drained, then the other.
func TestNodeDrainedBesideDaemonSet(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world-nodes"})
	l.CheckAnswers()
	load := l.Load()
	for round, to := range slices.Concat(l.Top.Proxies, l.Top.Proxies) {
		var ending []helloworld.Pod
		for _, p := range l.Top.Pods {
			if p.Node != to.Node {
				ending = append(ending, p)
			}
		}
		evict(l, ending)
		for i, p := range ending {
			next := p
			next.Name, next.Node, next.Via = fmt.Sprintf("%s-drained-%d", p.Service, round), to.Node, to.IP
			next.IP = fmt.Sprintf("%s%d", strings.TrimSuffix(to.IP, "1"), 20+10*round+i)
			l.Top.Pods = append(l.Top.Pods, next)
			l.StartPod(next)
			l.AwaitSlice(p.Service, next.IP)
		}
		for _, p := range ending {
			l.StopPod(p)
			l.Top.Pods = slices.DeleteFunc(l.Top.Pods, func(x helloworld.Pod) bool { return x == p })
		}
		l.CheckAnswers()
	}
	load.Stop()
	l.CheckRights()
}

// evict evicts pods at once, and returns when all are known to end and go on being used.
func evict(l *demotest.Lab, pods []helloworld.Pod) {
	l.Helper()
	for _, p := range pods {
		l.Must(l.Kube.CoreV1().Pods("default").EvictV1(l.Context(), &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: p.Name}}))
	}
	for _, p := range pods {
		awaitTerminating(l, p)
	}
	there(l)
}

// awaitTerminating returns when the controller has written that the pod ends, and serves.
func awaitTerminating(l *demotest.Lab, p helloworld.Pod) {
	l.Helper()
	l.Eventually(p.Name+" is known to end", func() error {
		list, err := l.Kube.DiscoveryV1().EndpointSlices("default").List(l.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + p.Service})
		if err != nil {
			return err
		}
		for _, s := range list.Items {
			for _, e := range s.Endpoints {
				if c := e.Conditions; e.Addresses[0] == p.IP && !*c.Ready && *c.Serving && *c.Terminating {
					return nil
				}
			}
		}
		return errors.New("not yet")
	})
}
