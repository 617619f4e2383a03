// Package six_test shows the hello-world demo on a Kubernetes API, with pods, in a
// network that has IPv6 alone.
package six_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kibble.dev/e2e/demotest"
	"kibble.dev/e2e/kubetest"
	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/helloworld"
)

func TestMain(m *testing.M) { os.Exit(demotest.MainSix(m)) }

// The demo answers as ever, also while a pod moves and Kibble is replaced.
func TestSix(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world"})
	l.CheckAnswers()
	load := l.Load()
	l.MovePod("hello", "hello-1", demotest.PodsSix+"10:9")
	l.Await("earth", "world")
	l.Replicas[0].Kill()
	l.Replicas[0].Start()
	l.AwaitReady(l.Replicas[0])
	l.AwaitProxies(l.Replicas[0])
	load.Stop()
	l.CheckAnswers()

	t.Run("addresses in requests and rules", func(t *testing.T) { addresses(l.Under(t)) })
	t.Run("commands", func(t *testing.T) { commands(l.Under(t)) })
	t.Run("status", func(t *testing.T) { status(l.Under(t)) })
	l.CheckRights()
}

// addresses has a Router of its own lead straight to pods, by hosts and clients that
// are addresses. What explain says is what the edge does.
func addresses(l *demotest.Lab) {
	port := envoytest.FreePorts(l, 1)[0]
	l.Apply(l.Objects(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: whole}
spec: {selector: {app: world-v1}, ports: [{name: http, port: 80, targetPort: 7778}]}
---
apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: six}
spec:
  proxyClass: edge
  port: %d
  bind: loopback
  ipFamilies: [IPv6]
  xffNumTrustedHops: 1
  dtab: |
    /srv             => /#/io.l5d.k8s/default/http ;
    /svc             => /srv ;
    /svc/\x5bfd00::2\x5d => /srv/world-v1 ;
    /svc/by-address  => /$/inet/%s/7778 ;
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: office}
spec:
  routers: [six]
  when: {sourceRanges: ["2001:db8:1::/48"]}
  override: "/svc/\\x5bfd00::2\\x5d => /srv/world-v2 ;"
`, port, l.Top.Pod("world-v1").IP))...)
	if ip := l.ClusterIP("whole"); !strings.Contains(ip, ":") {
		l.Fatalf("the Service has the address %s", ip)
	}
	edge := net.JoinHostPort("::1", strconv.Itoa(port))
	for _, c := range []struct{ host, from, text, service string }{
		{"whole", "", "world", "world-v1"},
		{"by-address", "", "world", "world-v1"},
		{"[fd00::2]", "", "world", "world-v1"},
		{"[fd00::2]:8080", "", "world", "world-v1"},
		{"[FD00::2]", "2001:db8:2::9", "world", "world-v1"},
		{"[fd00::2]", "2001:db8:1::9", "earth", "world-v2"},
		{"[fd00::2]:8080", "2001:db8:1:0::9", "earth", "world-v2"},
		{"[fd00::2]", "2001:db8:1::9, ::1", "world", "world-v1"},
	} {
		q := helloworld.Question{Host: c.host}
		explain := []string{"explain", "--kubeconfig", l.Kubeconfig, "--router", "six", "--peer", "::1"}
		if c.from != "" {
			q.Header = [][2]string{{"X-Forwarded-For", c.from}}
			explain = append(explain, "--header", "x-forwarded-for: "+c.from)
		}
		pod := l.Top.Pod(c.service)
		want := fmt.Sprintf("%s (%s)!", c.text, pod.IP)
		l.Eventually(fmt.Sprintf("host %s from %q is answered", c.host, c.from), func() error {
			code, body, err := q.Ask(l.Context(), edge)
			if err == nil && (code != http.StatusOK || body != want) {
				err = fmt.Errorf("the answer is %d %q, want %q", code, body, want)
			}
			return err
		})
		if said := string(l.Kibble(append(explain, c.host)...)); !strings.Contains(said, "at "+pod.Address()+"\n") {
			l.Errorf("host %s from %q: it is answered by %s, and explained by\n%s", c.host, c.from, pod.Address(), said)
		}
	}
}

// commands ask Kibble at its address.
func commands(l *demotest.Lab) {
	proxies := string(l.Kibble("proxies", "--admin-address", l.Replicas[0].Admin))
	for name := range l.Envoys {
		if !strings.Contains(proxies, name) {
			l.Errorf("%s is not among the proxies:\n%s", name, proxies)
		}
	}
	if preview := string(l.Kibble("preview", "--kubeconfig", l.Kubeconfig)); !strings.Contains(preview, "[fd00::2]") {
		l.Errorf("the preview has no host [fd00::2]:\n%s", preview)
	}
}

// status starts a further Envoy at the edge as the chart does: it says that it is ready
// at all addresses.
func status(l *demotest.Lab) {
	ports, out := envoytest.FreePorts(l, 2), l.TempDir()
	at := func(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
	l.Kibble("bootstrap", "--proxy-class", "edge", "--node-id", "edge-1", "--xds-address", l.Replicas[0].XDS,
		"--tls-dir", filepath.Dir(l.Certificate("class-edge", "tls.crt")), "--tls-server-name", "kibble.test",
		"--status-address", at("::", ports[0]), "--admin-address", at("::1", ports[1]), "--output-dir", out)
	e := kubetest.NewProcess(l, envoytest.Binary(l), filepath.Join(out, "log"),
		"-c", filepath.Join(out, "bootstrap.yaml"), "--disable-hot-restart", "--concurrency", "1")
	e.Start()
	l.Eventually("it is ready", func() error {
		response, err := http.Get("http://" + at("::1", ports[0]) + "/ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	})
	e.Terminate()
}
