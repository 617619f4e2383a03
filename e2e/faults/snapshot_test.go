package faults_test

import (
	"fmt"
	"testing"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// etcd is restored from a snapshot that is older than what Kibble has read: versions
// go back, objects of before are there again, and what was written since is gone. The
// proxies follow, and no request fails over it.
func TestEtcdRestored(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world"})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	load := l.Load()
	l.StopEtcd()
	restore := l.Snapshot()
	l.StartEtcd()
	l.WaitReady()

	const router = `{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: later}, spec: {proxyClass: sidecar, port: %d, bind: loopback, dtab: "/svc => /srv ;"}}`
	l.Apply(l.Objects(fmt.Sprintf(router, envoytest.FreePorts(t, 1)[0]))...)
	l.AwaitCondition("Router", "later", "Programmed", "True", "")
	for range 20 { // so that it is far back
		l.EditDtab("outgoing", toV1, toV2)
		l.EditDtab("outgoing", toV2, toV1)
	}
	l.EditDtab("outgoing", toV1, toV2)
	l.Delete("DogfoodPolicy", "world-v2")
	l.Await("earth", "earth")

	l.StopAPIServer()
	l.StopEtcd()
	restore()
	l.StartEtcd()
	l.StartAPIServer()
	l.Await("earth", "world")
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
	l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	load.Stop()
	l.CheckAnswers()
}
