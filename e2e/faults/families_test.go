package faults_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// Pods of both families, and their Services, are in one network with those of the demo.
const (
	four = "10.244.70."
	six  = demotest.PodsSix + "70:"
)

// A Service is of both families of addresses, and its pods listen at both. Families
// change places, come and go, and so do the slices of each. Nobody notices, and no pod
// is ever counted twice.
func TestFamilies(t *testing.T) {
	l := demotest.Start(t, demotest.Options{
		Manifests: "../../examples/hello-world", APIServer: []string{"--service-cluster-ip-range=10.96.0.0/12,fd00:96::/112"},
	})
	ports := envoytest.FreePorts(l, 2)
	listenAtBoth(l, ports[0])
	l.Apply(l.Objects(fmt.Sprintf(`{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: families}, spec: {proxyClass: edge, port: %d, bind: loopback,
 dtab: "/srv => /#/io.l5d.k8s/default/http ; /svc/world => /srv/selected | /srv/world-v1 ; /svc/by-hand => /srv/by-hand ;"}}`, ports[1]))...)
	at := fmt.Sprintf("127.0.0.1:%d", ports[1])

	t.Run("of a Service with a selector", func(t *testing.T) { selectedFamilies(l.Under(t), at, int32(ports[0])) })
	t.Run("of slices by hand", func(t *testing.T) { slicesInTurn(l.Under(t), at, int32(ports[0])) })
	l.CheckAnswers()
}

// selectedFamilies has the controller make the slices. The first family of a Service
// cannot change while it is there: so it is made anew, and a rule says who answers
// meanwhile.
func selectedFamilies(l *demotest.Lab, at string, port int32) {
	for i := range 2 {
		podOfBoth(l, fmt.Sprintf("selected-%d", i), i+1)
	}
	services := l.Kube.CoreV1().Services("default")
	create := func(policy corev1.IPFamilyPolicy, families ...corev1.IPFamily) {
		l.Helper()
		_, err := services.Create(l.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "selected"}, Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, IPFamilyPolicy: &policy, IPFamilies: families, Selector: map[string]string{"app": "selected"},
			Ports: []corev1.ServicePort{{Name: "http", Port: port}},
		}}, metav1.CreateOptions{})
		l.Must(err)
	}
	set := func(policy corev1.IPFamilyPolicy, families ...corev1.IPFamily) {
		l.Helper()
		editService(l, "selected", func(s *corev1.Service) { s.Spec.IPFamilyPolicy, s.Spec.IPFamilies = &policy, families })
	}
	const single, dual = corev1.IPFamilyPolicySingleStack, corev1.IPFamilyPolicyRequireDualStack
	const v4, v6 = corev1.IPv4Protocol, corev1.IPv6Protocol
	create(dual, v4, v6)
	awaitOnly(l, "selected", four)
	stop := askAlways(l, at, "world")
	for range 3 {
		set(single, v4)
		awaitSlices(l, "selected", v4)
		awaitOnly(l, "selected", four)
		set(dual, v4, v6)
		awaitSlices(l, "selected", v4, v6)
		awaitOnly(l, "selected", four)
		l.Must(services.Delete(l.Context(), "selected", metav1.DeleteOptions{}))
		create(dual, v6, v4)
		awaitOnly(l, "selected", six)
		set(single, v6)
		awaitSlices(l, "selected", v6)
		awaitOnly(l, "selected", six)
		l.Must(services.Delete(l.Context(), "selected", metav1.DeleteOptions{}))
		create(dual, v4, v6)
		awaitOnly(l, "selected", four)
	}
	stop()
}

// slicesInTurn has somebody write the slices: of one family, of both, and of the other.
// There is always one with somebody in it.
func slicesInTurn(l *demotest.Lab, at string, port int32) {
	api := l.Kube.DiscoveryV1().EndpointSlices("default")
	write := func(family discoveryv1.AddressType, network string, ready bool) {
		l.Helper()
		name := "http"
		s := &discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Name: "by-hand-" + strings.ToLower(string(family)), Labels: map[string]string{discoveryv1.LabelServiceName: "by-hand"}},
			AddressType: family, Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}},
		}
		for i := range 2 {
			s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("%s%d", network, i+1)}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			})
		}
		_, err := api.Update(l.Context(), s, metav1.UpdateOptions{})
		if err != nil {
			_, err = api.Create(l.Context(), s, metav1.CreateOptions{})
		}
		l.Must(err)
	}
	remove := func(family discoveryv1.AddressType) {
		l.Helper()
		l.Must(api.Delete(l.Context(), "by-hand-"+strings.ToLower(string(family)), metav1.DeleteOptions{}))
	}
	const v4, v6 = discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6
	dual := corev1.IPFamilyPolicyRequireDualStack
	_, err := l.Kube.CoreV1().Services("default").Create(l.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "by-hand"}, Spec: corev1.ServiceSpec{
		IPFamilyPolicy: &dual, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
	}}, metav1.CreateOptions{})
	l.Must(err)
	write(v4, four, true)
	awaitOnly(l, "by-hand", four)
	stop := askAlways(l, at, "by-hand")
	for range 5 {
		write(v6, six, true)
		remove(v4)
		awaitOnly(l, "by-hand", six)
		write(v4, four, false) // nobody is ready there
		write(v4, four, true)
		awaitOnly(l, "by-hand", four)
		write(v4, four, false)
		awaitOnly(l, "by-hand", six)
		write(v4, four, true)
		remove(v6)
		awaitOnly(l, "by-hand", four)
	}
	stop()
}

// podOfBoth makes a Pod with an address of each family, which is ready.
func podOfBoth(l *demotest.Lab, name string, number int) {
	l.Helper()
	pods := l.Kube.CoreV1().Pods("default")
	pod, err := pods.Create(l.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": "selected"}},
		Spec:       corev1.PodSpec{NodeName: "node-a", Containers: []corev1.Container{{Name: "app", Image: "demo"}}},
	}, metav1.CreateOptions{})
	l.Must(err)
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: fmt.Sprint(four, number),
		PodIPs:     []corev1.PodIP{{IP: fmt.Sprint(four, number)}, {IP: fmt.Sprint(six, number)}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	_, err = pods.UpdateStatus(l.Context(), pod, metav1.UpdateOptions{})
	l.Must(err)
}

// listenAtBoth answers at every address of the machine, by both families.
func listenAtBoth(l *demotest.Lab, port int) {
	l.Helper()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "both") })} //nolint:gosec // nobody else is here
	var ended sync.WaitGroup
	for _, network := range []string{"tcp4", "tcp6"} {
		listener, err := net.Listen(network, fmt.Sprintf(":%d", port))
		l.Must(err)
		ended.Go(func() { _ = s.Serve(listener) })
	}
	l.Cleanup(func() {
		s.Close()
		ended.Wait()
	})
}

// askAlways asks for a host without a pause until it is stopped, and fails the test
// for each answer that is none of a Service. It begins with the first that is one: an
// edge has the endpoints of a new host before it has its route.
func askAlways(l *demotest.Lab, at, host string) (stop func()) {
	l.Helper()
	ctx, cancel := context.WithCancel(l.Context())
	client := &http.Client{Timeout: 20 * time.Second}
	ask := func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/", http.NoBody)
		if err != nil {
			return err
		}
		request.Host = host
		return answersOK(client, request)
	}
	l.Eventually(host+" is answered", ask)
	asked := 0
	var failed []string
	var done sync.WaitGroup
	done.Go(func() {
		defer client.CloseIdleConnections()
		for ; ctx.Err() == nil; asked++ {
			if err := ask(); err != nil && ctx.Err() == nil {
				failed = append(failed, time.Now().Format("15:04:05.000 ")+err.Error())
			}
		}
	})
	return func() {
		l.Helper()
		cancel()
		done.Wait()
		if l.Logf("%d requests, %d failed", asked, len(failed)); asked == 0 || len(failed) > 0 {
			l.Errorf("%d of %d requests failed:\n%s", len(failed), asked, strings.Join(failed[:min(20, len(failed))], "\n"))
		}
	}
}

func answersOK(client *http.Client, request *http.Request) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// awaitOnly returns when those that the edge knows of a Service are two, in one network.
func awaitOnly(l *demotest.Lab, service, network string) {
	l.Helper()
	l.Eventually(service+" is at "+network+" only", func() error {
		found := map[string]bool{}
		for line := range strings.Lines(l.Edge.Get(l, "/clusters")) {
			if parts := strings.SplitN(line, "::", 2); strings.HasSuffix(parts[0], "/default/http/"+service) {
				if a, _, ok := strings.Cut(parts[1], "::rq_total::"); ok {
					found[a] = true
				}
			}
		}
		for address := range found {
			if !strings.HasPrefix(strings.Trim(address, "["), network) {
				return fmt.Errorf("they are %v", found)
			}
		}
		if len(found) != 2 {
			return fmt.Errorf("they are %v", found)
		}
		return nil
	})
}

// awaitSlices returns when the slices of a Service are of these families.
func awaitSlices(l *demotest.Lab, service string, families ...corev1.IPFamily) {
	l.Helper()
	l.Eventually("the slices are there", func() error {
		list, err := l.Kube.DiscoveryV1().EndpointSlices("default").List(l.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + service})
		if err != nil {
			return err
		}
		var found []corev1.IPFamily
		for _, s := range list.Items {
			found = append(found, corev1.IPFamily(s.AddressType))
		}
		if slices.Sort(found); !slices.Equal(found, families) {
			return fmt.Errorf("they are of %v", found)
		}
		return nil
	})
}
