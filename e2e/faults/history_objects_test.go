package faults_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
)

// plain are services that tables lead to, namespaced those of the family's members,
// and marks those of the barrier.
var (
	plain      = []string{"s0", "s1", "s2", "s3"}
	namespaced = []string{"n0/s0", "n0/s1", "n1/s0", "n1/s2"}
	marks      = []string{"mark-a", "mark-b", "mark-in-a", "mark-in-b", "mark-family-a", "mark-family-b"}
)

// targets are the services that environments and tables lead to.
func targets() []string { return slices.Concat(plain, environments[:2]) }

// objects writes facts to the cluster.
type objects struct {
	lab  *demotest.Lab
	base map[string]string // the tables of the demo, by router
	// moved says of further Routers that moved whether they are in the other namespace.
	moved map[string]bool
	// second says of services whether those behind them stand in a second EndpointSlice.
	second map[string]bool
	// speaks is the appProtocol of Services, and when in which words policies say whom
	// they are for.
	speaks, when map[string]string
}

func newObjects(l *demotest.Lab) *objects {
	l.Helper()
	o := &objects{lab: l, base: map[string]string{}, moved: map[string]bool{}, second: map[string]bool{}, speaks: map[string]string{}, when: map[string]string{}}
	for _, router := range []string{"ingress", "outgoing"} {
		spec, _ := l.Ours("Router", router).Object["spec"].(map[string]any)
		o.base[router], _ = spec["dtab"].(string)
	}
	o.namespace("n0", "no")
	o.namespace("n1", "no")
	o.namespace(elsewhereN, "no")
	l.Set("Router", "outgoing", map[string]any{"name": "shared"}, "spec", "dtabRef")
	return o
}

// table writes the table of a router: the demo's, the rules of a history, and the
// barrier's; and where it is broken, a line that is no rule.
func (o *objects) table(router string, rules map[string]string, mark int, broken bool) {
	o.lab.Helper()
	prefix, to := "/domain/test/", marked(mark, "mark")
	if router == "outgoing" {
		prefix, to = "/host/", fmt.Sprint("/dtab/", mark) // the Dtab knows where it leads
	}
	text := o.base[router] + tableOf(rules, router+" ", prefix) + fmt.Sprintf("%s%s => %s ;\n", prefix, barrier, to)
	if broken {
		text += "/host/broken => =>"
	}
	o.lab.Set("Router", router, text, "spec", "dtab")
}

// tableOf are the rules whose names begin so.
func tableOf(rules map[string]string, of, prefix string) (text string) {
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		if host, ok := strings.CutPrefix(name, of); ok && slices.Contains(hosts, host) {
			text += fmt.Sprintf("%s%s => %s ;\n", prefix, host, written(rules[name]))
		}
	}
	return text
}

// marked is where the barrier leads: to one of two services in turn, by the number of its port.
func marked(mark int, name string) string {
	return fmt.Sprintf("/#/io.l5d.k8s/default/%d/%s", 1000+mark, markedService(mark, name))
}

func markedService(mark int, name string) string { return name + []string{"-a", "-b"}[mark%2] }

// markedBehind is who answers then: another one than when it led to that service last.
func markedBehind(mark int, name string) string {
	return fmt.Sprintf("%s-%d", markedService(mark, name), mark/2%2)
}

// dtab writes the Dtab that router outgoing refers to.
func (o *objects) dtab(rules map[string]string, mark int) {
	o.lab.Helper()
	text := tableOf(rules, "", "/host/") + fmt.Sprintf("/dtab/%d => %s ;\n", mark, marked(mark, "mark"))
	o.lab.Apply(o.lab.Objects(fmt.Sprintf("{apiVersion: kibble.dev/v1alpha1, kind: Dtab, metadata: {name: shared}, spec: {dtab: %q}}", text))...)
}

// service writes one, or deletes it where the port is 0.
func (o *objects) service(name string, port int) {
	o.lab.Helper()
	api := o.lab.Kube.CoreV1().Services("default")
	if port == 0 {
		o.lab.Must(api.Delete(o.lab.Context(), name, metav1.DeleteOptions{}))
		return
	}
	s, err := api.Get(o.lab.Context(), name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = api.Create(o.lab.Context(), &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{{Name: "http", Port: int32(port), AppProtocol: o.protocol(name)}}},
		}, metav1.CreateOptions{})
	} else if err == nil {
		s.Spec.Ports[0].Port = int32(port)
		_, err = api.Update(o.lab.Context(), s, metav1.UpdateOptions{})
	}
	o.lab.Must(err)
}

// slice writes or deletes who is behind a service: see endpointSlices.
func (o *objects) slice(service, text string) {
	o.lab.Helper()
	meta := o.sliceOf(service)
	api := o.lab.Kube.DiscoveryV1().EndpointSlices(meta.Namespace)
	if text == "" {
		o.lab.Must(api.Delete(o.lab.Context(), meta.Name, metav1.DeleteOptions{}))
		return
	}
	words := strings.Fields(text)
	port := o.lab.Top.Incoming
	s := &discoveryv1.EndpointSlice{
		ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4,
		Ports: []discoveryv1.EndpointPort{{Name: &words[0], Port: &port}},
	}
	names, addresses := behind(service)
	for _, word := range words[1:] {
		who, isNot := strings.CutSuffix(word, unready)
		ready := !isNot
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{addresses[slices.Index(names, who)]}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
		})
	}
	_, err := api.Update(o.lab.Context(), s, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		_, err = api.Create(o.lab.Context(), s, metav1.CreateOptions{})
	}
	o.lab.Must(err)
}

// policy writes or deletes one, which leads a host elsewhere, until a time if it is given.
func (o *objects) policy(name, host, to, fallback string, until ...time.Time) {
	o.lab.Helper()
	if to == "" {
		o.lab.Delete("DogfoodPolicy", name)
		return
	}
	ends := ""
	for _, at := range until {
		ends = fmt.Sprintf(", expiresAt: %q", at.UTC().Format(time.RFC3339))
	}
	o.lab.Apply(o.lab.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: %s},
 spec: {routers: [ingress], when: %s, override: "/host/%s => %s ; /host/%s.test => %s ;", fallback: %s%s}}`,
		name, o.condition(name), host, to, host, to, fallback, ends))...)
}

// family writes a policy for namespaces with a label.
func (o *objects) family(name, label, value, override string) {
	o.lab.Helper()
	o.lab.Apply(o.lab.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: DogfoodPolicy, metadata: {name: %s},
 spec: {routers: [ingress], forEach: {namespaceSelector: {matchLabels: {%s: %q}}}, when: {cookie: {name: chaos, exact: "{namespace}"}}, override: "%s"}}`,
		name, label, value, override))...)
}

// namespace writes one, with the label that families go by.
func (o *objects) namespace(name, label string) {
	o.lab.Helper()
	o.lab.Apply(o.lab.Objects(fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s, labels: {chaos: %q}}}", name, label))...)
}

// barriers moves the barrier on, of every kind: what it leads to is so only when all that was written
// before, of every kind, was read.
func (o *objects) barriers(f facts, mark int) {
	o.lab.Helper()
	for _, name := range []string{"mark", "mark-in", "mark-family"} {
		o.slice(markedService(mark, name), "m "+markedBehind(mark, name))
		o.service(markedService(mark, name), 1000+mark)
	}
	o.policy("mark", barrier, marked(mark, "mark-in"), "baseline")
	to := marked(mark, "mark-family")
	o.family("mark-family", "chaos", fmt.Sprint("mark-", mark), fmt.Sprintf("/host/%s => %s ; /host/%s.test => %s ;", barrier, to, barrier, to))
	o.namespace("marks", fmt.Sprint("mark-", mark))
	o.dtab(f[dtabs], mark)
	for router := range o.base {
		o.table(router, f[tables], mark, false)
	}
}
