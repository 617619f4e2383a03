package main

import (
	"context"
	"io"
	"net/http"
	"testing"

	"kibble.dev/internal/envoytest"
	"kibble.dev/internal/waittest"
)

// An Envoy that is told to drain goes on answering, and asks its clients to leave.
func TestDrain(t *testing.T) {
	e := envoytest.Start(t, []byte(`
static_resources:
  listeners:
  - name: web
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: web
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]}]}
          http_filters: [{name: envoy.filters.http.router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
`), "--drain-time-s", "600", "--drain-strategy", "immediate")
	address := e.Listener(t, "web")
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ask := func() (toldToLeave bool) {
		t.Helper()
		answer, err := client.Get("http://" + address)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "hello" {
			t.Fatalf("%q, %v", body, err)
		}
		return answer.Close
	}
	if ask() {
		t.Fatal("clients are told to leave before the end")
	}
	if err := runDrain(t, e.Admin); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "others are told to leave", ask)
	ask() // and others still come
	e.Stop()
	if err := runDrain(t, e.Admin); exitCode(err) != exitUnreachable {
		t.Errorf("without an Envoy: %v", err)
	}
}

// runDrain runs the command as one that has been told to end.
func runDrain(t *testing.T, admin string) error {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	end()
	cmd := newRootCommand()
	cmd.SetArgs([]string{"drain", "--admin-address", admin})
	cmd.SetErr(io.Discard)
	return cmd.ExecuteContext(ctx)
}
