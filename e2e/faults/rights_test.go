package faults_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"kibble.dev/e2e/demotest"
)

// reconnect ends all connections to the API server: watches that run outlive
// the right to begin them.
func reconnect(l *demotest.Lab, link *demotest.Link) {
	l.Helper()
	link.Cut()
	l.Must(link.Mend())
}

// Somebody takes rights away: first those on what endpoints are made of, then
// all. What was read goes on being served, it is told which right is missing, and
// what changed meanwhile arrives when it is given back.
func rightsTaken(l *demotest.Lab, link *demotest.Link) {
	kibble := l.Replicas[0]
	for _, taken := range [][]string{{"services", "endpointslices"}, nil} {
		before := l.Settled()
		allow := l.Forbid(taken...)
		reconnect(l, link)
		names := taken
		if names == nil {
			names = []string{"services", "endpointslices", "namespaces", "routers", "dtabs", "dogfoodpolicies"}
		}
		l.Eventually("it is told which rights are missing", func() error { return toldOf(l, kibble, names) })
		l.AwaitReady(kibble)
		l.Await("earth", "world")
		if slices.Contains(taken, "services") {
			there(l) // all else goes on
		} else {
			if told := demotest.Difference(before, l.Told()); len(told) > 0 {
				l.Errorf("proxies were told something: %v", told)
			}
			l.EditDtab("outgoing", toV1, toV2)
			l.Await("earth", "world")
		}
		allow()
		if taken == nil {
			l.Await("earth", "earth")
			l.EditDtab("outgoing", toV2, toV1)
			l.Await("earth", "world")
		}
		l.Eventually("nothing is missing any more", func() error {
			if text := l.Finding(kibble, "KB1013"); text != "" {
				return errors.New(text)
			}
			return nil
		})
	}
	there(l)
}

// toldOf gives no error if the findings name all of these resources.
func toldOf(l *demotest.Lab, kibble *demotest.Replica, resources []string) error {
	text := l.Finding(kibble, "KB1013")
	for _, name := range resources {
		if !strings.Contains(text, "grant list and watch on "+name) || !strings.Contains(text, "what was read last goes on being served") {
			return fmt.Errorf("of %s nothing is said in %q", name, text)
		}
	}
	return nil
}

// The right to write status is taken away, then that on the Lease. Proxies do
// not notice; it is told, and status is written when it is given back.
func statusForbidden(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	for _, resources := range [][]string{{"routers/status"}, {"leases"}} {
		failed := l.Metric(kibble, `kibble_status_writes_total{result="failed"}`)
		lease := l.Metric(kibble, `kibble_status_lease_errors_total`)
		allow := l.Forbid(resources...)
		l.EditDtab("outgoing", toV1, toV2)
		l.Await("earth", "earth")
		l.Eventually("it is counted and told", func() error {
			if l.Metric(kibble, `kibble_status_writes_total{result="failed"}`)+l.Metric(kibble, `kibble_status_lease_errors_total`) == failed+lease {
				return errors.New("it is not counted")
			}
			if log := kibble.Log(); !strings.Contains(log, "cannot be ") || !strings.Contains(log, resources[0]+`\" in API group`) {
				return errors.New("it is not told")
			}
			return nil
		})
		l.AwaitReady(kibble)
		l.EditDtab("outgoing", toV2, toV1)
		l.Await("earth", "world")
		allow()
		l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	}
}

// A control plane starts while it may read nothing. With its state directory it
// serves what was served last; without it waits and says for what. Given its
// rights, it goes on by itself.
func startsForbidden(l *demotest.Lab, _ *demotest.Link) {
	kibble := l.Replicas[0]
	for _, remembers := range []bool{true, false} {
		awaitKept(l, kibble)
		before := l.Settled()
		kibble.Kill()
		if !remembers {
			l.Must(os.RemoveAll(kibble.State))
		}
		allow := l.Forbid()
		kibble.Start()
		l.Eventually("it says what is missing", func() error {
			said := l.NotReady(kibble)
			for _, what := range []string{"routers.kibble.dev", "endpointslices.discovery.k8s.io", "orbidden"} {
				if !strings.Contains(said, what) {
					return fmt.Errorf("of %s nothing is said in %q", what, said)
				}
			}
			if given := strings.Contains(l.Finding(kibble, "KB1018"), "is given to proxies that start"); given != remembers {
				return fmt.Errorf("with state %v, what was served last is served: %v", remembers, given)
			}
			return nil
		})
		l.Await("earth", "world")
		if told := demotest.Difference(before, l.Told()); len(told) > 0 {
			l.Errorf("proxies were told something: %v", told)
		}
		allow()
		l.AwaitReady(kibble)
		l.AwaitProxies(kibble)
		there(l)
	}
}
