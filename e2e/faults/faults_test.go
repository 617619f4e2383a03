// Package faults_test breaks one part after the other under a running
// hello-world demo on a real Kubernetes API. No request may fail, and what is
// changed while a part is away arrives when it is back.
package faults_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

func TestMain(m *testing.M) { os.Exit(demotest.Main(m)) }

// The rule of router outgoing that says who answers those who are no dogfooders.
const (
	toV1 = "/host/world => /srv/world-v1"
	toV2 = "/host/world => /srv/world-v2"
)

func TestOneControlPlane(t *testing.T) {
	link, proxies := demotest.NewLink(t), demotest.NewLink(t)
	lab := demotest.Start(t, demotest.Options{
		Manifests: "../../examples/hello-world", Secrets: []string{frontSecret}, Through: link.Through, ProxiesThrough: proxies.To,
	})
	lab.CheckAnswers()
	for _, fault := range []struct {
		name string
		test func(*demotest.Lab, *demotest.Link)
	}{
		{"control plane killed", controlPlaneKilled},
		{"API server gone", apiServerGone},
		{"etcd restarted", etcdRestarted},
		{"expired watch", expiredWatch},
		{"a thousand endpoint changes a second", manyChanges},
		{"proxy that never acknowledges", neverAcknowledges},
		{"proxy that reconnects in a loop", reconnects},
		{"control plane starts without an API server", startsAlone},
		{"control plane starts with a broken Router", startsBroken},
		{"control plane starts after a refusal", startsAfterRefusal},
		{"control plane paused", paused},
		{"slow API server", slow},
		{"connections to the API server cut in the middle", cutInTheMiddle},
		{"proxies' connections black-holed", blackHole(proxies)},
		{"a crowd of proxies comes back", crowdComesBack},
		{"half-open connections to the API server", frozen},
		{"API server answers with errors", refusals},
		{"API server says when to ask again", refusedUntilLater},
		{"API server refuses status", statusRefused},
		{"Router comes and goes", routerComesAndGoes},
		{"namespace deleted", namespaceDeleted},
		{"all endpoints vanish", endpointsVanish},
		{"readiness that flaps", readinessFlaps},
		{"Service made anew", serviceAnew},
		{"Service of the baseline made anew", baselineAnew},
		{"port renamed", portRenamed},
		{"port named twice", portNamedTwice},
		{"Service renamed", serviceRenamed},
		{"Service of type ExternalName", externalName},
		{"namespace with a Router deleted", routersNamespaceDeleted},
		{"kinds deleted", kindsDeleted},
		{"kinds replaced", kindsReplaced},
		{"rights taken away", rightsTaken},
		{"status forbidden", statusForbidden},
		{"control plane starts without rights", startsForbidden},
		{"lease taken by somebody else", leaseTaken},
		{"resets, rubbish and slow readers", strangers},
		{"certificates replaced by rubbish", certificatesBroken},
		{"certificates renewed with expired ones", certificatesExpired},
		{"authority replaced", authorityReplaced},
		{"certificate moves", certificateMoves},
		{"Routers swap ports", routersSwapPorts},
		{"Router on other addresses and of another class", routerMoves},
		{"Router made anew", routerReplaced},
		{"Service ports change", servicePortsChange},
		{"Service ports come and go", servicePortsComeAndGo},
		{"Service of another kind", serviceOfAnotherKind},
		{"EndpointSlices of others", slicesOfOthers},
		{"policies reordered", policiesReordered},
		{"table in the wrong order", tableInTheWrongOrder},
		{"Router in use moves", routerInUseMoves},
		{"Routers beside pods are renamed", besidePodsRenamed},
		{"listeners in use change", listenersInUseChange},
		{"addresses in use change", addressesInUseChange},
		{"on demand comes and goes", onDemandComesAndGoes},
		{"way in moves", wayInMoves},
		{"Leases deleted", leasesDeleted},
		{"environments come and go", environmentsComeAndGo},
		{"disk full", diskFull},
		{"silent connections", silentConnections},
		{"no more open files", noMoreFiles(proxies)},
		{"few means", fewMeans},
	} {
		if !t.Run(fault.name, func(t *testing.T) {
			l := lab.Under(t)
			load := l.Load()
			fault.test(l, link)
			load.Stop()
		}) {
			return // what follows would find the demo in an unknown state
		}
	}
	// What is refused is not looked at here: an API server that has just started
	// does not know its roles yet, and refuses everybody for a moment.
	lab.CheckAnswers()
}

// A control plane that comes back tells nobody what they know.
func controlPlaneKilled(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	before := l.Settled()
	kibble.Kill()
	l.Await("earth", "world")
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	toldNothing(l, before, kibble, 0)
	there(l)
}

// there changes something, awaits it at the proxies, and changes it back.
func there(l *demotest.Lab) {
	l.Helper()
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
}

// toldNothing fails the test if a proxy got an update, or a control plane sent
// another resource than those it had sent before.
func toldNothing(l *demotest.Lab, before map[string]int64, kibble *demotest.Replica, sent float64) {
	l.Helper()
	if n := l.Sent(kibble) - sent; n != 0 {
		l.Errorf("the control plane sent %v resources that proxies knew", n)
	}
	if told := demotest.Difference(before, l.Told()); len(told) > 0 {
		l.Errorf("proxies were told again what they knew: %v", told)
	}
}

// While the API server cannot be reached, all goes on, and a change that was
// made meanwhile arrives when it is there again.
func apiServerGone(l *demotest.Lab, link *demotest.Link) {
	link.Cut()
	l.EditDtab("outgoing", toV1, toV2)
	l.AwaitReady(l.Replicas[0]) // it stays so
	l.Await("earth", "world")
	l.StopAPIServer()
	l.Must(link.Mend())
	l.Await("earth", "world")
	l.StartAPIServer()
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
}

func etcdRestarted(l *demotest.Lab, _ *demotest.Link) {
	l.StopEtcd()
	l.Await("earth", "world")
	l.StartEtcd()
	l.WaitReady()
	there(l)
}

// What a watch would go on from is gone: everything is read again, and what was
// deleted meanwhile is noticed.
func expiredWatch(l *demotest.Lab, link *demotest.Link) {
	policy := l.Ours("DogfoodPolicy", "world-v2")
	before, err := l.Kube.CoreV1().Services("default").List(l.Context(), metav1.ListOptions{})
	l.Must(err)
	link.Cut()
	l.Delete("DogfoodPolicy", "world-v2")
	l.EditDtab("outgoing", toV1, toV2)
	l.EditDtab("outgoing", toV2, toV1)
	l.StopAPIServer() // its cache of changes goes with it
	l.StartAPIServer()
	l.Compact()
	l.Eventually("a watch from then has expired", func() error { return expired(l, before.ResourceVersion) })
	l.Must(link.Mend())
	l.Await("world", "world")
	policy.SetResourceVersion("")
	policy.SetUID("")
	policy.SetManagedFields(nil)
	l.Apply(policy)
	l.Await("earth", "world")
}

// expired gives no error if a watch that goes on from a version is refused.
func expired(l *demotest.Lab, version string) error {
	w, err := l.Kube.CoreV1().Services("default").Watch(l.Context(), metav1.ListOptions{ResourceVersion: version})
	if err == nil {
		defer w.Stop()
		select {
		case event := <-w.ResultChan():
			err = apierrors.FromObject(event.Object)
		case <-time.After(time.Second):
			return errors.New("the watch goes on")
		}
	}
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		return nil
	}
	return err
}

// Of two control planes one may go, at once or in order: its proxies go to the
// other, are told nothing that they know, and get what changes afterwards.
func TestReplicas(t *testing.T) {
	l := demotest.Start(t, demotest.Options{
		Manifests: "../../examples/hello-world", Replicas: 2, Flags: []string{"--validate-with-envoy", pickyEnvoy(t)},
	})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	load := l.Load()

	refusedWhereTried(l)

	// The one that the edge is connected to dies at once, and comes back.
	before := l.Settled()
	first, second := l.Replicas[0], l.Replicas[1]
	nodes, err := l.Proxies(first)
	l.Must(err)
	if !slices.Contains(nodes, "edge-0") {
		first, second = second, first
	}
	policiesAlike(l, first, second)
	sent := l.Sent(second)
	first.Kill()
	l.AwaitProxies(second)
	toldNothing(l, before, second, sent)
	there(l)
	first.Start()
	l.AwaitReady(first)

	// The other is asked to end: it does, and its proxies go to the first.
	before, sent = l.Settled(), l.Sent(first)
	if code := second.Terminate(); code != 0 {
		t.Errorf("after SIGTERM the exit code is %d:\n%s", code, second.Log())
	}
	l.AwaitProxies(first)
	toldNothing(l, before, first, sent)
	there(l)

	for round := range 2 { // all pods are replaced at once
		l.Rollout(fmt.Sprintf("r%d", round), 50+round)
		l.Await("earth", "world")
	}
	there(l)

	load.Stop()
	l.CheckAnswers()
	l.CheckRights()
}

// Of two control planes one no longer hears of changes. Its proxies stay as they
// are; those of the other get them. When that one dies too, its proxies go to the
// one that is behind, which takes back what it has not heard of; when it hears
// again, all are up to date.
func TestReplicasOfDifferentProgress(t *testing.T) {
	link := demotest.NewLink(t)
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2, Through: link.Through})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	current, behind := l.Replicas[0], l.Replicas[1]
	load := l.Load()

	link.Cut()
	l.EditDtab("outgoing", toV1, toV2)
	current.Kill()
	l.AwaitProxies(behind)
	l.Await("earth", "world")
	l.Must(link.Mend())
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")

	load.Stop()
	current.Start()
	l.AwaitReady(current)
	l.CheckAnswers()
}
