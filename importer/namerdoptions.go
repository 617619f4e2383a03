package importer

import (
	"strings"

	"kibble.dev/dtab"
)

// namerdOptions reports what of namerd's configurations does not become a Dtab.
// routers says that Routers are made of the same files, and have its namers.
func (p *pool) namerdOptions(routers bool) {
	for i, c := range p.namerds {
		if v, ok := c.get("namers"); ok && len(v.list()) > 0 && (!routers || i > 0 || !p.led()) {
			v.find(dtab.Warning, CodeDiffers, "namers are the Routers', here: a Dtab has none",
				"kibble import linkerd takes this file beside the configuration of linkerd, and gives its Routers these namers")
		}
		if v, ok := c.get("interfaces"); ok {
			v.find(dtab.Info, CodeNotNeeded, "nobody asks namerd any more: Kibble reads Dtabs from the API of Kubernetes, or from files, and evaluates them itself",
				"who wrote tables through the HTTP API or namerctl writes Dtab objects (kubectl apply, kubectl patch, Git)")
		}
		c.get("storage")
		p.process(c, "namerd")
	}
}

// led tells whether a router of linkerd is led by namerd.
func (p *pool) led() bool {
	for _, c := range p.configs {
		list, _ := c.get("routers")
		for _, r := range list.list() {
			for _, kind := range deep(r.node, "interpreter", "kind") {
				if k := plainKind(kind.Value); strings.HasPrefix(k, "io.l5d.namerd") || k == "io.l5d.mesh" {
					return true
				}
			}
		}
	}
	return false
}
