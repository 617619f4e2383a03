package livetest

import (
	"strings"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/translate"
)

// A proxy whose bootstrap is another than Kibble's begins with policies that it refuses, and
// of which there is nothing older. It answers as if there were none, and has policies as
// soon as it takes them.
func TestRefusedPolicies(t *testing.T) {
	const long = `
apiVersion: kibble.dev/v1alpha1
kind: DogfoodPolicy
metadata: {name: world-v2}
spec:
  when: {cookie: {name: env, regex: "w(o|0)rld-(v|V)(2|3|4).{0,20}"}}
  override: "/host/world => /srv/world-v2"
---
`
	x := startEdited(t, hello+long, map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}}, bootstrap.Options{},
		func(b string) string {
			return strings.Replace(b, "re2.max_program_size.error_level: 1000", "re2.max_program_size.error_level: 50", 1)
		}, func(s *translate.Snapshot) *translate.Snapshot { return s })
	until(t, "they are refused", func() bool {
		for _, s := range x.server.Proxies()[0].Types {
			if s.Type == translate.ExtensionType && len(s.Refused) == 1 {
				return strings.Contains(s.Refused[0].Words, "program size")
			}
		}
		return false
	})
	for range 20 {
		if got := x.ask(t, "front", "world", "cookie: env=world-v2", "baggage: l5d-ctx-dogfood=world-v2").String(); got != `200 v1 environment="" fallback=""` {
			t.Fatal(got)
		}
	}
	x.routers = strings.Replace(x.routers, long, policy("world-v2", "baseline", "/host/world => /srv/world-v2"), 1)
	x.publish(t)
	x.settles(t, `200 v2 environment="world-v2" fallback=""`, "front", "world", "cookie: env=world-v2")
}
