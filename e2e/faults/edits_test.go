package faults_test

import (
	"errors"
	"fmt"
	"net"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// extraRouter is a Router that leads to one of the worlds, wherever it is.
const extraRouter = `{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: %s},
 spec: {proxyClass: %s, port: %d, bind: %s, dtab: "/svc => /#/io.l5d.k8s/default/http/world-v%d ;"}}`

// answersAt returns when what listens at a port of 127.0.0.1 leads to a world.
func answersAt(l *demotest.Lab, port int, world string) {
	l.Helper()
	l.Eventually(fmt.Sprintf("%s answers at port %d", world, port), func() error {
		return through(fmt.Sprintf("127.0.0.1:%d", port), world+" (")
	})
}

// closed returns when nobody listens at a port of 127.0.0.1.
func closed(l *demotest.Lab, port int) {
	l.Helper()
	l.Eventually(fmt.Sprintf("nobody listens at port %d", port), func() error {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			return errors.New("somebody does")
		}
		return nil
	})
}

// Two Routers swap their ports in one change, then one takes the port that the
// other gives up; Envoy refuses whoever comes too early.
func routersSwapPorts(l *demotest.Lab, _ *demotest.Link) {
	kibble, p := l.Replicas[0], envoytest.FreePorts(l, 3)
	refused := l.Metric(kibble, "kibble_xds_nacks_total")
	both := func(first, second int) {
		l.Helper()
		l.Apply(l.Objects(fmt.Sprintf(extraRouter+"\n---\n"+extraRouter, "one", "edge", first, "loopback", 1, "two", "edge", second, "loopback", 2))...)
		answersAt(l, first, "world")
		answersAt(l, second, "earth")
	}
	both(p[0], p[1])
	for range 3 {
		both(p[1], p[0])
		both(p[0], p[1])
	}
	both(p[1], p[2])
	closed(l, p[0])
	both(p[0], p[1])
	l.AwaitCondition("Router", "one", "Programmed", "True", "")
	l.AwaitCondition("Router", "two", "Programmed", "True", "")
	if n := l.Metric(kibble, "kibble_xds_nacks_total") - refused; n > 0 {
		l.Errorf("proxies refused %v responses", n)
	}
	l.Delete("Router", "one")
	l.Delete("Router", "two")
	l.AwaitProxies(kibble)
}

// A Router listens on other addresses at the same port, those of pods too, and is
// moved to another class of proxies and back.
func routerMoves(l *demotest.Lab, _ *demotest.Link) {
	kibble, port := l.Replicas[0], envoytest.FreePorts(l, 1)[0]
	for i, at := range []struct{ class, bind string }{
		{"edge", "loopback"}, {"edge", "any"}, {"edge", "loopback"}, {"sidecar", "loopback"}, {"sidecar", "pod"}, {"sidecar", "loopback"},
		{"edge", "any"}, {"sidecar", "pod"}, {"edge", "loopback"}, {"sidecar", "loopback"},
	} {
		l.Apply(l.Objects(fmt.Sprintf(extraRouter, "moves", at.class, port, at.bind, 1+i%2))...)
		world := []string{"world", "earth"}[i%2]
		if at.bind == "pod" {
			l.Eventually(world+" answers beside a pod", func() error {
				return through(fmt.Sprintf("%s:%d", l.Top.Pod("hello").IP, port), world+" (")
			})
		} else {
			answersAt(l, port, world)
		}
	}
	l.AwaitCondition("Router", "moves", "Programmed", "True", "")
	l.Delete("Router", "moves")
	closed(l, port)
	l.AwaitProxies(kibble)
}

// A Router is deleted and made anew at once, with another uid, at the same port:
// as by kubectl replace --force.
func routerReplaced(l *demotest.Lab, _ *demotest.Link) {
	kibble, port := l.Replicas[0], envoytest.FreePorts(l, 1)[0]
	for i := range 6 {
		l.Apply(l.Objects(fmt.Sprintf(extraRouter, "anew", "edge", port, "loopback", 1+i%2))...)
		answersAt(l, port, []string{"world", "earth"}[i%2])
		if i%3 > 0 { // the status of each is its own
			l.AwaitCondition("Router", "anew", "Programmed", "True", "")
		}
		l.Delete("Router", "anew")
	}
	closed(l, port)
	l.AwaitProxies(kibble)
}

// The port of a Service has another number, and the same target; then the target
// is told by a number that is the same. Nobody notices.
func servicePortsChange(l *demotest.Lab, _ *demotest.Link) {
	for _, name := range []string{"world-v1", "hello", "world-v2"} {
		var target int32
		for _, port := range []int32{80, 8080, 443} {
			editService(l, name, func(s *corev1.Service) {
				if target == 0 {
					target = s.Spec.Ports[0].Port
				}
				s.Spec.Ports[0].Port, s.Spec.Ports[0].TargetPort = port, intstr.FromInt32(target)
			})
			there(l)
		}
		editService(l, name, func(s *corev1.Service) { s.Spec.Ports[0].Port = target })
	}
	there(l)
}

// A Service that its pods are reached by gets a further port, and loses it, also
// as the first of its ports.
func servicePortsComeAndGo(l *demotest.Lab, _ *demotest.Link) {
	for _, first := range []bool{false, true} {
		var before []corev1.ServicePort
		editService(l, "world-v1", func(s *corev1.Service) {
			before = s.Spec.Ports
			more := corev1.ServicePort{Name: "metrics", Port: 9100}
			if first {
				s.Spec.Ports = append([]corev1.ServicePort{more}, before...)
			} else {
				s.Spec.Ports = append(s.Spec.Ports, more)
			}
		})
		there(l)
		editService(l, "world-v1", func(s *corev1.Service) { s.Spec.Ports = before })
		there(l)
	}
}

// A Service without an address is replaced by one with an address of the cluster,
// and the other way round.
func serviceOfAnotherKind(l *demotest.Lab, _ *demotest.Link) {
	services := l.Kube.CoreV1().Services("default")
	s, err := services.Get(l.Context(), "world-v2", metav1.GetOptions{})
	l.Must(err)
	anew := func(change func(*corev1.ServiceSpec)) {
		l.Helper()
		l.Must(services.Delete(l.Context(), "world-v2", metav1.DeleteOptions{}))
		spec := s.Spec.DeepCopy()
		change(spec)
		_, err := services.Create(l.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "world-v2"}, Spec: *spec}, metav1.CreateOptions{})
		l.Must(err)
	}
	for range 3 {
		anew(func(spec *corev1.ServiceSpec) { spec.ClusterIP, spec.ClusterIPs = "", nil })
		l.Await("earth", "world")
		anew(func(*corev1.ServiceSpec) {})
		l.Await("earth", "world")
	}
}

// Somebody else manages EndpointSlices of a Service too: such that say the same
// once more, such of the other family, which nobody listens at, such that hold
// names, and such that say nothing.
func slicesOfOthers(l *demotest.Lab, _ *demotest.Link) {
	world := l.Top.Pod("world-v1")
	api := l.Kube.DiscoveryV1().EndpointSlices("default")
	name, port, yes := "http", world.Port, true
	slice := func(of string, family discoveryv1.AddressType, addresses ...string) *discoveryv1.EndpointSlice {
		s := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Name: of, Labels: map[string]string{
				discoveryv1.LabelServiceName: "world-v1", discoveryv1.LabelManagedBy: "somebody-else",
			}},
			AddressType: family, Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		}
		for _, a := range addresses {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}})
		}
		return s
	}
	for range 3 {
		for _, s := range []*discoveryv1.EndpointSlice{
			slice("a-same", discoveryv1.AddressTypeIPv4, world.IP), slice("z-same", discoveryv1.AddressTypeIPv4, world.IP),
			slice("nobody", discoveryv1.AddressTypeIPv4), slice("a-name", discoveryv1.AddressTypeFQDN, "world.invalid"),
			slice("a-six", discoveryv1.AddressTypeIPv6, "fd00::7"),
		} {
			_, err := api.Create(l.Context(), s, metav1.CreateOptions{})
			l.Must(err)
		}
		there(l)
		for _, of := range []string{"a-same", "nobody", "z-same", "a-name", "a-six"} {
			l.Must(api.Delete(l.Context(), of, metav1.DeleteOptions{}))
		}
		there(l)
	}
}

// Policies that hold for the same people change places again and again, in one
// apply, and are deleted and made anew. Each request is of one of them, or of none.
func policiesReordered(l *demotest.Lab, _ *demotest.Link) {
	const policy = `{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: %s},
 spec: {routers: [ingress], when: {cookie: {name: special_employee_cookie, prefix: dogfood}}, priority: %d, override: "/host/world => /srv/world-v%d ;"}}`
	apply := func(a, b int) {
		l.Helper()
		l.Apply(l.Objects(fmt.Sprintf(policy+"\n---\n"+policy, "first", a, 1, "second", b, 2))...)
	}
	for i := range 6 {
		if i%2 == 0 {
			apply(30, 20)
			l.Await("world", "world")
		} else {
			apply(20, 30)
			l.Await("earth", "world")
		}
	}
	for range 3 {
		l.Delete("DogfoodPolicy", "first")
		apply(30, 20)
		l.Await("world", "world")
	}
	l.Delete("DogfoodPolicy", "first")
	l.Await("earth", "world")
	l.Delete("DogfoodPolicy", "second")
	l.Await("earth", "world")
}

// A Router refers to a table before that is there, and after it is gone. All goes
// on by what was there, and heals when both are there.
func tableInTheWrongOrder(l *demotest.Lab, _ *demotest.Link) {
	for range 2 {
		l.Set("Router", "outgoing", map[string]any{"name": "shared"}, "spec", "dtabRef")
		l.AwaitCondition("Router", "outgoing", "ResolvedRefs", "False", "shared")
		l.Await("earth", "world")
		l.Apply(l.Objects(`{apiVersion: kibble.dev/v1alpha1, kind: Dtab, metadata: {name: shared}, spec: {dtab: "/host/unknown => /srv/world-v1 ;"}}`)...)
		l.AwaitCondition("Router", "outgoing", "ResolvedRefs", "True", "")
		there(l)
		l.Delete("Dtab", "shared")
		l.AwaitCondition("Router", "outgoing", "ResolvedRefs", "False", "shared")
		l.Await("earth", "world")
		l.Set("Router", "outgoing", nil, "spec", "dtabRef")
		there(l)
	}
}
