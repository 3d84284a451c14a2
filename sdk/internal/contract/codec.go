package contract

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/sdk/guest"
)

// Convert passes every payload in a message, and below it, through f, in place. It ends with the first error.
func Convert(m proto.Message, f func(guest.Payload) (guest.Payload, error)) error {
	return convert(m.ProtoReflect(), f)
}

func convert(m protoreflect.Message, f func(guest.Payload) (guest.Payload, error)) (err error) {
	if p, ok := m.Interface().(*aionv1.Payload); ok {
		out, err := f(ReadPayload(p))
		if err == nil {
			p.ContentType, p.Data, p.Metadata = out.ContentType, out.Data, out.Metadata
		}
		return err
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() != nil {
				v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					err = convert(v.Message(), f)
					return err == nil
				})
			}
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = convert(v.List().Get(i).Message(), f)
			}
		default:
			err = convert(v.Message(), f)
		}
		return err == nil
	})
	return err
}
