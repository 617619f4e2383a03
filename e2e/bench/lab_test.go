package bench_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/waittest"
)

// limit is how long something may take that must happen.
const limit = 3 * time.Minute

// lab is a Kubernetes API with Services, and the programs that are measured.
type lab struct {
	*testing.T
	*cluster
}

// cluster is what the parts of a test share.
type cluster struct {
	*kubetest.Cluster

	admin    kubernetes.Interface
	objects  dynamic.Interface
	programs string // directory
	services int
	serial   int // of changes, so that each is another one
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t, &cluster{Cluster: kubetest.Start(t, kubetest.Options{}), programs: build(t)}}
	quick := rest.CopyConfig(l.Config)
	quick.ContentType = "application/vnd.kubernetes.protobuf"
	var err error
	l.admin, err = kubernetes.NewForConfig(quick)
	l.must(err)
	l.objects, err = dynamic.NewForConfig(l.Config)
	l.must(err)
	for _, name := range []string{"routers", "dtabs", "dogfoodpolicies"} {
		text, err := os.ReadFile("../../charts/kibble/crds/" + name + ".yaml")
		l.must(err)
		crd := &unstructured.Unstructured{}
		l.must(yaml.Unmarshal(text, &crd.Object))
		definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
		waittest.Done(l, "define "+name, func() error {
			_, err := l.objects.Resource(definitions).Apply(l.Context(), crd.GetName(), crd, metav1.ApplyOptions{FieldManager: "bench"})
			return err
		})
	}
	return l
}

// in gives the lab to a part of the test.
func (l *lab) in(t *testing.T) *lab {
	return &lab{t, l.cluster}
}

func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// fill writes Services until there are as many, each with a slice of endpoints,
// and a Router over all of them.
func (l *lab) fill(services int) {
	l.Helper()
	g, ctx := errgroup.WithContext(l.Context())
	g.SetLimit(16)
	for i := l.services; i < services; i++ {
		g.Go(func() error {
			s := &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: name(i), Labels: map[string]string{"app": name(i), "team": "a"}},
				Spec: corev1.ServiceSpec{
					ClusterIP: corev1.ClusterIPNone, Selector: map[string]string{"app": name(i)},
					Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
				},
			}
			if _, err := l.admin.CoreV1().Services("default").Create(ctx, s, metav1.CreateOptions{}); err != nil {
				return err
			}
			_, err := l.admin.DiscoveryV1().EndpointSlices("default").Create(ctx, slice(i, 0), metav1.CreateOptions{})
			return err
		})
	}
	l.must(g.Wait())
	l.services = services
	l.reset()
}

// reset writes the Router by which every host leads to the Service of its name.
func (l *lab) reset() {
	l.Helper()
	client := l.objects.Resource(routers).Namespace("default")
	// A definition takes a moment until it is served.
	waittest.Done(l, "write the Router", func() error {
		_, err := client.Apply(l.Context(), "outgoing", l.router("", ""), metav1.ApplyOptions{FieldManager: "bench", Force: true})
		return err
	})
}

var routers = schema.GroupVersionResource{Group: "kibble.dev", Version: "v1alpha1", Resource: "routers"}

// name has the same length for all, so that none is in another one.
func name(service int) string { return fmt.Sprintf("s%05d", service) }

// slice is that of a Service; another serial says that its last endpoint is
// another one.
func slice(service, serial int) *discoveryv1.EndpointSlice {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: name(service) + "-abcde", Labels: map[string]string{discoveryv1.LabelServiceName: name(service)}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
	}
	for e := range endpoints {
		address := fmt.Sprintf("10.%d.%d.%d", service/250+1, service%250, e+1)
		if serial > 0 && e == endpoints-1 {
			address = moved(serial)
		}
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{address},
			Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
			NodeName:   new(fmt.Sprintf("node-%d", e%100)), Zone: new([]string{"a", "b", "c"}[e%3]),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: fmt.Sprintf("%s-6d4cf56db6-%05d", name(service), e)},
		})
	}
	return s
}

// moved is an address that only one change brings.
func moved(serial int) string { return fmt.Sprintf("10.%d.%d.200", 100+serial/250, serial%250) }

// tenth is how many Services have a dentry of their own in the Router's table.
func (l *lab) tenth() int { return max(l.services/10, 2) }

// router has a table in which one host leads elsewhere.
func (l *lab) router(host, to string) *unstructured.Unstructured {
	var table strings.Builder
	table.WriteString("/srv => /#/io.l5d.k8s/default/http ;\n/host => /srv ;\n/svc => /host ;\n")
	for i := range l.tenth() {
		dst := name(i)
		if name(i) == host {
			dst = to
		}
		fmt.Fprintf(&table, "/host/%s => /srv/%s ;\n", name(i), dst)
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "kibble.dev/v1alpha1", "kind": "Router",
		"metadata": map[string]any{"name": "outgoing", "namespace": "default"},
		"spec":     map[string]any{"proxyClass": class, "port": int64(4140), "trust": "internal", "dtab": table.String()},
	}}
}

// changeEndpoint gives a change of one endpoint, and how to see it. It is of a
// Service that every table leads to: of others no proxy is told.
func (l *lab) changeEndpoint(i int) (command, func()) {
	l.serial++
	s := slice(l.tenth()+i*7%(l.services-l.tenth()), l.serial)
	return command{Text: moved(l.serial)}, func() {
		_, err := l.admin.DiscoveryV1().EndpointSlices("default").Update(l.Context(), s, metav1.UpdateOptions{})
		l.must(err)
	}
}

// changeRoute gives a change of one dentry, and how to see it.
func (l *lab) changeRoute(int) (command, func()) {
	l.serial++
	host, to := name(l.serial%l.tenth()), name((l.serial+1)%l.services)
	r := l.router(host, to)
	return command{Text: to, Host: host}, func() {
		_, err := l.objects.Resource(routers).Namespace("default").Apply(l.Context(), "outgoing", r, metav1.ApplyOptions{FieldManager: "bench", Force: true})
		l.must(err)
	}
}
