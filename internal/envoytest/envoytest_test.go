package envoytest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"kibble.dev/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// proxy is a bootstrap that hands everything on port 0 to one upstream.
func proxy(t *testing.T, upstream string) []byte {
	host, port, err := net.SplitHostPort(upstream)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: front
          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: up}}]}]}
          http_filters:
          - name: router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
  clusters:
  - name: up
    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}]}]}
`, host, port)
}

func TestStart(t *testing.T) {
	up := Upstream(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.Host) }))
	b := proxy(t, up)
	Validate(t, b)
	e := Start(t, b, "--service-node", "me")
	resp, err := http.Get("http://" + e.Listener(t, "front"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	body, _ := io.ReadAll(resp.Body)
	if !strings.HasPrefix(string(body), "hello 127.0.0.1:") {
		t.Errorf("got %s %q", resp.Status, body)
	}
	if info := e.Get(t, "/server_info"); !strings.Contains(info, `"id": "me"`) {
		t.Errorf("--service-node did not arrive: %s", info)
	}
}

// A port is given once, however many are asked for, until its test has ended.
func TestFreePorts(t *testing.T) {
	given := map[int]bool{}
	var last int
	for range 10 {
		for _, port := range FreePorts(t, 20) {
			if given[port] {
				t.Fatalf("port %d is given twice", port)
			}
			given[port], last = true, port
		}
	}
	if reserve(t, last) {
		t.Errorf("port %d can be given again", last)
	}
	t.Run("a part", func(t *testing.T) { last = FreePorts(t, 1)[0] })
	if !reserve(t, last) {
		t.Errorf("port %d is still kept, and its test has ended", last)
	}
}
