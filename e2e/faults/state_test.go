package faults_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// A control plane that starts while the API server is away serves what was
// served last: proxies that run are told nothing, one that starts gets all.
func startsAlone(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	late := l.Top.Pod("hello")
	late.Name, late.IP, late.Via = "hello-late", "10.244.9.9", "10.244.9.9"
	pods := l.Top.Pods
	l.Top.Pods = append(slices.Clone(pods), late)
	l.StartPod(late)
	l.AwaitUsed(late.IP)
	l.SetReady(late.Name, false) // nobody else uses it
	l.AwaitForgotten(late.IP)
	awaitKept(l, kibble)
	before := l.Settled()
	link.Cut()
	kibble.Kill()
	kibble.Start()
	l.Eventually("it says what it serves", func() error {
		if log := kibble.Log(); !strings.Contains(log, "the cluster has not been read yet; what was served on") || !strings.Contains(log, "KB1018") {
			return errors.New("not yet")
		}
		return nil
	})
	l.RestartEnvoy(late)
	l.Eventually("the sidecar that started leads to world", func() error { return through(l.Top.ProxyFor(late), "world (") })
	if told := demotest.Difference(before, l.Told()); onlyOf(told, late.Name) != len(told) {
		l.Errorf("proxies were told something: %v", told)
	}
	l.Must(link.Mend())
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	there(l)
	l.StopPod(late)
	l.Top.Pods = pods
}

// awaitKept returns when all that is served is on the disk.
func awaitKept(l *demotest.Lab, kibble *demotest.Replica) {
	l.Helper()
	l.Eventually("the state is written", func() error {
		if pending := l.Metric(kibble, "kibble_state_pending"); pending > 0 {
			return fmt.Errorf("%v files are not", pending)
		}
		return nil
	})
}

// onlyOf counts the entries of one proxy.
func onlyOf(told map[string]int64, name string) (n int) {
	for counter := range told {
		if strings.HasPrefix(counter, name+" ") {
			n++
		}
	}
	return n
}

// through asks for world by an HTTP proxy.
func through(proxy, want string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})}}
	response, err := client.Get("http://world/")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || !strings.Contains(string(b), want)) {
		err = fmt.Errorf("the answer is %s %q", response.Status, b)
	}
	return err
}

// Somebody broke a Router. A control plane that starts then serves it as it was.
func startsBroken(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	l.EditDtab("outgoing", toV1, "/host/world => =>")
	l.AwaitCondition("Router", "outgoing", "Programmed", "False", "an earlier form of it is served")
	awaitKept(l, kibble)
	before := l.Settled()
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	l.Await("earth", "world")
	toldNothing(l, before, kibble, 0)
	l.EditDtab("outgoing", "/host/world => =>", toV2)
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
}

// A proxy refused a listener, because its port is taken. A control plane that
// starts then does not try it again, knows why, and what was accepted is served.
func startsAfterRefusal(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	l.Must(err)
	defer taken.Close()
	const router = `{apiVersion: kibble.dev/v1alpha1, kind: Router, metadata: {name: second}, spec: {proxyClass: edge, port: %d, bind: loopback, dtab: "%s"}}`
	const table = "/svc => /#/io.l5d.k8s/default/http/world-v1 ; /host => /$/nil ;"
	port := envoytest.FreePorts(l, 1)[0]
	edge := func(port int) error { return through(fmt.Sprintf("127.0.0.1:%d", port), "world (") }
	l.Apply(l.Objects(fmt.Sprintf(router, port, table))...)
	l.AwaitCondition("Router", "second", "Programmed", "True", "")

	tcp, _ := taken.Addr().(*net.TCPAddr)
	l.Set("Router", "second", int64(tcp.Port), "spec", "port")
	l.AwaitCondition("Router", "second", "Programmed", "False", "edge-0 refuses default/second")
	l.Eventually("what was accepted is served", func() error { return edge(port) })
	l.Eventually("the refusal is on the disk", func() error {
		b, err := os.ReadFile(filepath.Join(kibble.State, "answers.json"))
		if err == nil && !strings.Contains(string(b), `"refused":[{`) {
			err = fmt.Errorf("there is %s", b)
		}
		return err
	})
	before := l.Settled()
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitCondition("Router", "second", "Programmed", "False", "refused elsewhere")
	toldNothing(l, before, kibble, 0)
	if n := l.Metric(kibble, "kibble_xds_nacks_total"); n > 0 {
		l.Errorf("what a proxy had refused was tried on it again: %v refusals", n)
	}
	l.Must(edge(port))
	l.Delete("Router", "second")
	l.Eventually("it is gone", func() error {
		if edge(port) == nil {
			return errors.New("it answers")
		}
		return nil
	})
	l.AwaitProxies(kibble)
}
