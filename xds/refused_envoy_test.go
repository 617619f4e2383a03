package xds_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// fast makes time pass ten times as fast, so that limits of minutes can be waited for.
func fast() func() time.Time {
	start := time.Now()
	return func() time.Time { return start.Add(10 * time.Since(start)) }
}

// A listener is refused because another program has its port. When that is free,
// the listener comes by itself.
func TestEnvoyPortFreed(t *testing.T) {
	up := upstream(t)
	taken := envoytest.Listen(t)
	defer taken.Close()
	tcp, _ := taken.Addr().(*net.TCPAddr)
	s, address := serve(t, xds.Options{Now: fast(), AckLimit: time.Hour})
	with := func(i int) *translate.Snapshot {
		v := version(t, i, up)
		v.Classes["edge"].Resources[lds]["second"] = at(t, listener(t, "second", "table"), "127.0.0.1", tcp.Port)
		return v
	}
	s.Publish(with(1))
	envoy := run(t, address, "edge-0", "edge", "delta")
	envoy.WaitReady(t)
	until(t, "the refusal is shown", func() bool {
		refused := statusOf(s, lds).Refused
		return len(refused) == 1 && strings.Contains(refused[0].Words, "in use")
	})
	s.Publish(with(2))
	until(t, "the others go on", func() bool { return ask("http://"+envoy.Listener(t, "front")) == "c2" })
	taken.Close()
	until(t, "the listener came", func() bool { return ask(fmt.Sprintf("http://127.0.0.1:%d", tcp.Port)) == "c2" })
	until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
}

// A Router comes to be on demand, and the proxy refuses the listener at which
// requests wait for what the proxy does not have. So it is told everything, and at
// the older listener every request is answered.
func TestEnvoyRefusesToAsk(t *testing.T) {
	taken := envoytest.Listen(t)
	defer taken.Close()
	tcp, _ := taken.Addr().(*net.TCPAddr)
	l := newDemandLab(t, "a", "b")
	l.notOnDemand = true
	l.start()
	e := l.envoy("hello-0", "hello")
	l.expect("a", "200 a")
	load := startOf(fmt.Sprintf("http://127.0.0.1:%d", l.port), "a")
	defer load.end()

	here := l.port
	l.notOnDemand, l.port = false, tcp.Port
	l.serve("c")
	l.publish()
	l.port = here
	until(t, "the listener is refused", func() bool { return len(statusOfNode(l.server, "hello-0", lds).Refused) == 1 })
	for i, name := range []string{"b", "c", "d"} {
		until(t, name+" is there", func() bool { return l.call(name) == "200 "+name })
		if i == 1 {
			l.port = tcp.Port
			l.serve("d")
			l.publish()
			l.port = here
		}
	}
	l.publish()
	l.knows(e, "*", "a", "b", "c", "d")
	l.expect("d", "200 d")
	load.end()
	if err := load.failed(); err != nil {
		t.Error(err)
	}
}
