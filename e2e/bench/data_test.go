package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"kibble.dev/e2e/kubetest"
	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// TestDataPlane compares the configuration that Kibble makes with one for the
// same job written by hand (testdata), and with nginx and headers-more in front
// of an Envoy. Both sides have their own Envoys, which take turns, so that
// whatever else the machine does is done to both.
func TestDataPlane(t *testing.T) {
	w := newWorld(t)
	p := newTable(fmt.Sprintf("data plane, %d connections, %d turns of %s for each side; of Kibble, relative to the other side", connections, *turns*2, *turn))
	for _, c := range w.cases() {
		t.Run(c.name, func(t *testing.T) {
			c.check(t)
			if *full {
				p.add(c.name, c.compare(t)...)
			}
		})
	}
	if *full {
		p.printPlain()
	}
}

// comparison is a request that goes through two sides.
type comparison struct {
	name, header string
	answer       string // of the application that it must reach
	kibble, hand side
}

// side is where a request goes to, and who works on it.
type side struct {
	url  string
	pids []int
}

func (w *world) cases() []comparison {
	edge := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d/", port) }
	out := func(port int) string { return fmt.Sprintf("http://%s:%d/", w.Pods[0].IP, port) }
	ordinary, cookie := "cookie: theme=dark; session=0123456789abcdef", "cookie: theme=dark; special_employee_cookie=dogfood; session=0123456789abcdef"
	through := func(a, b int, url func(int) string) (x, y side) {
		return side{url(a), w.kibble}, side{url(b), w.hand}
	}
	all := []comparison{
		{name: "edge, sidecar in", header: ordinary, answer: "world-v1"},
		{name: "edge, sidecar in, with context", header: cookie, answer: "world-v2"},
		{name: "sidecar out, sidecar in", header: "x-other: 1", answer: "world-v1"},
		{name: "sidecar out, sidecar in, with context", header: "l5d-ctx-dogfood: world-v2", answer: "world-v2"},
	}
	for i := range all {
		if i < 2 {
			all[i].kibble, all[i].hand = through(w.Kibble.Edge, w.Hand.Edge, edge)
		} else {
			all[i].kibble, all[i].hand = through(w.Kibble.Out, w.Hand.Out, out)
		}
	}
	if *full {
		for _, c := range []comparison{
			{name: "edge beside nginx + Envoy", header: ordinary, answer: "world-v1"},
			{name: "edge beside nginx + Envoy, with context", header: cookie, answer: "world-v2"},
			{name: "edge beside the example's nginx + Envoy", header: ordinary, answer: "world-v1"},
			{name: "edge beside the example's nginx + Envoy, with context", header: cookie, answer: "world-v2"},
		} {
			nginx := w.Hand.Nginx
			if strings.Contains(c.name, "the example's") {
				nginx = w.Hand.Example
			}
			c.kibble, c.hand = through(w.Kibble.Direct, nginx, edge)
			c.hand.pids = append(slices.Clone(w.hand), w.nginx)
			all = append(all, c)
		}
	}
	return all
}

// check asks both sides, and sees that the right application answers.
func (c comparison) check(t *testing.T) {
	t.Helper()
	for _, s := range []side{c.kibble, c.hand} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		key, value, _ := strings.Cut(c.header, ": ")
		r.Host = "world"
		r.Header.Set(key, value)
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || strings.TrimSpace(string(body)) != c.answer {
			t.Fatalf("%s: %s %q, want %s", s.url, response.Status, body, c.answer)
		}
	}
}

// shot is what wrk said of one turn, and the CPU time of the proxies for a request.
type shot struct{ rate, p50, p99, cpu float64 }

// compare has the sides take turns, ABBA, and gives the medians of the ratios
// of two turns beside each other.
func (c comparison) compare(t *testing.T) []column {
	t.Helper()
	var rates, p50s, p99s, cpus, ours []float64
	for _, s := range []side{c.kibble, c.hand} {
		load(t, s, c.header, time.Second) // connections are open and code is warm
	}
	for i := range *turns * 2 {
		order := []side{c.kibble, c.hand}
		if i%2 == 1 {
			slices.Reverse(order)
		}
		first, second := load(t, order[0], c.header, *turn), load(t, order[1], c.header, *turn)
		if i%2 == 1 {
			first, second = second, first
		}
		rates, ours = append(rates, first.rate/second.rate), append(ours, first.rate)
		p50s, p99s = append(p50s, first.p50/second.p50), append(p99s, first.p99/second.p99)
		cpus = append(cpus, first.cpu/second.cpu)
	}
	return []column{
		{"throughput", median(rates)}, {"p50", median(p50s)}, {"p99", median(p99s)}, {"CPU/request", median(cpus)}, {"requests/s", median(ours)},
	}
}

const connections = 8

var (
	wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkLate = regexp.MustCompile(`\s(50|99)%\s+([0-9.]+)(us|ms|s)`)
)

// load runs wrk, and fails where a request did.
func load(t *testing.T, s side, header string, d time.Duration) shot {
	t.Helper()
	cpu := cpuOf(t, s.pids)
	command := exec.CommandContext(t.Context(), "wrk", "--threads", "1", "--connections", strconv.Itoa(connections), "--latency",
		"--duration", strconv.Itoa(max(int(d.Seconds()), 1))+"s", "--header", "Host: world", "--header", header, s.url)
	out, err := command.CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("Non-2xx")) || bytes.Contains(out, []byte("Socket errors")) {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	var shot shot
	shot.rate, _ = strconv.ParseFloat(string(wrkRate.FindSubmatch(out)[1]), 64)
	for _, m := range wrkLate.FindAllSubmatch(out, -1) {
		value, _ := strconv.ParseFloat(string(m[2]), 64)
		value *= map[string]float64{"us": 1, "ms": 1e3, "s": 1e6}[string(m[3])]
		if string(m[1]) == "50" {
			shot.p50 = value
		} else {
			shot.p99 = value
		}
	}
	shot.cpu = float64((cpuOf(t, s.pids) - cpu).Microseconds()) / (shot.rate * d.Seconds())
	return shot
}

func cpuOf(t *testing.T, pids []int) (sum time.Duration) {
	for _, pid := range pids {
		sum += envoytest.CPUTime(pid)
	}
	return sum
}

// world is what the templates of testdata are about.
type world struct {
	App          int
	Kibble, Hand ports
	Pods         []pod
	Pod          pod
	Dir          string

	kibble, hand []int // processes of each side
	nginx        int
}

type ports struct{ Edge, Direct, In, Out, Nginx, Example int }

type pod struct{ Name, IP string }

// newWorld starts both sides.
func newWorld(t *testing.T) *world {
	t.Helper()
	free := envoytest.FreePorts(t, 11)
	w := &world{
		App: free[0], Kibble: ports{Edge: free[1], Direct: free[2], In: free[3], Out: free[4]},
		Hand: ports{Edge: free[5], Direct: free[6], In: free[7], Out: free[8], Nginx: free[9], Example: free[10]},
		Pods: []pod{{"world-v1", "127.77.0.1"}, {"world-v2", "127.77.0.2"}}, Dir: t.TempDir(),
	}
	envoytest.Start(t, w.text(t, "applications.yaml"), oneWorker()...)
	w.startKibble(t)
	w.hand = append(w.hand, envoytest.Start(t, w.text(t, "edge.yaml"), oneWorker()...).PID())
	for _, w.Pod = range w.Pods {
		w.hand = append(w.hand, envoytest.Start(t, w.text(t, "sidecar.yaml"), oneWorker()...).PID())
	}
	if *full {
		file := filepath.Join(w.Dir, "nginx.conf")
		if err := os.WriteFile(file, w.text(t, "nginx.conf"), 0o600); err != nil {
			t.Fatal(err)
		}
		nginx := kubetest.NewProcess(t, "/usr/sbin/nginx", filepath.Join(w.Dir, "nginx.log"), "-c", file, "-p", w.Dir)
		nginx.Start()
		w.nginx = nginx.PID()
	}
	return w
}

// oneWorker has an Envoy use one processor at most, as nginx does here.
func oneWorker() []string { return []string{"--concurrency", "1"} }

func (w *world) text(t *testing.T, name string) []byte {
	t.Helper()
	parsed, err := template.ParseFiles(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := parsed.Execute(&b, w); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// startKibble runs kibble serve on the manifests, and the Envoys of its side.
func (w *world) startKibble(t *testing.T) {
	t.Helper()
	manifests := t.TempDir()
	if err := os.WriteFile(filepath.Join(manifests, "all.yaml"), w.text(t, "kibble.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	address := envoytest.FreeAddress(t)
	kubetest.NewProcess(t, filepath.Join(build(t), "kibble"), filepath.Join(w.Dir, "kibble.log"),
		"serve", "-f", manifests, "--insecure-plaintext", "--xds-address", address, "--admin-address", envoytest.FreeAddress(t)).Start()
	start := func(o bootstrap.Options) {
		o.Server, o.AdminAddress = address, "127.0.0.1:0"
		text, err := bootstrap.Render(o)
		if err != nil {
			t.Fatal(err)
		}
		w.kibble = append(w.kibble, envoytest.Start(t, text, oneWorker()...).PID())
	}
	start(bootstrap.Options{Class: bootstrap.ClassEdge, NodeID: "edge"})
	for _, p := range w.Pods {
		start(bootstrap.Options{Class: bootstrap.ClassSidecar, NodeID: p.Name, PodIP: p.IP})
	}
}
