package bootstrap_test

import (
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/internal/envoytest"
)

// A running Envoy has the limits that the Envoy project recommends for proxies
// that face anybody (docs: best_practices/edge), each with its trigger.
func TestOverloadIsManaged(t *testing.T) {
	server := serve(t)
	close(server.answer)
	b, err := bootstrap.Render(bootstrap.Options{Class: "edge", NodeID: "edge-0", Server: server.address, MaxConnections: 77})
	if err != nil {
		t.Fatal(err)
	}
	e := envoytest.Start(t, b)
	stats := e.Get(t, "/stats?filter=^overload\\.")
	for _, action := range []string{
		"overload_actions.shrink_heap", "overload_actions.reduce_timeouts", "overload_actions.reset_high_memory_stream",
		"overload_actions.disable_http_keepalive", "overload_actions.stop_accepting_requests", "load_shed_points.tcp_listener_accept",
	} {
		if !strings.Contains(stats, "overload.envoy."+action+".") {
			t.Errorf("there is no action %s in\n%s", action, stats)
		}
	}
	if dump := e.Get(t, "/config_dump"); !strings.Contains(dump, `"max_active_downstream_connections": "77"`) {
		t.Error("connections are not limited")
	}
}
