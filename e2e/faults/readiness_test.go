package faults_test

import (
	"strings"

	"kibble.dev/e2e/demotest"
)

// A pod of an environment is ready, and not ready, and ready, without a pause: its
// people are answered by it or by the baseline. Proxies are told of it, and of nothing
// else, and no more often than it happens.
func readinessFlaps(l *demotest.Lab, _ *demotest.Link) {
	const times = 50
	kibble, pod := l.Replicas[0], l.Top.Pod("world-v2")
	before := l.Settled()
	sent := l.Sent(kibble)
	for range times {
		l.SetReady(pod.Name, false)
		l.SetReady(pod.Name, true)
	}
	l.AwaitSlice("world-v2", pod.IP)
	l.Await("earth", "world")
	told := demotest.Difference(before, l.Settled())
	if sent = l.Sent(kibble) - sent; sent > float64(2*times*(1+len(l.Envoys))) {
		l.Errorf("%v resources were sent for %d changes", sent, 2*times)
	}
	for what := range told {
		if !strings.HasSuffix(what, "/world-v2.update_success") {
			l.Errorf("proxies were told of something else: %s", what)
		}
	}
}
