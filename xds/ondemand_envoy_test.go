package xds_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kibble.dev/translate"
)

// A sidecar has what is declared and what it uses, and gets the rest when the
// first request comes: of an environment, of a caller's own rule, of a union.
func TestEnvoyOnDemand(t *testing.T) {
	l := newDemandLab(t, "a", "b", "c", "c2", "d", "e", "f", "unused")
	l.declared, l.hosts["half"] = []string{"a"}, "1 * /srv/e & 1 * /srv/f"
	l.policies = `env: {when: {cookie: {name: v2, exact: "1"}}, override: /host/c => /srv/c2}`
	l.start()
	e := l.envoy("hello-0", "", "b")
	l.has(e, "a", "b")
	l.expect("a", "200 a")
	l.expect("b", "200 b")
	l.expect("c", "200 c")
	l.has(e, "a", "b", "c")
	l.expect("c", "200 c2", "l5d-ctx-dogfood", "env")
	l.has(e, "a", "b", "c", "c as stand-in", "c2", "c2 || c")
	l.expect("b", "200 d", "l5d-dtab", "/host/b => /srv/d")
	l.has(e, "a", "b", "b as alternative", "c", "c as stand-in", "c2", "c2 || c", "d", "d | b")
	until(t, "both parts of a union have answered", func() bool {
		got := l.call("half")
		if got != "200 e" && got != "200 f" {
			t.Errorf("half: %s", got)
		}
		return slices.Contains(clusters(t, e), "e") && slices.Contains(clusters(t, e), "f")
	})
	l.expect("nowhere", "502 Unable to route request!")

	// The environment goes, and with it its clusters; what is used stays.
	l.policies = ""
	delete(l.services, translate.Key{Namespace: "default", Name: "c2"})
	l.publish()
	until(t, "the environment is gone", func() bool { return !slices.Contains(clusters(t, e), "c2") })
	l.expect("c", "200 c", "l5d-ctx-dogfood", "env")
	// It comes back: Envoy, which asked for it once, does not ask again.
	l.serve("c2")
	l.policies = `env: {when: {cookie: {name: v2, exact: "1"}}, override: /host/c => /srv/c2}`
	l.publish()
	until(t, "the environment is back", func() bool { return l.call("c", "l5d-ctx-dogfood", "env") == "200 c2" })
}

// Hosts in use move from cluster to cluster under load, and no request fails or
// is told of anything that is not used.
func TestEnvoyOnDemandMoves(t *testing.T) {
	const moves = 60
	l := newDemandLab(t, "unused")
	for i := range moves {
		l.serve(fmt.Sprintf("v%d", i))
	}
	l.hosts["used"], l.hosts["idle"] = "/srv/v0", "/srv/v0"
	l.start()
	e := l.envoy("hello-0", "hello")
	l.expect("used", "200 v0")
	until(t, "the host is known", func() bool { return slices.Contains(l.told(e), "used") })
	front := fmt.Sprintf("http://127.0.0.1:%d", l.port)
	load := startOf(front, "used")
	defer load.end()
	for i := 1; i < moves; i++ {
		l.hosts["used"], l.hosts["idle"] = fmt.Sprintf("/srv/v%d", i), fmt.Sprintf("/srv/v%d", (i+7)%moves)
		l.publish()
		until(t, "the host has moved", func() bool { return load.last() == fmt.Sprintf("v%d", i) })
	}
	load.end()
	if err := load.failed(); err != nil {
		t.Error(err)
	}
	if slices.Contains(clusters(t, e), "unused") {
		t.Error("a cluster came that nobody uses")
	}
	if n := counted(t, l.registry, "kibble_xds_asked_clusters_total"); n != 1 {
		t.Errorf("%v requests had to wait for a cluster, want the first only", n)
	}
	t.Logf("%d requests, %d moves", load.count.Load(), moves)
}

// What a workload uses is kept when all its proxies and the control plane go,
// and a request for it needs no control plane; another one is refused soon.
func TestEnvoyOnDemandLearns(t *testing.T) {
	l := newDemandLab(t, "a", "b", "c", "d")
	l.start()
	first := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	l.expect("b", "200 b")
	until(t, "all is acknowledged", func() bool { return inSync(l.server, "hello-0") })
	first.Stop()
	l.state = l.server.Remember()
	l.stop()

	l.start()
	second := l.envoy("hello-1", "hello")
	l.has(second, "a", "b")
	l.stop()
	l.expect("a", "200 a")
	l.expect("b", "200 b")
	l.expect("c", "503 This proxy does not know the destination yet, and the control plane did not tell it in time.")

	// The next control plane has lost everything: the proxy tells what it uses.
	l.state = nil
	l.start()
	until(t, "the proxy is back", func() bool { return inSync(l.server, "hello-1") })
	until(t, "what was asked for meanwhile is there", func() bool { return l.call("c") == "200 c" })
	var names []string
	for _, u := range l.server.Learnt() {
		names = append(names, u.Workload+" "+u.Cluster[strings.LastIndexByte(u.Cluster, '/')+1:])
	}
	if want := []string{"hello a", "hello b", "hello c"}; !slices.Equal(names, want) {
		t.Errorf("learnt %q, want %q", names, want)
	}
	second.Stop()
	l.has(l.envoy("hello-2", "hello"), "a", "b", "c")
}
