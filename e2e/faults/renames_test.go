package faults_test

import (
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/helloworld"
)

// The rule of the routers ingress and outgoing that says by which name of its port
// a Service is reached.
const (
	byHTTP = "=> /#/io.l5d.k8s/default/http"
	byWeb  = "=> /#/io.l5d.k8s/default/web"
)

// renames is how often each is done under load.
const renames = 10

// programmed returns when Routers are, as they were edited last. What is done to
// Services then, Kibble does not hear of before the edit.
func programmed(l *demotest.Lab, routers ...string) {
	l.Helper()
	for _, router := range routers {
		l.AwaitCondition("Router", router, "Programmed", "True", "")
	}
}

// renamePort gives the port of a Service another name, under its number, and
// returns when who calls it goes by that.
func renamePort(l *demotest.Lab, service, name string) {
	l.Helper()
	editService(l, service, func(s *corev1.Service) { s.Spec.Ports[0].Name = name })
	awaitUse(l, service, name)
}

// awaitUse returns when who calls a Service goes by this name of its port.
func awaitUse(l *demotest.Lab, service, port string) {
	l.Helper()
	awaitCalled(l, service, port+"/"+service)
}

// awaitCalled returns when who calls what is a Service of the demo goes by this name,
// of a port and a Service: hello is called by the edge, world-v1 by hello's sidecar.
func awaitCalled(l *demotest.Lab, service, name string) {
	l.Helper()
	caller := l.Edge
	if service != "hello" {
		caller = l.Envoys[l.Top.Pod("hello").Name]
	}
	l.AwaitUse(caller, "/default/"+name)
}

// awaitForgotten returns when the proxy beside a Service's pod no longer answers to
// the name of a port that is gone.
func awaitForgotten(l *demotest.Lab, service, port string) {
	l.Helper()
	pod := l.Top.Pod(service)
	at := fmt.Sprintf("%s:%d", pod.IP, l.Top.Incoming)
	q := helloworld.Question{Host: service, Header: [][2]string{{"l5d-dst-client", "/%/io.l5d.port/4141/#/io.l5d.k8s/default/" + port + "/" + service}}}
	l.Eventually(pod.Name+" has forgotten "+port, func() error {
		code, body, err := q.Ask(l.Context(), at)
		if err == nil && code != http.StatusBadGateway {
			err = fmt.Errorf("the answer is %d %q", code, body)
		}
		return err
	})
}

// awaitCode returns when a caller inside gets such an answer for a host.
func awaitCode(l *demotest.Lab, host string, want int) {
	l.Helper()
	q := helloworld.Question{Proxy: l.Top.ProxyOf("hello"), Host: host}
	l.Eventually(fmt.Sprintf("%s answers %d", host, want), func() error {
		code, body, err := q.Ask(l.Context(), l.Top.Edge())
		if err == nil && code != want {
			err = fmt.Errorf("the answer is %d %q", code, body)
		}
		return err
	})
}

// Tables name a port by its old and its new name, and it is renamed: at every
// moment one of the names leads somewhere, so no request fails. World-v1 is also
// who stands in for the environment's world-v2.
func portRenamed(l *demotest.Lab, _ *demotest.Link) {
	const both = byWeb + " | /#/io.l5d.k8s/default/http"
	l.EditDtab("outgoing", byHTTP, both)
	l.EditDtab("ingress", byHTTP, both)
	programmed(l, "outgoing", "ingress")
	for range renames {
		for _, name := range []string{"web", "http"} {
			renamePort(l, "world-v1", name)
			renamePort(l, "hello", name)
		}
	}
	l.EditDtab("outgoing", both, byHTTP)
	l.EditDtab("ingress", both, byHTTP)
	l.Await("earth", "world")
	awaitForgotten(l, "world-v1", "web")
	awaitForgotten(l, "hello", "web")
}

// A port gets a second name beside its first, the table goes over to it when it
// is known, and the first goes: the same without an alternative in a table.
func portNamedTwice(l *demotest.Lab, _ *demotest.Link) {
	to := map[string]string{"http": toV1, "web": "/host/world => /#/io.l5d.k8s/default/web/world-v1"}
	const tried = "/host/try-web => /#/io.l5d.k8s/default/web/world-v1 ; /host/try-http => /srv/world-v1 ; "
	l.EditDtab("outgoing", toV1, tried+toV1)
	for range renames {
		for _, names := range [][2]string{{"http", "web"}, {"web", "http"}} {
			editService(l, "world-v1", func(s *corev1.Service) {
				second := s.Spec.Ports[0]
				second.Name, second.Port = names[1], second.Port+1
				s.Spec.Ports = append(s.Spec.Ports, second)
			})
			awaitCode(l, "try-"+names[1], http.StatusOK)
			l.EditDtab("outgoing", to[names[0]], to[names[1]])
			awaitUse(l, "world-v1", names[1])
			editService(l, "world-v1", func(s *corev1.Service) {
				s.Spec.Ports = s.Spec.Ports[1:]
				s.Spec.Ports[0].Port--
			})
			awaitCode(l, "try-"+names[0], http.StatusBadGateway)
		}
	}
	l.EditDtab("outgoing", tried, "")
	l.Await("earth", "world")
	awaitForgotten(l, "world-v1", "web")
}

// The baseline's Service is deleted and made anew. A rule says who answers
// meanwhile, so nobody is without an answer.
func baselineAnew(l *demotest.Lab, _ *demotest.Link) {
	l.EditDtab("outgoing", toV1, toV1+" | /srv/world-v2")
	programmed(l, "outgoing")
	for range renames {
		again := deleteService(l, "world-v1")
		l.Await("earth", "earth")
		again()
		l.Await("earth", "world")
	}
	l.EditDtab("outgoing", toV1+" | /srv/world-v2", toV1)
	l.Await("earth", "world")
}
