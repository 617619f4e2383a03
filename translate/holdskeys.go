package translate

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// HoldsKeys tells that a resource has keys in it, such as a certificate's or
// those that tokens are checked with, and is for proxies only. One that cannot
// be read is taken to have some.
func HoldsKeys(r *Resource) bool {
	if r.Body.GetTypeUrl() == SecretType {
		return true
	}
	found := false
	err := protorange.Range(proto.Message(r.Body).ProtoReflect(), func(v protopath.Values) error {
		last := v.Index(-1)
		m, ok := last.Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		switch m.Descriptor().FullName() {
		case "google.protobuf.Any": // of a type that is not known here
			any, _ := m.Interface().(*anypb.Any)
			if _, err := any.UnmarshalNew(); err != nil {
				found = true
				return protorange.Terminate
			}
		case "envoy.config.core.v3.DataSource":
			if parent, ok := v.Index(-2).Value.Interface().(protoreflect.Message); ok && keeper(parent) {
				found = true
				return protorange.Terminate
			}
		}
		return nil
	})
	return found || err != nil
}

// keeper tells that a message is one whose data sources are keys.
func keeper(m protoreflect.Message) bool {
	name := string(m.Descriptor().FullName())
	return strings.HasPrefix(name, "envoy.extensions.transport_sockets.tls.") || strings.HasPrefix(name, "envoy.extensions.filters.http.jwt_authn.")
}
