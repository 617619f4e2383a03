package translate

import (
	"maps"
	"slices"
	"testing"
)

// A listener that changes has its connections end, sooner or later. So it changes
// with its Router's own fields, and with little else: the manual says with what.
func TestListenersStay(t *testing.T) {
	const table = "dtab: '/svc => /#/io.l5d.k8s/default/http'}"
	type objects struct{ routers, policies, services map[string]string }
	begin := func() objects {
		return objects{
			routers: map[string]string{
				"edge": "{proxyClass: edge, port: 1, trust: untrusted, " + table, "out": "{proxyClass: sidecar, port: 2, " + table,
				"in": "{proxyClass: sidecar, port: 3, " + table,
			},
			policies: map[string]string{"p": "{routers: [edge], when: {cookie: {name: c, exact: x}}, override: '/svc/a => /svc/b'}"},
			services: map[string]string{"a": "127.0.0.1:1", "b": "127.0.0.1:2"},
		}
	}
	versions := func(o objects) map[string]string {
		s, _ := newTestModel(t, o.routers, o.policies, o.services).Snapshot()
		all := map[string]string{}
		for _, c := range s.Classes {
			for name, r := range c.Resources[ListenerType] {
				all[name] = r.Version
			}
		}
		return all
	}
	router := func(name, spec string) func(objects) { return func(o objects) { o.routers[name] = spec } }
	const leaves = "dtab: '/svc => /#/io.l5d.k8s/default/http ; /svc/far => /$/inet/192.0.2.1/80'}"
	for _, test := range []struct {
		name    string
		edit    func(objects)
		changed []string
	}{
		{"a table", router("out", "{proxyClass: sidecar, port: 2, dtab: '/svc => /#/io.l5d.k8s/default/http ; /svc/x => /svc/a'}"), nil},
		{"a policy", func(o objects) {
			o.policies["q"] = "{when: {header: {name: x, exact: y}}, override: '/svc/b => /svc/a'}"
		}, nil},
		{"a policy less", func(o objects) { delete(o.policies, "p") }, nil},
		{"endpoints", func(o objects) { o.services["a"] = "127.0.0.1:3" }, nil},
		{"a Service", func(o objects) { o.services["c"] = "127.0.0.1:3" }, nil},
		{"another Router", router("more", "{proxyClass: sidecar, port: 4, "+table), []string{"default/more"}},
		{"its own fields", router("out", "{proxyClass: sidecar, port: 2, accessLog: all, "+table), []string{"default/out"}},
		{"its traces", router("out", "{proxyClass: sidecar, port: 2, tracing: {collector: {service: c, port: http}}, "+table), []string{"default/edge", "default/out"}},
		{"the first that leads outside", router("out", "{proxyClass: sidecar, port: 2, "+leaves), []string{"default/in", "default/out"}},
		{"the first that writes baggage", router("edge", "{proxyClass: edge, port: 1, trust: untrusted, carriers: [l5d-ctx, baggage], "+table),
			[]string{"default/edge", "default/in", "default/out"}},
	} {
		o := begin()
		before := versions(o)
		test.edit(o)
		after := versions(o)
		var changed []string
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if before[name] != after[name] {
				changed = append(changed, name)
			}
		}
		if !slices.Equal(changed, test.changed) {
			t.Errorf("%s changes %q, want %q", test.name, changed, test.changed)
		}
	}
}
