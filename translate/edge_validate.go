package translate

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
)

// validate checks a message as Envoy will, but not what is packed inside it.
func validate(m proto.Message) error {
	if v, ok := m.(interface{ ValidateAll() error }); ok {
		return v.ValidateAll()
	}
	return nil
}

// validateDeep checks a message as Envoy will (protoc-gen-validate), and also
// every message that is packed inside it.
func validateDeep(m proto.Message) error {
	if err := validate(m); err != nil {
		return err
	}
	var failed error
	visitAny(m.ProtoReflect(), func(a *anypb.Any) {
		if failed != nil {
			return
		}
		inner, err := a.UnmarshalNew()
		if err == nil {
			err = validateDeep(inner)
		}
		if err != nil {
			failed = fmt.Errorf("%s: %w", a.GetTypeUrl(), err)
		}
	})
	return failed
}

// visitAny calls f for each packed message in a message, not for those packed
// in them.
func visitAny(m protoreflect.Message, f func(*anypb.Any)) {
	if a, ok := m.Interface().(*anypb.Any); ok {
		f(a)
		return
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					visitAny(v.Message(), f)
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				visitAny(v.List().Get(i).Message(), f)
			}
		default:
			visitAny(v.Message(), f)
		}
		return true
	})
}
