package translate

import (
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

// Ref is a resource that another one has a proxy ask for by name.
type Ref struct{ Type, Name string }

// AskedBy gives the route tables, filters and secrets that a listener has a proxy ask
// for: before it has them, the listener accepts nobody. In no order; some may come twice.
// The error is of a listener that cannot be read.
func AskedBy(listener *Resource) ([]Ref, error) {
	var refs []Ref
	err := protorange.Range(listener.Body.ProtoReflect(), func(v protopath.Values) error {
		last, ok := v.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		switch m := last.Interface().(type) {
		case *hcmv3.Rds:
			refs = append(refs, Ref{RouteType, m.GetRouteConfigName()})
		case *hcmv3.HttpFilter:
			if m.GetConfigDiscovery() != nil {
				refs = append(refs, Ref{ExtensionType, m.GetName()})
			}
		case *tlsv3.SdsSecretConfig:
			if m.GetSdsConfig() != nil {
				refs = append(refs, Ref{SecretType, m.GetName()})
			}
		}
		return nil
	})
	return refs, err
}

// Under gives a listener under another name: one that is the same but for that.
// The error is of a listener that cannot be read.
func Under(name string, listener *Resource) (*Resource, error) {
	m := &listenerv3.Listener{}
	if err := listener.Body.UnmarshalTo(m); err != nil {
		return nil, err
	}
	m.Name = name
	return encodedListener(m, listener.Asks, listener.Clusters, listener.Source)
}
