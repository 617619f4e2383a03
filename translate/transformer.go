package translate

import (
	"strconv"
	"strings"

	"kibble.dev/api/v1alpha1"
	"kibble.dev/dtab"
)

// The kinds of transformers, as linkerd 1.x names them.
const (
	transformPort         = "io.l5d.port"
	transformLocalhost    = "io.l5d.localhost"
	transformSpecificHost = "io.l5d.specificHost"
	transformDaemonset    = "io.l5d.k8s.daemonset"
	transformLocalnode    = "io.l5d.k8s.localnode"
	transformReplace      = "io.l5d.replace"
	transformConst        = "io.l5d.const"
)

// checkTransformer tells what is wrong with a transformer's configuration.
func checkTransformer(t v1alpha1.Transformer, origin Origin, list string, i int) []dtab.Finding {
	wrong := func(message, hint string) []dtab.Finding {
		return []dtab.Finding{{
			Code: codeTransformer, Severity: dtab.Error,
			Pos: origin.Field(field(list, i)).At(1, 1), Message: message, Hint: hint,
		}}
	}
	switch t.Kind {
	case transformPort:
		if n, err := strconv.Atoi(t.Port); err != nil || n < 1 || n > 65535 {
			return wrong("the port of "+t.Kind+" is not a number from 1 to 65535", `write it like port: "4141"`)
		}
	case transformSpecificHost:
		if !isAddress(t.Host) {
			return wrong("the host of "+t.Kind+" is not an IP address", "write it like host: 10.0.0.1")
		}
	case transformDaemonset:
		if t.Namespace == "" || t.Service == "" || t.Port == "" {
			return wrong(t.Kind+" needs namespace, service and port", "name the DaemonSet's Service and its port")
		}
	case transformReplace, transformConst:
		if list != "spec.transformers" {
			return wrong(t.Kind+" is not for a namer's own answers", "list it among the Router's transformers")
		}
		if _, err := dtab.ParsePath(t.Path); err != nil {
			return wrong("the path of "+t.Kind+" is not a path: "+err.Error(), "write it like path: /$/inet/10.0.0.1/8080")
		}
	case transformLocalhost, transformLocalnode:
	default:
		return wrong("unknown transformer "+t.Kind, "use one of "+strings.Join([]string{
			transformPort, transformLocalhost, transformSpecificHost, transformDaemonset, transformLocalnode,
			transformReplace, transformConst,
		}, ", "))
	}
	return nil
}

// transformerPrefix is what a transformer puts in front of the ids whose
// addresses it changed, so that two routers that reach a name in different ways
// have different clusters for it.
func transformerPrefix(t v1alpha1.Transformer) dtab.Path {
	switch t.Kind {
	case transformPort:
		return dtab.Path{"%", t.Kind, t.Port}
	case transformDaemonset:
		return dtab.Path{"%", t.Kind, t.Namespace, t.Port, t.Service}
	case transformSpecificHost:
		return dtab.Path{"%", t.Kind, t.Host}
	}
	return dtab.Path{"%", t.Kind}
}

// target gives the cluster that a bound name is, seen from a router.
func (r *router) target(b *dtab.Bound) target {
	t := target{id: b.ID, chosen: r.chosenBefore()}
	if n := r.namerOf(b.ID); n != nil {
		t.namer, t.http2 = n.namerSpec, n.speaksHTTP2(b.ID)
		t.transformers = append(t.transformers, t.namer.config.Transformers...)
	}
	_, after := r.substitutions()
	t.transformers = append(t.transformers, after...)
	name := b.ID
	for _, tr := range t.transformers {
		name = transformerPrefix(tr).Join(name...)
	}
	t.cluster = name.String()
	return t
}

// namerOf gives the configured namer that answers for an id, nil for /$/ ids.
func (r *router) namerOf(id dtab.Path) *namer {
	if len(id) == 0 || id[0] != "#" {
		return nil
	}
	for i := len(r.namers) - 1; i >= 0; i-- {
		n := &r.namers[i]
		if id[1:].HasPrefix(n.Prefix()) && n.config.Kind != dtab.KindRewrite && n.has(id) {
			return n
		}
	}
	return nil
}

// whole gives an id without the namer's prefix, and with the namespace if that is the
// namer's.
func (n *namerSpec) whole(rest dtab.Path) dtab.Path {
	if n.config.Kind == dtab.KindK8sNS {
		return dtab.Path{n.namespace}.Join(rest...)
	}
	return rest
}

// has tells whether the namer knows an id, given with its prefix.
func (n *namer) has(id dtab.Path) bool {
	kind := n.config.Kind
	if kind == dtab.KindK8sNS {
		kind = dtab.KindK8s
	}
	return n.view.Has(kind, n.whole(id[1+len(n.prefix):]))
}

// speaksHTTP2 tells of an id, given with its prefix, that its endpoints speak HTTP/2:
// by the appProtocol of the Service's port, or by the port's name if that does not say
// it. Names are used as those of Kubernetes ports are elsewhere: grpc, h2, h2c, http2,
// or one of them with a dash and more.
func (n *namer) speaksHTTP2(id dtab.Path) bool {
	if n.config.Kind == dtab.KindFS {
		return false
	}
	rest := n.whole(id[1+len(n.prefix):])
	switch n.view.appProtocol(rest) {
	case "kubernetes.io/h2c", "h2c", "http2", "grpc":
		return true
	case "http", "kubernetes.io/ws":
		return false
	}
	first, _, _ := strings.Cut(rest[1], "-")
	return first == "grpc" || first == "h2" || first == "h2c" || first == "http2"
}
