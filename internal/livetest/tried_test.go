package livetest

import (
	"maps"
	"testing"

	bootstrap "kibble.dev/envoy-bootstrap"
	"kibble.dev/translate"
	"kibble.dev/xds"
	"kibble.dev/xds/publish"
)

// What of new Routers was refused where it was tried first is kept from an Envoy that
// starts, which serves all else: of the Router itself what can be. When it is
// corrected, all is well without a restart.
func TestBeginsWithoutWhatIsRefused(t *testing.T) {
	const served, without = `200 v1 environment="" fallback=""`, `502 Unable to route request! environment="" fallback=""`
	for what, c := range map[string]struct {
		publish.Version
		front string // what the Router "front" answers meanwhile; "": nothing
	}{
		"policies": {publish.Version{Type: translate.ExtensionType, Name: "default/front/policies/chain"}, served},
		"tokens":   {publish.Version{Type: translate.ExtensionType, Name: "default/front/policies/chain/tokens"}, served},
		"own":      {publish.Version{Type: translate.ExtensionType, Name: "default/inside/overrides"}, served},
		"listener": {publish.Version{Type: translate.ListenerType, Name: "default/front"}, ""},
		"table":    {publish.Version{Type: translate.RouteType, Name: "default/front"}, without},
		"host":     {publish.Version{Type: translate.VirtualHostType, Name: "default/front/world"}, without},
		"cluster":  {publish.Version{Type: translate.ClusterType, Name: "/#/io.l5d.k8s/default/http/world-v2"}, without},
	} {
		t.Run(what, func(t *testing.T) {
			x := serve(t, hello+policy("world-v2", "baseline", "/host/world => /srv/world-v2"),
				map[string][]pod{"world-v1": {app(t, "v1")}, "world-v2": {app(t, "v2")}}, bootstrap.Options{})
			s := x.translate(t)
			of := s.Classes["edge"].Resources[c.Type]
			bad := of[c.Name]
			c.Version.Version = bad.Version
			x.server.Publish(s, xds.Verdict{Class: "edge", Version: c.Version, Words: "no such thing"})
			x.run(t, bootstrap.Options{}, func(b string) string { return b })
			// Other hosts of the other Router name no other cluster.
			x.settles(t, served, "inside", "world-v1")
			if c.front != "" {
				x.settles(t, c.front, "front", "world")
			}
			if got := x.refused(); len(got) != 1 || got[0].Name != c.Name || got[0].Words != "no such thing" {
				t.Errorf("refused are %+v", got)
			}

			good := *bad
			good.Version += "-corrected"
			corrected := *s.Classes["edge"]
			corrected.Resources = maps.Clone(corrected.Resources)
			corrected.Resources[c.Type] = maps.Clone(of)
			corrected.Resources[c.Type][c.Name] = &good
			x.server.Publish(&translate.Snapshot{Classes: map[string]*translate.ClassSnapshot{"edge": &corrected}})
			x.Listener(t, "default/front")
			x.settles(t, `200 v2 environment="world-v2" fallback=""`, "front", "world", "cookie: env=world-v2")
			until(t, "Envoy has it all", func() bool {
				for _, s := range x.server.Proxies()[0].Types {
					if s.Behind > 0 || len(s.Refused) > 0 {
						return false
					}
				}
				return true
			})
		})
	}
}

// refused is what the proxy is not given, or has refused.
func (x *live) refused() (all []publish.Refusal) {
	for _, s := range x.server.Proxies()[0].Types {
		all = append(all, s.Refused...)
	}
	return all
}
