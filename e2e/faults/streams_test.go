package faults_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

const streamsPolicy = `
{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: streams}, spec: {
  routers: [ingress], when: {cookie: {name: stream, exact: "yes"}},
  override: "/echo => /srv/echo-v2 ; /calls => /srv/calls-v2 ; /host/echo => /srv/echo-v2 ; /host/calls => /srv/calls-v2 ;"}}`

// Requests that have no end, both ways, of HTTP/1.1 and of HTTP/2, go on while all
// changes of which docs/operations/upgrading.md says that they touch no connection:
// what they go by is led elsewhere, and then taken away.
func TestStreams(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world"})
	l.CheckAnswers()
	names := []string{"echo-v1", "echo-v2", "calls-v1", "calls-v2"}
	v1, v2 := echo(l, l.Top.Pod("hello")), echo(l, l.Top.Pod("world-v2"))
	for i, name := range names {
		leadTo(l, name, []string{v1, v2}[i%2])
	}
	l.EditDtab("ingress", "=> /host ;", "=> /host ; /echo => /srv/echo-v1 ; /calls => /srv/calls-v1 ; /domain/world/hello/echo => /echo ; /domain/world/hello/calls => /calls ;")
	l.EditDtab("outgoing", "/srv/world-v1 ;", "/srv/world-v1 ; /host/echo => /srv/echo-v1 ; /host/calls => /srv/calls-v1 ;")
	l.Apply(l.Objects(streamsPolicy)...)

	cookie, context := [2]string{"Cookie", "stream=yes"}, [2]string{"l5d-ctx-dogfood", "streams"}
	rule := [2]string{"l5d-dtab", "/host/echo => /srv/echo-v2; /host/calls => /srv/calls-v2"}
	var all []*stream
	for _, host := range []string{"echo", "calls"} {
		inside := l.Top.ProxyOf("api")
		all = append(all,
			open(l, "", host, v1), open(l, "", host, v2, cookie),
			open(l, inside, host, v1), open(l, inside, host, v2, context), open(l, inside, host, v2, rule),
		)
	}
	for _, step := range []struct {
		what   string
		change func()
	}{
		{"the control plane is killed", func() { controlPlaneKilled(l, nil) }},
		{"their rules lead elsewhere", func() {
			l.EditDtab("ingress", "/echo => /srv/echo-v1 ; /calls => /srv/calls-v1 ;", "/echo => /srv/hello ; /calls => /srv/hello ;")
			l.EditDtab("outgoing", "/host/echo => /srv/echo-v1 ; /host/calls => /srv/calls-v1 ;", "")
		}},
		{"there is another policy", func() {
			l.Apply(l.Objects(strings.NewReplacer("streams", "others", `"yes"`, `"no"`).Replace(streamsPolicy))...)
		}},
		{"there is one by the client's address", func() {
			l.Apply(l.Objects(`{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: office}, spec: {
  routers: [ingress], when: {sourceRanges: [203.0.113.0/24]}, override: "/host/world => /srv/world-v2 ;"}}`)...)
		}},
		{"their policy is gone", func() { l.Delete("DogfoodPolicy", "streams") }},
		{"their pods are no endpoints any more", func() {
			for _, name := range names {
				leadTo(l, name, "10.244.77.77")
			}
		}},
		{"their Services are gone", func() {
			for _, name := range names {
				l.Must(l.Kube.CoreV1().Services("default").Delete(l.Context(), name, metav1.DeleteOptions{}))
			}
		}},
	} {
		step.change()
		l.AwaitSettled()
		goOn(l, all, "after "+step.what, 3)
	}
	goOn(l, all, "when all that drains has drained", int64(15*time.Second/pause))
}

// goOn returns when over each of the streams more was said and heard, so many times.
func goOn(l *demotest.Lab, all []*stream, when string, turns int64) {
	l.Helper()
	until := make([]int64, len(all))
	for i, s := range all {
		until[i] = s.turns.Load() + turns
	}
	for i, s := range all {
		l.Eventually(s.about+" goes on "+when, func() error {
			select {
			case <-s.gone:
				l.Fatalf("%s has ended %s, after %d turns: %v", s.about, when, s.turns.Load(), s.err)
			default:
			}
			if s.turns.Load() < until[i] {
				return errors.New("it has to wait")
			}
			return nil
		})
	}
}

// leadTo makes a Service whose one endpoint has an address.
func leadTo(l *demotest.Lab, service, ip string) {
	l.Helper()
	protocol := "http"
	if strings.HasPrefix(service, "calls") {
		protocol = "kubernetes.io/h2c"
	}
	l.Apply(l.Objects(fmt.Sprintf(`
{apiVersion: v1, kind: Service, metadata: {name: %[1]s}, spec: {clusterIP: None, ports: [{name: http, port: %[2]d, appProtocol: %[4]s}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: %[1]s, labels: {kubernetes.io/service-name: %[1]s}},
 addressType: IPv4, ports: [{name: http, port: %[2]d, appProtocol: %[4]s}], endpoints: [{addresses: [%[3]s], conditions: {ready: true}}]}`,
		service, echoPort, ip, protocol))...)
}
