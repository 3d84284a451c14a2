package wire

import (
	"maps"
	"slices"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/model"
)

// typeMetadata is where the payload of a run's search attribute says what type the attribute has.
const typeMetadata = "type"

func encodePayloads(m map[string]model.Payload) map[string]*aionv1.Payload {
	if m == nil {
		return nil
	}
	out := make(map[string]*aionv1.Payload, len(m))
	for k, p := range m {
		if out[k] = EncodePayload(p); out[k] == nil {
			out[k] = &aionv1.Payload{}
		}
	}
	return out
}

func decodePayloads(m map[string]*aionv1.Payload) map[string]model.Payload {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]model.Payload, len(m))
	for k, p := range m {
		out[k] = DecodePayload(p)
	}
	return out
}

func encodeAttributes(as model.Attributes) map[string]*aionv1.Payload {
	if len(as) == 0 {
		return nil
	}
	out := make(map[string]*aionv1.Payload, len(as))
	for _, a := range as {
		p := a.Value.Payload()
		p.Metadata = map[string]string{typeMetadata: a.Value.Type.String()}
		out[a.Name] = EncodePayload(p)
	}
	return out
}

// decodeAttributes reads a run's search attributes; one of a type that this version does not know is left out.
func decodeAttributes(m map[string]*aionv1.Payload) (out model.Attributes) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		p := DecodePayload(m[name])
		t, ok := model.ParseAttributeType(p.Metadata[typeMetadata])
		if !ok {
			continue
		}
		if v, err := model.ParseAttribute(name, t, p); err == nil && !v.IsZero() {
			out = append(out, model.Attribute{Name: name, Value: v})
		}
	}
	return out
}
