package faults_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kibble.dev/e2e/demotest"
	"kibble.dev/internal/envoytest"
)

// pickyEnvoy is an Envoy that takes smaller regular expressions than ours, as
// one of another version may: what Kibble knows to be refused it never tries.
func pickyEnvoy(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "envoy")
	const picky = `{layered_runtime: {layers: [{name: picky, static_layer: {re2.max_program_size.error_level: 300}}]}}`
	script := fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\" --config-yaml '%s'\n", envoytest.Binary(t), picky)
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	return program
}

// Somebody writes what Kibble takes and Envoy does not: a large regular
// expression. Both control planes try it on an Envoy of their own, so no proxy is
// sent any of it, the object has Envoy's words, and what comes from other objects
// goes on. Corrected, it heals.
func refusedWhereTried(l *demotest.Lab) {
	const words = "RE2 program size of"
	before := l.Settled()
	chosenBy := func(regex string) {
		l.Helper()
		l.Set("DogfoodPolicy", "world-v2", regex, "spec", "when", "cookie", "regex")
	}
	chosenBy("(?i)dogfood|a{400}")
	l.AwaitCondition("Router", "ingress", "Programmed", "False", words)
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
	chosenBy("(?i)dogfood|kitchen")
	kitchen := func(what, want string) {
		l.Helper()
		l.Eventually(what, func() error {
			if answer := edgeSays(l, "special_employee_cookie=kitchen"); !strings.Contains(answer, want) {
				return fmt.Errorf("the answer is %s", answer)
			}
			return nil
		})
	}
	kitchen("another cookie counts too", "earth")
	l.AwaitCondition("Router", "ingress", "Programmed", "True", "")
	chosenBy("(?i)dogfood")
	kitchen("it counts no more", "world")
}

// edgeSays gives what is answered to a request with a cookie, or what went wrong.
func edgeSays(l *demotest.Lab, cookie string) string {
	request, err := http.NewRequestWithContext(l.Context(), http.MethodGet, "http://"+l.Top.Edge()+"/", http.NoBody)
	l.Must(err)
	request.Host = "www.hello.world"
	request.Header.Set("Cookie", cookie)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	return fmt.Sprint(response.Status, " ", string(b), err)
}
