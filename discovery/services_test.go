package discovery

import (
	"fmt"
	"strings"
	"testing"

	"kibble.dev/translate"
)

// familySlice is a slice of one family, such as IPv6, with one endpoint in a state.
func familySlice(family, address, conditions string) string {
	return fmt.Sprintf(`---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-%s, labels: {kubernetes.io/service-name: web}}
addressType: %s
ports: [{name: http, port: 8080}]
endpoints: [{addresses: ["%s"], conditions: {%s}}]
`, strings.ToLower(family), family, address, conditions)
}

// Of the two families of a Service the first one counts that somebody can be sent
// requests by.
func TestFamilies(t *testing.T) {
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ipFamilies: [%s], ports: [{name: http, port: 80}]}\n"
	four := func(conditions string) string { return familySlice("IPv4", "10.0.0.1", conditions) }
	six := func(conditions string) string { return familySlice("IPv6", "fd00::1", conditions) }
	placeholder := func(family string) string { // what the controller writes where no pod has an address of the family
		return "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-none, labels: {kubernetes.io/service-name: web}}\naddressType: " + family + "\n"
	}
	const ready, leaving, down = "ready: true", "ready: false, serving: true, terminating: true", "ready: false"
	for _, c := range []struct{ name, families, slices, want string }{
		{"first", "IPv4, IPv6", four(ready) + six(ready), "10.0.0.1"},
		{"swapped", "IPv6, IPv4", four(ready) + six(ready), "fd00::1"},
		{"no Service", "", four(ready) + six(ready), "10.0.0.1"},
		{"none of the first", "IPv6, IPv4", four(ready), "10.0.0.1"},
		{"a placeholder of the first", "IPv6, IPv4", four(ready) + placeholder("IPv6"), "10.0.0.1"},
		{"the first is not ready", "IPv4, IPv6", four(down) + six(ready), "fd00::1"},
		{"the first is leaving", "IPv4, IPv6", four(leaving) + six(ready), "10.0.0.1"},
		{"the other is leaving", "IPv6, IPv4", four(leaving) + six(down), "10.0.0.1"},
		{"neither is ready", "IPv6, IPv4", four(down) + six(down), "fd00::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore()
			text := c.slices
			if c.families != "" {
				text += fmt.Sprintf(service, c.families)
			}
			s.set("web.yaml", objects(t, text))
			if got := addressesOf(s.inventory(), "web"); got != c.want {
				t.Errorf("the addresses are %s, want %s", got, c.want)
			}
		})
	}
}

// A Service that becomes an ExternalName is a name of another place from then on. Its
// EndpointSlices stay, as Kubernetes leaves them, and count no more.
func TestExternalName(t *testing.T) {
	s := newStore()
	const external = "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: ExternalName, externalName: example.com, ports: [{name: http, port: 80}]}\n"
	for range 2 {
		for _, step := range []struct{ service, want string }{{serviceYAML("web", 80), "10.0.0.1"}, {external, ""}} {
			s.set("web.yaml", objects(t, step.service+familySlice("IPv4", "10.0.0.1", "ready: true")))
			inv := s.inventory()
			if got := addressesOf(inv, "web"); got != step.want {
				t.Errorf("the addresses are %q, want %q", got, step.want)
			}
			for _, port := range []string{"http", "80"} {
				if bound := inv.Has("io.l5d.k8s", []string{"default", port, "web"}); bound != (step.want != "") {
					t.Errorf("with the addresses %q, it is %v that port %s leads there", step.want, bound, port)
				}
			}
		}
	}
}

// addressesOf lists the addresses of a Service's endpoints.
func addressesOf(inv *translate.Inventory, service string) string {
	var all []string
	for _, slice := range inv.Services[translate.Key{Namespace: "default", Name: service}].Slices {
		for _, e := range slice.Endpoints {
			all = append(all, e.Addresses...)
		}
	}
	return strings.Join(all, " ")
}
