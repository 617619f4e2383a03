package translate

import (
	"fmt"
	"strings"
	"testing"

	"kibble.dev/internal/envoytest"
)

// What explain says of requests that want to go over to another protocol is what Envoy
// does: it passes on what asks for a WebSocket, which this service answers as any other
// request, refuses others, and takes no notice of what is not asked of the next hop.
func TestEnvoyGoesOverAsExplained(t *testing.T) {
	app := &recorder{name: "v1"}
	const table = ", dtab: '/svc/world => /#/io.l5d.k8s/default/http/v1'}"
	w := newWorld(t, "one", map[string]string{
		"edge":   "{proxyClass: one, port: 1, trust: untrusted" + table,
		"inside": "{proxyClass: one, port: 2" + table,
		"grpc":   "{proxyClass: one, port: 3, identifier: {kind: io.l5d.header.path, segments: 1}" + table,
	}, nil, map[string]string{"v1": envoytest.Upstream(t, app)})
	statuses := map[int]bool{}
	for _, router := range []string{"edge", "inside", "grpc"} {
		for _, lines := range [][]string{
			{}, {"Connection: Upgrade"}, {"Upgrade: websocket"}, {"Upgrade: other"},
			{"Connection: Upgrade", "Upgrade: websocket"}, {"Connection: keep-alive, upgrade", "Upgrade: WebSocket"},
			{"Connection: Upgrade", "Upgrade: h2c"}, {"Connection: Upgrade", "Upgrade: other"},
			{"Connection: Upgrade", "Upgrade: other", "Upgrade: websocket"}, {"Connection: Upgrade", "Upgrade: websocket, h2c"},
		} {
			header := map[string][]string{}
			for _, line := range lines {
				name, value, _ := strings.Cut(line, ": ")
				header[strings.ToLower(name)] = append(header[strings.ToLower(name)], value)
			}
			x, err := w.model.Explain(Question{Router: router, Request: Request{Method: "GET", Host: "world", Path: "/world", Header: header}})
			if err != nil {
				t.Fatal(err)
			}
			resp, _ := newRawClient(t, w.address(t, router)).send(t, fmt.Sprintf("GET /world HTTP/1.1\r\nHost: world\r\n%s\r\n", strings.Join(append(lines, ""), "\r\n")))
			// The service does not speak HTTP/2: it cannot have been reached by it.
			if got := resp.StatusCode; got != x.Status && (router != "grpc" || got != 502 || x.Status != 200) {
				t.Errorf("%s, %q: explained %d (%s), Envoy says %d", router, lines, x.Status, x.Reason, got)
			}
			statuses[x.Status] = true
		}
	}
	if !statuses[200] || !statuses[403] {
		t.Errorf("only %v was explained: that proves little", statuses)
	}
	for _, got := range app.got {
		if upgrade := got.Header.Get("Upgrade"); upgrade != "" && !strings.EqualFold(upgrade, "websocket") {
			t.Errorf("a service was asked to go over to %s", upgrade)
		}
	}
}
