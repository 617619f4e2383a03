// Package demo_test shows the hello-world demo on a real Kubernetes API, with
// sidecars and with one Envoy on each node, and the edge in front of both.
package demo_test

import (
	"os"
	"testing"

	"kibble.dev/e2e/demotest"
)

func TestMain(m *testing.M) { os.Exit(demotest.Main(m)) }

func TestSidecars(t *testing.T) { show(t, "../../examples/hello-world", "10.244.10.9") }

func TestNodes(t *testing.T) { show(t, "../../examples/hello-world-nodes", "10.244.30.99") }

// show asks all questions, and then changes one thing after the other while
// requests run, none of which may fail.
func show(t *testing.T, manifests, elsewhere string) {
	l := demotest.Start(t, demotest.Options{Manifests: manifests})
	l.CheckAnswers()
	policy := l.Ours("DogfoodPolicy", "world-v2")
	load := l.Load()

	v2 := l.Top.Pod("world-v2")
	l.StopPod(v2)
	l.Await("world", "world")
	l.StartPod(v2)
	l.Await("earth", "world")

	l.SetReady(v2.Name, false)
	l.Await("world", "world")
	l.SetReady(v2.Name, true)
	l.Await("earth", "world")

	l.MovePod("world-v2", "world-v2-1", elsewhere)
	l.CheckAnswers()

	l.EditDtab("outgoing", "/host/world => /srv/world-v1", "/host/world => /srv/world-v2")
	l.Await("earth", "earth")
	l.EditDtab("outgoing", "/host/world => /srv/world-v2", "/host/world => /srv/world-v1")
	l.Await("earth", "world")

	l.Delete("DogfoodPolicy", "world-v2")
	l.Await("world", "world")
	policy.SetResourceVersion("")
	policy.SetUID("")
	policy.SetManagedFields(nil)
	l.Apply(policy)
	l.Await("earth", "world")

	// A broken table is told at its place, and the last good one stays.
	l.EditDtab("outgoing", "=> /srv/world-v1 ;", "== /srv/world-v1 ;")
	l.AwaitCondition("Router", "outgoing", "Accepted", "False", "spec.dtab:3:")
	l.Await("earth", "world")
	l.EditDtab("outgoing", "== /srv/world-v1 ;", "=> /srv/world-v1 ;")
	l.AwaitCondition("Router", "outgoing", "Accepted", "True", "")
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	l.CheckAnswers()

	load.Stop()
	l.CheckRights()
}
