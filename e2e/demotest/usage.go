package demotest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"kibble.dev/internal/helloworld"
)

// awaitUnused returns when the Envoy of a pod's node, which knows the pod until
// it is gone, has sent it nothing for many looks, before each of which all is
// asked that could lead to it.
func (l *Lab) awaitUnused(p helloworld.Pod) {
	l.Helper()
	const looks = 25
	e := l.Envoys[l.Top.Proxies[slices.IndexFunc(l.Top.Proxies, func(x helloworld.Proxy) bool { return x.Node == p.Node })].Name]
	sent, quiet := "", 0
	l.Eventually("nobody uses "+p.Name, func() error {
		for _, q := range helloworld.Questions(l.Top)[:4] {
			if _, _, err := q.Ask(l.Context(), l.Top.Edge()); err != nil {
				return err
			}
		}
		now := requestsTo(e.Get(l, "/clusters"), p.IP)
		if now != sent {
			sent, quiet = now, 0
		}
		if quiet++; quiet < looks || strings.Contains(now, "rq_active::") {
			return fmt.Errorf("it was used %d looks ago: %s", quiet, now)
		}
		return nil
	})
}

// requestsTo gives, of an Envoy's page /clusters, how many requests an address
// got, and how many of them are in flight where there are any.
func requestsTo(page, ip string) string {
	var all []string
	for line := range strings.Lines(page) {
		if strings.Contains(line, inClusters(ip)) && (strings.Contains(line, "::rq_total::") || strings.Contains(line, "::rq_active::") && !strings.HasSuffix(line, "::0\n")) {
			all = append(all, line)
		}
	}
	slices.Sort(all) // the page has clusters in any order
	return strings.Join(all, "")
}

// AwaitForgotten returns when no Envoy but that of the pod itself has an address among its endpoints.
func (l *Lab) AwaitForgotten(ip string) { l.awaitUsed(ip, false) }

// AwaitUsed returns when all Envoys but that of the pod itself have an address among their endpoints.
func (l *Lab) AwaitUsed(ip string) { l.awaitUsed(ip, true) }

func (l *Lab) awaitUsed(ip string, want bool) {
	l.Helper()
	l.Eventually(fmt.Sprintf("it is %v that %s is used", want, ip), func() error {
		if strings.Contains(l.Edge.Get(l, "/clusters"), inClusters(ip)) != want {
			return errors.New("not so at the edge")
		}
		for name, e := range l.Envoys {
			if l.podOf(name).IP != ip && strings.Contains(e.Get(l, "/clusters"), inClusters(ip)) != want {
				return fmt.Errorf("not so at %s", name)
			}
		}
		return nil
	})
}
