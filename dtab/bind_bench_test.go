package dtab_test

import (
	"testing"

	"kibble.dev/dtab"
)

// The tables of linkerd's examples: the demo's incoming router, and egress.
const (
	demo = `/srv                    => /#/io.l5d.k8s/default/http ;
/domain/world/hello/www => /srv/hello ;
/domain/world/hello/api => /srv/api ;
/host                   => /$/io.buoyant.http.domainToPathPfx/domain ;
/host                   => /srv ;
/host/world             => /srv/world-v1 ;
/svc                    => /host ;
`
	egress = `/ph => /$/io.buoyant.rinet ; # look the name up in DNS
/srv => /ph/80 ;
/srv => /$/io.buoyant.porthostPfx/ph ;
/srv => /#/io.l5d.k8s/default/http ;
/svc => /srv ;
/svc/world => /srv/world-v1 ;`
)

func BenchmarkBind(b *testing.B) {
	exists := world{"default/http/hello": true, "default/http/world-v1": true, "default/http/world-v2": true}
	for _, c := range []struct{ name, table, path string }{
		{"direct", demo, "/svc/world"},
		{"domain", demo, "/svc/www.hello.world"},
		{"nowhere", demo, "/svc/nobody"},
		{"split", demo + "/host/world => 1 * /srv/world-v2 & 9 * /srv/world-v1", "/svc/world"},
		{"egress", egress, "/svc/example.com:8080"},
		{"loop", "/a => /a", "/a"},
		{"diverging", "/a => /a/x & /a/y | /a", "/a"},
	} {
		in := interpreter(c.table, exists)
		path, err := dtab.ParsePath(c.path)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = in.Bind(path) // some have errors
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dtab.Parse(dtab.Source{}, demo); err != nil {
			b.Fatal(err)
		}
	}
}
