// Package six_test shows the hello-world demo on a Kubernetes API, with pods, in a
// network that has IPv6 alone.
package six_test

import (
	"os"
	"testing"

	"kibble.dev/e2e/demotest"
)

func TestMain(m *testing.M) { os.Exit(demotest.MainSix(m)) }

func TestSix(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world"})
	l.CheckAnswers()
	load := l.Load()
	l.MovePod("hello", "hello-1", demotest.PodsSix+"10:9")
	l.Await("earth", "world")
	load.Stop()
	l.CheckAnswers()
	l.CheckRights()
}
