package chart_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
)

// xdsName is how the chart's proxies call the control plane, and what its
// certificate is for.
const xdsName = "kibble-xds.kibble-system.svc.cluster.local"

// demo is a release with the demo whose containers run as processes: with the
// arguments, rights, certificates and tokens that the chart gives them.
type demo struct {
	*lab
	objects     objects
	kibble, app string // programs
	xds, edge   string // addresses
	pages       string // address of the control plane's admin pages
}

// The demo, as the chart installs it, with an Envoy in each pod.
func TestDemoSidecar(t *testing.T) { runDemo(t, "sidecar") }

// The same with an Envoy on each node.
func TestDemoNode(t *testing.T) { runDemo(t, "node") }

func runDemo(t *testing.T, topology string) {
	dir, err := os.MkdirTemp("", "chart") //nolint:usetesting // a socket's path may have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	write := func(file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := free(t, 4)
	injector := address[0]
	args := egress(t, write, dir, func() string { return injector })
	d := &demo{
		lab:    newLab(t, kubetest.Options{Controllers: append(kubetest.Default(), "daemonset-controller"), APIServer: args}),
		kibble: program(t, "kibble.dev/cmd/kibble"), app: program(t, "kibble.dev/examples/hello-world/app"),
		xds: address[1], edge: address[2], pages: address[3],
	}
	_, edgePort, _ := net.SplitHostPort(d.edge)
	set := []string{"demo.enabled=true", "demo.topology=" + topology, "edge.port=" + edgePort}
	d.objects = render(t, set...)
	d.nodes()
	if topology == "sidecar" {
		d.restricted(namespace)
	}
	d.helm(append([]string{"install", release, chart, "--namespace", namespace, "--create-namespace"}, values(set)...)...)
	d.fillSecrets(d.objects, d.kibble)
	d.startInjector(injector)
	d.startControlPlane()
	if topology == "sidecar" {
		// Here all pods share one loopback address; in a cluster each has its own.
		_, err := d.dynamic.Resource(routers()).Namespace(namespace).Patch(t.Context(), "outgoing", types.MergePatchType, []byte(`{"spec":{"bind":"pod"}}`), metav1.PatchOptions{})
		d.must(err)
	}
	d.startPods(topology)
	edge := find[appsv1.Deployment](t, d.objects, "Deployment", "kibble-edge").Spec.Template
	d.envoy(corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "edge-0", Namespace: namespace}, Spec: edge.Spec, Status: corev1.PodStatus{PodIP: podPrefix + "9.9"}})

	// helm test's own containers ask: with the cookie, and without.
	test := find[corev1.Pod](t, d.objects, "Pod", "kibble-test")
	for _, c := range test.Spec.Containers {
		out, err := exec.CommandContext(t.Context(), d.app, arguments(c, "kibble-edge.kibble-system.svc.cluster.local:80", d.edge)...).CombinedOutput()
		if err != nil {
			t.Errorf("helm test, container %s: %v\n%s", c.Name, err, out)
		}
	}
	if len(test.Spec.Containers) != 2 {
		t.Errorf("helm test has %d containers", len(test.Spec.Containers))
	}
	d.accepted()
	d.measured()
}

// measured checks that there are the metrics that alerts and dashboard speak of.
func (d *demo) measured() {
	d.Helper()
	name := regexp.MustCompile(`\bkibble_(?:config|discovery|environments|state|status|tls|trial|xds)[a-z_]*`) // and no label of an Envoy's
	for _, file := range []string{"rules.yaml", "dashboard.json"} {
		b, err := os.ReadFile(filepath.Join(chart, "files", file))
		d.must(err)
		for _, metric := range name.FindAllString(string(b), -1) {
			if metric == "kibble_xds_overdue" {
				continue // it is there only when a proxy owes an answer
			}
			line := regexp.MustCompile(`(?m)^` + metric + `[ {]`)
			waittest.Until(d, file+": there is a metric "+metric, func() bool { return line.MatchString(d.metrics()) })
		}
	}
}

func (d *demo) metrics() string {
	d.Helper()
	response, err := http.Get("http://" + d.pages + "/metrics")
	d.must(err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	d.must(err)
	return string(page)
}

// free gives free addresses, of which no two are the same. They are not those
// that others on this machine get when they ask for any.
func free(t *testing.T, n int) (all []string) {
	t.Helper()
	for _, port := range envoytest.FreePorts(t, n) {
		all = append(all, fmt.Sprintf("%s0.1:%d", herePrefix, port))
	}
	return all
}

func (d *demo) nodes() {
	d.Helper()
	for _, name := range []string{"node-a", "node-b"} {
		_, err := d.admin.CoreV1().Nodes().Create(d.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		d.must(err)
	}
}

func (d *demo) startInjector(address string) {
	d.Helper()
	for _, o := range d.objects.kinds("Deployment") {
		if o.GetName() != "kibble-injector" {
			continue
		}
		pod := as[appsv1.Deployment](d.T, o).Spec.Template.Spec
		d.run(d.kibble, arguments(pod.Containers[0], "=:9443", "="+address, "/etc/kibble/tls", d.mount(pod)), nil)
	}
}

func (d *demo) startControlPlane() {
	d.Helper()
	pod := find[appsv1.Deployment](d.T, d.objects, "Deployment", "kibble").Spec.Template.Spec
	config := d.network(d.account(pod.ServiceAccountName))
	d.run(d.kibble, arguments(pod.Containers[0], "=:18000", "="+d.xds, "=:9990", "="+d.pages, "/etc/kibble/tls", d.mount(pod)),
		[]string{"KUBECONFIG=" + d.WriteKubeconfig(config, namespace)})
	waittest.Until(d, "the control plane is ready", func() bool {
		response, err := http.Get("http://" + d.pages + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// startPods does the work of scheduler and kubelet for the demo's pods and the
// proxies of nodes.
func (d *demo) startPods(topology string) {
	d.Helper()
	want := 4
	if topology == "node" {
		want += 2
	}
	var pods []corev1.Pod
	waittest.Until(d, "the pods are created", func() bool {
		list, err := d.admin.CoreV1().Pods(namespace).List(d.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component in (demo, node)"})
		d.must(err)
		pods = list.Items
		return len(pods) == want
	})
	slices.SortFunc(pods, func(a, b corev1.Pod) int { return strings.Compare(a.GenerateName, b.GenerateName) })
	for i := range pods {
		p := &pods[i]
		number := 1 + i%2 // of the node
		host := podPrefix + strconv.Itoa(number) + ".1"
		address := podPrefix + strconv.Itoa(number) + "." + strconv.Itoa(10+i)
		if p.Labels["app.kubernetes.io/component"] == "node" {
			if wanted := p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution; wanted.NodeSelectorTerms[0].MatchFields[0].Values[0] == "node-a" {
				number = 1
			} else {
				number = 2
			}
			host = podPrefix + strconv.Itoa(number) + ".1"
			address = host // its port is the node's
		}
		d.place(p, "node-"+string(rune('a'+number-1)), host, address)
		if topology == "sidecar" && len(p.Spec.InitContainers) != 1 {
			d.Fatalf("%s has no sidecar", p.Name)
		}
	}
	for _, p := range pods {
		switch {
		case p.Labels["app"] == "":
			d.envoy(p)
			continue
		case topology == "sidecar":
			d.sidecar(p)
		}
		d.application(p)
	}
}

// place gives a pod to a node, and says that it runs.
func (d *demo) place(p *corev1.Pod, node, host, address string) {
	d.Helper()
	pods := d.admin.CoreV1().Pods(namespace)
	d.must(pods.Bind(d.Context(), &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: p.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: node}}, metav1.CreateOptions{}))
	bound, err := pods.Get(d.Context(), p.Name, metav1.GetOptions{})
	d.must(err)
	bound.Status.Phase, bound.Status.HostIP, bound.Status.PodIP = corev1.PodRunning, host, address
	bound.Status.HostIPs, bound.Status.PodIPs = []corev1.HostIP{{IP: host}}, []corev1.PodIP{{IP: address}}
	bound.Status.Conditions = append(bound.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
	bound, err = pods.UpdateStatus(d.Context(), bound, metav1.UpdateOptions{})
	d.must(err)
	*p = *bound
}

// variables are a container's, with what Kubernetes puts into them.
func (d *demo) variables(p corev1.Pod, c corev1.Container) map[string]string {
	d.Helper()
	fields := map[string]string{
		"metadata.name": p.Name, "metadata.namespace": p.Namespace, "spec.nodeName": p.Spec.NodeName,
		"status.podIP": here(p.Status.PodIP), "status.hostIP": here(p.Status.HostIP),
	}
	env := map[string]string{}
	for _, e := range c.Env {
		switch {
		case e.ValueFrom == nil:
			env[e.Name] = expand(e.Value, env)
		case e.ValueFrom.FieldRef != nil:
			value, ok := fields[e.ValueFrom.FieldRef.FieldPath]
			if !ok {
				d.Fatalf("field %s is not known here", e.ValueFrom.FieldRef.FieldPath)
			}
			env[e.Name] = value
		case e.ValueFrom.ResourceFieldRef != nil:
			env[e.Name] = strconv.Itoa(512 << 20)
		}
	}
	return env
}

// expand puts variables into a text, as kubelet does.
func expand(text string, env map[string]string) string {
	return regexp.MustCompile(`\$\((\w+)\)`).ReplaceAllStringFunc(text, func(v string) string {
		if value, ok := env[v[2:len(v)-1]]; ok {
			return value
		}
		return v
	})
}

// envoy runs a pod of the chart's own Envoys: its init container, then Envoy.
func (d *demo) envoy(p corev1.Pod) {
	d.Helper()
	b := d.bootstrap(p)
	rest := arguments(p.Spec.Containers[0])
	if !slices.Equal(rest[:2], []string{"-c", "/etc/envoy/bootstrap.yaml"}) {
		d.Fatalf("Envoy is started with %q", rest)
	}
	// envoytest gives this one itself.
	rest = slices.DeleteFunc(rest[2:], func(a string) bool { return a == "--disable-hot-restart" })
	envoytest.Start(d.T, b, rest...)
}

// bootstrap runs the init container of one of the chart's own Envoys, and gives
// what it wrote. Replacements are made in its arguments.
func (d *demo) bootstrap(p corev1.Pod, replace ...string) []byte {
	d.Helper()
	dir := d.TempDir()
	first := p.Spec.InitContainers[0]
	var args []string
	for _, a := range arguments(first, append(replace, "/etc/kibble/tls", d.mount(p.Spec), "/etc/envoy", dir, "0.0.0.0:9902", free(d.T, 1)[0])...) {
		args = append(args, expand(a, d.variables(p, first)))
	}
	if out, err := exec.CommandContext(d.Context(), d.kibble, args...).CombinedOutput(); err != nil {
		d.Fatalf("kibble %q: %v\n%s", args, err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, "bootstrap.yaml"))
	d.must(err)
	return d.toXDS(string(b))
}

// toXDS leads the name of the control plane to where it runs; what its
// certificate must say stays.
func (d *demo) toXDS(text string) []byte {
	d.Helper()
	host, port, _ := net.SplitHostPort(d.xds)
	address := regexp.MustCompile(`(?s)("?address"?: ?)"` + regexp.QuoteMeta(xdsName) + `"(.{0,40}?port_value"?: ?)18000`)
	if n := len(address.FindAllString(text, -1)); n != 1 {
		d.Fatalf("the control plane's address is in it %d times:\n%s", n, text)
	}
	return []byte(address.ReplaceAllString(text, `${1}"`+host+`"${2}`+port))
}

// sidecar runs the Envoy that was injected into a pod, with its own token.
func (d *demo) sidecar(p corev1.Pod) {
	d.Helper()
	c := p.Spec.InitContainers[0]
	i := slices.Index(c.Args, "--config-yaml")
	text := expand(c.Args[i+1], d.variables(p, c))
	dir := d.TempDir()
	token, err := d.admin.CoreV1().ServiceAccounts(namespace).CreateToken(d.Context(), p.Spec.ServiceAccountName, &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{
			Audiences:      []string{"kibble"},
			BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: p.Name, UID: p.UID},
		},
	}, metav1.CreateOptions{})
	d.must(err)
	d.must(os.WriteFile(filepath.Join(dir, "token"), []byte(token.Status.Token), 0o600))
	text = strings.ReplaceAll(text, "/var/run/secrets/kibble.dev", dir)
	var bootstrap map[string]any
	d.must(json.Unmarshal([]byte(text), &bootstrap))
	text = strings.ReplaceAll(text, `"port_value":4190`, `"port_value":0`)
	text = strings.ReplaceAll(text, `"address":"0.0.0.0"`, `"address":"127.0.0.1"`)
	envoytest.Start(d.T, d.toXDS(text))
}

// application runs the application of a pod.
func (d *demo) application(p corev1.Pod) {
	d.Helper()
	c := p.Spec.Containers[0]
	address := here(p.Status.PodIP)
	var env []string
	for name, value := range d.variables(p, c) {
		// See runDemo: here the sidecar is at the pod's address.
		env = append(env, name+"="+strings.Replace(value, "http://127.0.0.1:", "http://"+address+":", 1))
	}
	d.run(d.app, arguments(c, "-addr=:", "-addr="+address+":"), env)
}

// accepted waits until the objects say that every proxy has them.
func (d *demo) accepted() {
	d.Helper()
	waittest.Until(d, "the routers are programmed", func() bool {
		list, err := d.dynamic.Resource(routers()).Namespace(namespace).List(context.Background(), metav1.ListOptions{})
		d.must(err)
		programmed := 0
		for _, o := range list.Items {
			b, err := json.Marshal(o.Object["status"])
			d.must(err)
			var status struct{ Conditions []metav1.Condition }
			d.must(json.Unmarshal(b, &status))
			for _, c := range status.Conditions {
				if c.Type == "Programmed" && c.Status == metav1.ConditionTrue {
					programmed++
				}
			}
		}
		return programmed == 3
	})
}
