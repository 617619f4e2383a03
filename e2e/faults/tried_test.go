package faults_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"kibble.dev/e2e/demotest"
)

// Somebody writes what Kibble takes and Envoy does not: a response header that
// only a proxy may set. Both control planes try it on an Envoy of their own, so
// no proxy is sent any of it, the object has Envoy's words, and what comes from
// other objects goes on. Corrected, it heals.
func refusedWhereTried(l *demotest.Lab) {
	const words = "host headers may not be modified"
	answers := func(want, header string) {
		l.Helper()
		l.Eventually("the edge answers "+want, func() error { return unrouted(l, want, header) })
	}
	answers("the edge is here\n", "")
	l.AwaitProxies(l.Replicas...)
	before := l.Told()
	respond := func(body, header string) {
		l.Helper()
		l.Set("Router", "ingress", []any{map[string]any{
			"unrouted": true, "body": body, "headers": map[string]any{header: "kibble"},
		}}, "spec", "responses")
	}
	respond("the edge is elsewhere\n", "Host")
	l.AwaitCondition("Router", "ingress", "Programmed", "False", words)
	answers("the edge is here\n", "")
	there(l)
	for _, r := range l.Replicas {
		l.Eventually("it was refused where it was tried", func() error {
			if l.Metric(r, `kibble_trial_resources_total{result="refused"}`) == 0 {
				return errors.New("it was not")
			}
			return nil
		})
		if n := l.Metric(r, "kibble_xds_nacks_total"); n > 0 {
			l.Errorf("%v responses were refused by proxies", n)
		}
	}
	if told := demotest.Difference(before, l.Told()); onlyOf(told, "edge") > 0 {
		l.Errorf("the edge was told something: %v", told)
	}
	respond("the edge has moved\n", "X-Served-By")
	answers("the edge has moved\n", "kibble")
	l.AwaitCondition("Router", "ingress", "Programmed", "True", "")
	respond("the edge is here\n", "X-Served-By")
	answers("the edge is here\n", "kibble")
}

// unrouted asks the edge for a host that no rule leads anywhere.
func unrouted(l *demotest.Lab, want, header string) error {
	request, err := http.NewRequestWithContext(l.Context(), http.MethodGet, "http://"+l.Top.Edge()+"/", http.NoBody)
	if err != nil {
		return err
	}
	request.Host = "nobody.example"
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if got := response.Header.Get("X-Served-By"); err == nil && (!strings.Contains(string(b), want) || got != header) {
		err = fmt.Errorf("the answer is %s %q, served by %q", response.Status, b, got)
	}
	return err
}
