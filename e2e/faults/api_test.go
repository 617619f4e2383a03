package faults_test

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"kibble.dev/e2e/demotest"
)

// Connections to the API server live on and nothing arrives, as when a machine
// between them is gone. What was changed meanwhile arrives when it is back.
func frozen(l *demotest.Lab, link *demotest.Link) {
	thaw := link.Freeze()
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "world")
	l.AwaitReady(l.Replicas[0])
	thaw()
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
}

// All that passes to and from the API server is late by a second: what changes
// is late too. A control plane that starts then takes its time.
func slow(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	link.Slow(time.Second)
	defer link.Slow(0)
	there(l)
	before := l.Settled()
	kibble.Kill()
	kibble.Start()
	l.AwaitReady(kibble)
	l.AwaitProxies(kibble)
	toldNothing(l, before, kibble, 0)
	there(l)
}

// Connections to the API server end in the middle of what it says, again and
// again. All arrives all the same.
func cutInTheMiddle(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	link.CutEvery(60_000)
	defer link.CutEvery(0)
	for before := link.Cuts(); link.Cuts() < before+3; {
		there(l)
	}
	l.AwaitReady(kibble)
}

// Connections between proxies and Kibble live on and nothing arrives, and then
// it does again. Both sides notice: Kibble no longer counts the proxies, and they
// come back. What was changed meanwhile arrives then.
func blackHole(proxies *demotest.Link) func(*demotest.Lab, *demotest.Link) {
	return func(l *demotest.Lab, _ *demotest.Link) {
		kibble := l.Replicas[0]
		thaw := proxies.Freeze()
		l.EditDtab("outgoing", toV1, toV2)
		l.Eventually("it is noticed", func() error {
			if n := l.Metric(kibble, "kibble_xds_streams"); n > 0 {
				return fmt.Errorf("%v proxies are said to be connected", n)
			}
			return nil
		})
		l.Await("earth", "world")
		l.AwaitReady(kibble)
		thaw()
		l.Await("earth", "earth")
		l.AwaitProxies(kibble)
		l.EditDtab("outgoing", toV2, toV1)
		l.Await("earth", "world")
	}
}

// The API server has too much to do, and then is broken: every request is
// answered with an error. All goes on with what was read.
func refusals(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	for _, status := range []int{http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusUnauthorized} {
		errs := l.Metric(kibble, "kibble_discovery_errors_total")
		l.Must(link.Answer(status))
		l.Eventually("requests are refused", func() error {
			if l.Metric(kibble, "kibble_discovery_errors_total") == errs {
				return errors.New("none was")
			}
			return nil
		})
		l.AwaitReady(kibble)
	}
	l.EditDtab("outgoing", toV1, toV2)
	l.Await("earth", "world")
	l.Must(link.Answer(0))
	l.Await("earth", "earth")
	l.EditDtab("outgoing", toV2, toV1)
	l.Await("earth", "world")
}
