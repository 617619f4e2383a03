package publish

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"kibble.dev/translate"
)

// standIn is the version of what instead made.
const standIn = "-"

// instead stands in for content that was refused, or that waits for what was, and
// of which there is no accepted version: nothing of it, for those types of which a
// proxy must be told something; nil for others. A cluster that is never told any
// endpoints would hold back the proxy's answers about all clusters, and a listener
// that waits for its table or for a filter all listeners of a proxy that starts:
// that there is none Envoy 1.40 takes for no answer.
// want is what it stands in for, nil where that is not known.
func instead(typ, name string, want *translate.Resource) *translate.Resource {
	var m proto.Message
	switch {
	case typ == translate.EndpointType:
		m = &endpointv3.ClusterLoadAssignment{ClusterName: name}
	case typ == translate.RouteType:
		m = &routev3.RouteConfiguration{Name: name}
	case want != nil && want.Without != nil:
		m = &corev3.TypedExtensionConfig{Name: name, TypedConfig: want.Without}
	default:
		return nil
	}
	r, err := translate.NewResource(name, m, nil, "")
	if err != nil {
		panic(err) // a name can always be encoded
	}
	r.Version = standIn
	return r
}

// inVain says that one of these clusters, which something waits for, is none that
// the proxy is going to be given.
func (p *Proxy) inVain(missing []string) bool {
	k := p.kinds[translate.ClusterType]
	if k == nil {
		return false
	}
	return slices.ContainsFunc(missing, func(name string) bool {
		it := k.open[name]
		if it == nil {
			return false
		}
		if _, f := p.choose(k, name, it); f == withheld {
			return true
		}
		return !slices.Contains(it.missing, name) && p.inVain(it.missing) // it is made of others
	})
}
