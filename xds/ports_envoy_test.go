package xds_test

import (
	"fmt"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"kibble.dev/internal/envoytest"
	"kibble.dev/translate"
	"kibble.dev/xds"
)

// at gives a listener with another address.
func at(t *testing.T, l *translate.Resource, host string, port int) *translate.Resource {
	t.Helper()
	var m listenerv3.Listener
	if err := l.Body.UnmarshalTo(&m); err != nil {
		t.Fatal(err)
	}
	m.Address = socket(host, uint32(port))
	return resource(t, l.Name, &m)
}

// Listeners that change ports among each other, in one change.
func TestEnvoyPortsMove(t *testing.T) {
	up := upstream(t)
	ports := envoytest.FreePorts(t, 4)
	for name, c := range map[string]struct{ before, after map[string]int }{
		"one takes what another gives up":     {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1, "b": 2}},
		"and the other way":                   {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 2, "b": 0}},
		"two swap":                            {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1, "b": 0}},
		"three in a circle":                   {map[string]int{"a": 0, "b": 1, "c": 2}, map[string]int{"a": 1, "b": 2, "c": 0}},
		"a new one takes the place":           {map[string]int{"b": 1}, map[string]int{"a": 1, "b": 2}},
		"one takes the place of what is gone": {map[string]int{"a": 0, "b": 1}, map[string]int{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, protocol string) {
				s, address := serve(t, xds.Options{})
				snap := func(of map[string]int) *translate.Snapshot {
					v := version(t, 1, up)
					to := v.Classes["edge"].Resources
					for n, i := range of {
						for _, r := range []*translate.Resource{cluster(t, n, time.Second), endpoints(t, n, up), routes(t, "table-"+n, n), at(t, listener(t, n, "table-"+n), "127.0.0.1", ports[i])} {
							to[r.Body.GetTypeUrl()][r.Name] = r
						}
					}
					return v
				}
				s.Publish(snap(c.before))
				envoy := run(t, address, "edge-0", "edge", protocol)
				envoy.WaitReady(t)
				until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
				s.Publish(snap(c.after))
				for n, i := range c.after {
					until(t, fmt.Sprintf("%s answers at its new port; refused: %v", n, statusOf(s, lds).Refused), func() bool { return ask(fmt.Sprintf("http://127.0.0.1:%d", ports[i])) == n })
				}
				until(t, "Envoy is in sync", func() bool { return inSync(s, "edge-0") })
			})
		})
	}
}
