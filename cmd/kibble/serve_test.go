package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kibble.dev/internal/waittest"
)

// A policy of a running server ends by itself: nothing else happens.
func TestPolicyEndsWhileServing(t *testing.T) {
	dir := t.TempDir()
	objects := `apiVersion: kibble.dev/v1alpha1
kind: Router
metadata: {name: edge}
spec: {proxyClass: edge, port: 4142, dtab: /svc => /host ;}
---
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: short}
spec:
  when: {cookie: {name: a, exact: b}}
  override: /host/world => /srv/world-v2 ;
  expiresAt: %q
`
	var end time.Time
	write := func(in time.Duration) {
		end = time.Now().Add(in)
		text := fmt.Sprintf(objects, end.UTC().Format(time.RFC3339))
		if err := os.WriteFile(filepath.Join(dir, "all.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := 3 * time.Second
	write(in)
	s := &serving{path: dir, files: true, xdsAddress: "127.0.0.1:0", adminAddress: "127.0.0.1:0", log: slog.New(slog.DiscardHandler)}
	s.registry = prometheus.NewRegistry()
	s.security.plaintext = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	await := func(what string, active bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			select {
			case err := <-done:
				t.Fatalf("the server ended: %v", err)
			default:
			}
			if m := s.model.Load(); m != nil {
				if _, ok := m.NextEnd(); ok == active {
					return
				}
			}
			if active && time.Now().After(end) { // the server took longer to read it
				in *= 2
				write(in)
			}
			if time.Now().After(deadline) {
				t.Fatal("waited until " + what)
			}
		}
	}
	// measured waits: a model is there before it is counted.
	measured := func(what string, holds func(environments float64, builds uint64) bool) {
		t.Helper()
		waittest.Until(t, what, func() bool {
			families, err := s.registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			var environments float64
			var builds uint64
			for _, f := range families {
				switch f.GetName() {
				case "kibble_environments":
					environments = f.GetMetric()[0].GetGauge().GetValue()
				case "kibble_config_build_duration_seconds":
					builds = f.GetMetric()[0].GetHistogram().GetSampleCount()
				}
			}
			return holds(environments, builds)
		})
	}
	await("the policy is served", true)
	measured("the environment is counted, or has ended", func(environments float64, _ uint64) bool {
		return environments == 1 || time.Now().After(end)
	})
	await("it has ended", false)
	measured("no environment is counted", func(environments float64, builds uint64) bool { return environments == 0 && builds >= 2 })
	if time.Now().Before(end.Truncate(time.Second)) {
		t.Error("it ended before its time")
	}
	cancel()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
