package faults_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kibble.dev/e2e/demotest"
)

// Of two control planes one has a clock that is set again and again, by an hour,
// a day or a year, forward and back. Proxies do not notice: no answer is late, no
// cluster goes too early, nobody is told anew what they know; and what changes
// arrives, also the status.
func TestClockJumps(t *testing.T) {
	l := demotest.Start(t, demotest.Options{Manifests: "../../examples/hello-world", Replicas: 2, OwnClock: true})
	l.CheckAnswers()
	l.AwaitProxies(l.Replicas...)
	lost, right := l.Replicas[1], l.Replicas[0]
	right.Kill() // so that all proxies are at the other, and it writes status
	l.AwaitProxies(lost)
	load := l.Load()
	const hour = time.Hour
	for _, ahead := range []time.Duration{hour, 0, -hour, 24 * hour, -24 * hour, 365 * 24 * hour, -365 * 24 * hour, 0} {
		before, sent := l.Settled(), l.Sent(lost)
		l.SetClock(ahead)
		since := l.Metric(lost, "process_cpu_seconds_total")
		l.Eventually("it has gone on for a while", func() error {
			if n := l.Metric(lost, "process_cpu_seconds_total") - since; n < 0.1 {
				return fmt.Errorf("for %v s of its time", n)
			}
			return nil
		})
		toldNothing(l, before, lost, sent)
		there(l)
		l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
		l.AwaitProxies(lost)
	}
	right.Start()
	l.AwaitReady(right)
	for _, ahead := range []time.Duration{24 * hour, -24 * hour, 0} {
		l.SetClock(ahead)
		there(l)
		l.AwaitCondition("Router", "outgoing", "Programmed", "True", "")
	}

	// It starts while its clock is wrong: what it is to know of others is by theirs.
	l.SetClock(hour)
	lost.Kill()
	l.AwaitProxies(right)
	lost.Start()
	l.AwaitReady(lost)
	right.Kill()
	l.AwaitProxies(lost)
	there(l)
	l.SetClock(0)
	there(l)
	load.Stop()
	for _, metric := range []string{"kibble_xds_overdue_total", "kibble_xds_nacks_total", "kibble_xds_denied_total"} {
		if n := l.Metric(lost, metric); n > 0 {
			l.Errorf("%s is %v", metric, n)
		}
	}
	l.Eventually("status is written", func() error {
		if l.Metric(lost, `kibble_status_writes_total{result="written"}`) == 0 {
			return errors.New("it is not")
		}
		return nil
	})
}
