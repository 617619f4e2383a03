package discovery_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/logtest"
)

var scale = flag.Int("scale", 0, "TestScale: how many Services with 10 endpoints each; 0 leaves it out")

// changes is how many endpoints TestScale changes, one after the other.
const changes = 50

// TestScale says what a large cluster costs: how long a new replica takes until
// it is ready, what it holds in memory, and what one changed endpoint costs. It
// is no test of a limit; docs/operations/performance.md has what it printed.
func TestScale(t *testing.T) {
	if *scale == 0 {
		t.Skip("give -scale 5000")
	}
	l := newLab(t)
	config := rest.CopyConfig(l.Config)
	config.QPS, config.ContentType = -1, "application/vnd.kubernetes.protobuf"
	admin, err := kubernetes.NewForConfig(config)
	l.must(err)
	l.admin = admin
	l.fill(*scale)
	l.apply(`
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: ingress}
spec: {proxyClass: edge, port: 4142, dtab: "/svc => /#/io.l5d.k8s/default/http"}
`)
	kibble := build(t)
	admins := envoytest.FreeAddress(t)
	log := &logtest.Log{}
	began := time.Now()
	serve := exec.CommandContext(t.Context(), kibble, "serve", "--kubeconfig", l.Kubeconfig, "--insecure-plaintext", "--xds-address", envoytest.FreeAddress(t), "--admin-address", admins)
	serve.Stderr = log
	l.must(serve.Start())
	defer func() {
		_ = serve.Process.Kill()
		_ = serve.Wait()
	}()
	for !ready(admins) {
		if time.Since(began) > 2*limit {
			t.Fatalf("not ready\n%s", log)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Logf("%d Services with 10 endpoints each", *scale)
	t.Logf("ready after           %s", time.Since(began).Round(10*time.Millisecond))
	t.Logf("memory, when ready    %s resident, %s of heap in use", resident(t, serve.Process.Pid), mebi(metric(t, admins, "go_memstats_heap_inuse_bytes")))
	published := func() int { return strings.Count(log.String(), "msg=published") }
	cpu := metric(t, admins, "process_cpu_seconds_total")
	var took []time.Duration
	for i := range changes {
		before, at := published(), time.Now()
		l.must(l.putSlice(t.Context(), i, 7))
		for published() == before {
			time.Sleep(100 * time.Microsecond)
		}
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	spent := (metric(t, admins, "process_cpu_seconds_total") - cpu) / changes
	t.Logf("one changed endpoint  published %s (median) and %s (worst) after the write began, %.1f ms of CPU", took[changes/2].Round(100*time.Microsecond), took[changes-1].Round(100*time.Microsecond), spent*1000)
	t.Logf("memory, afterwards    %s resident, %s of heap in use", resident(t, serve.Process.Pid), mebi(metric(t, admins, "go_memstats_heap_inuse_bytes")))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	t.Logf("the last translation  %s", lines[len(lines)-1])
}

// fill writes Services with the slices that a controller would write.
func (l *lab) fill(services int) {
	l.Helper()
	g, ctx := errgroup.WithContext(l.Context())
	g.SetLimit(16)
	for i := range services {
		g.Go(func() error {
			s := &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Name: "s" + strconv.Itoa(i), Labels: map[string]string{"app": "s" + strconv.Itoa(i), "team": "a"}},
				Spec: corev1.ServiceSpec{
					ClusterIP: corev1.ClusterIPNone, Selector: map[string]string{"app": "s" + strconv.Itoa(i)},
					Ports: []corev1.ServicePort{{Name: "http", Port: 80}},
				},
			}
			if _, err := l.admin.CoreV1().Services("default").Create(ctx, s, metav1.CreateOptions{}); err != nil {
				return err
			}
			return l.putSlice(ctx, i, 0)
		})
	}
	l.must(g.Wait())
}

// putSlice writes the slice of a Service; another last says that its last
// endpoint is another one.
func (l *lab) putSlice(ctx context.Context, service, last int) error {
	s := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: fmt.Sprintf("s%d-abcde", service), Labels: map[string]string{discoveryv1.LabelServiceName: "s" + strconv.Itoa(service)}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)}},
	}
	for e := range 10 {
		host := e
		if e == 9 {
			host += last
		}
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{fmt.Sprintf("10.%d.%d.%d", service/250+1, service%250, host+1)},
			Conditions: discoveryv1.EndpointConditions{Ready: new(true), Serving: new(true), Terminating: new(false)},
			NodeName:   new(fmt.Sprintf("node-%d", e%100)), Zone: new([]string{"a", "b", "c"}[e%3]),
			TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "default", Name: fmt.Sprintf("s%d-6d4cf56db6-%05d", service, e)},
		})
	}
	client := l.admin.DiscoveryV1().EndpointSlices("default")
	var err error
	if last == 0 {
		_, err = client.Create(ctx, s, metav1.CreateOptions{})
	} else {
		_, err = client.Update(ctx, s, metav1.UpdateOptions{})
	}
	return err
}

func get(url string) (int, string) {
	response, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

func ready(address string) bool {
	code, _ := get("http://" + address + "/readyz")
	return code == http.StatusOK
}

func metric(t *testing.T, address, name string) float64 {
	t.Helper()
	_, text := get("http://" + address + "/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func mebi(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }

func resident(t *testing.T, pid int) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kibi, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return mebi(kibi * 1024)
		}
	}
	return "?"
}
