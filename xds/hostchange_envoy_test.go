package xds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kibble.dev/translate"
)

// Hosts in use change, go and come back, under load; what others do is told
// nobody, and a service that begins is found.
func TestEnvoyKnownHostsChange(t *testing.T) {
	const changes = 40
	l := newDemandLab(t, "a", "b", "c", "idle")
	for i := range changes {
		l.serve(fmt.Sprintf("v%d", i))
	}
	l.hosts["used"] = "/srv/v0"
	l.start()
	e := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	l.expect("used", "200 v0")
	l.knows(e, "*", "a", "used", "v0")
	load := startOf(fmt.Sprintf("http://127.0.0.1:%d", l.port), "used")
	defer load.end()
	for i := 1; i < changes; i++ {
		l.hosts["used"] = fmt.Sprintf("/srv/v%d", i)
		l.hosts["idle"] = fmt.Sprintf("/srv/v%d", changes-i)
		l.hosts[fmt.Sprintf("new%d", i)] = "/srv/b"
		l.publish()
		until(t, "the host has moved", func() bool { return load.last() == fmt.Sprintf("v%d", i) })
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Error(err)
	}
	for _, host := range l.told(e) {
		if strings.HasPrefix(host, "new") || host == "idle" {
			t.Errorf("it was told of %s, which nobody asked for", host)
		}
	}
	l.expect("new7", "200 b")
	until(t, "the host is known", func() bool { return slices.Contains(l.told(e), "new7") })

	// A host goes, and comes back.
	was := l.services[translate.Key{Namespace: "default", Name: "a"}]
	delete(l.services, was.Key)
	l.publish()
	until(t, "the host is gone", func() bool { return !slices.Contains(l.told(e), "a") })
	l.expect("a", "502 Unable to route request!")
	l.services[was.Key] = was
	l.publish()
	until(t, "it is back", func() bool { return l.call("a") == "200 a" })
	until(t, "the host is known", func() bool { return slices.Contains(l.told(e), "a") })
}

// What a proxy knows it knows again after it was cut off, and its workload's other
// proxies from the start, with and without what the control plane remembers.
func TestEnvoyRemembersHosts(t *testing.T) {
	l := newDemandLab(t, "a", "b", "c", "d")
	l.start()
	first := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	l.expect("b", "200 b")
	l.knows(first, "*", "a", "b")
	load := startOf(fmt.Sprintf("http://127.0.0.1:%d", l.port), "b")
	defer load.end()
	for _, remembers := range []bool{true, false} {
		l.state = l.server.Remember()
		if !remembers {
			l.state = nil
		}
		l.stop()
		l.expect("a", "200 a")
		l.start()
		until(t, "the proxy is back", func() bool { return inSync(l.server, "hello-0") })
		l.knows(first, "*", "a", "b")
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Error(err)
	}
	if n := counted(t, l.registry, "kibble_xds_resources_sent_total"); n != 0 {
		t.Errorf("%v resources were sent again", n)
	}
	first.Stop()
	second := l.envoy("hello-1", "hello")
	l.knows(second, "*", "a", "b")
	second.Stop()
	third := l.envoy("other-1", "other", "c")
	l.knows(third, "*", "c")
}

// The table comes to lead all hosts somewhere: then all are told, before the rest
// of the hosts is led there.
func TestEnvoyAsksNoMore(t *testing.T) {
	l := newDemandLab(t, "a", "b", "c", "rest")
	l.start()
	e := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	l.knows(e, "*", "a")
	load := startOf(fmt.Sprintf("http://127.0.0.1:%d", l.port), "a")
	defer load.end()
	for range 10 {
		l.hosts["*"] = "/srv/rest"
		for _, host := range []string{"a", "b", "c"} {
			l.hosts[host] = "/srv/" + host
		}
		l.publish()
		until(t, "the rest leads somewhere", func() bool { return l.call("whatever") == "200 rest" })
		l.expect("b", "200 b")
		l.expect("c", "200 c")
		delete(l.hosts, "*")
		l.publish()
		until(t, "the rest leads nowhere", func() bool { return l.call("whatever") == "502 Unable to route request!" })
		l.expect("b", "200 b")
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Error(err)
	}
}
