// Package jsonform writes messages of the wire contract as JSON the way the command line shows them: protojson, except that a payload
// of JSON stands in its place as it is, byte for byte, and any other as {"content_type", "base64", "metadata"}. What it writes can be
// read back without loss.
package jsonform

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
)

var payloadName = (&aionv1.Payload{}).ProtoReflect().Descriptor().FullName()

// Marshal writes what is set in m, in one line.
func Marshal(m proto.Message) ([]byte, error) { return marshal(m, protojson.MarshalOptions{}) }

// MarshalAll writes m in one line, with zeros, empty texts and empty lists for what is not set.
func MarshalAll(m proto.Message) ([]byte, error) {
	return marshal(m, protojson.MarshalOptions{EmitDefaultValues: true})
}

func marshal(m proto.Message, o protojson.MarshalOptions) ([]byte, error) {
	raw, err := o.Marshal(m)
	if err != nil {
		return nil, err
	}
	return rewrite(m.ProtoReflect().Descriptor(), raw, inline)
}

// Unmarshal reads what Marshal wrote into m. Its error says what is wrong with the text.
func Unmarshal(b []byte, m proto.Message) error {
	raw, err := rewrite(m.ProtoReflect().Descriptor(), b, outline)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(raw, m)
}

// Payload writes one payload.
func Payload(p *aionv1.Payload) ([]byte, error) {
	raw, err := protojson.Marshal(p)
	if err != nil {
		return nil, err
	}
	return inline(raw)
}

// rewrite passes every payload in the JSON of a message through f, and keeps the rest.
func rewrite(d protoreflect.MessageDescriptor, raw json.RawMessage, f func(json.RawMessage) (json.RawMessage, error)) (json.RawMessage, error) {
	if d.FullName() == payloadName {
		return f(raw)
	}
	if strings.HasPrefix(string(d.FullName()), "google.protobuf.") {
		return compact(raw)
	}
	in, err := object(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	var out fields
	for i := range d.Fields().Len() {
		field := d.Fields().Get(i)
		v, ok := in[field.JSONName()]
		if !ok {
			continue
		}
		delete(in, field.JSONName())
		if v, err = rewriteField(field, v, f); err != nil {
			return nil, err
		}
		out.add(field.JSONName(), v)
	}
	for name := range in {
		return nil, fmt.Errorf("%s has no field %q", d.Name(), name)
	}
	return out.end(), nil
}

func rewriteField(field protoreflect.FieldDescriptor, v json.RawMessage, f func(json.RawMessage) (json.RawMessage, error)) (json.RawMessage, error) {
	switch {
	case field.IsMap() && field.MapValue().Message() != nil:
		entries, err := object(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name(), err)
		}
		names := make([]string, 0, len(entries))
		for name := range entries {
			names = append(names, name)
		}
		slices.Sort(names)
		var out fields
		for _, name := range names {
			value, err := rewrite(field.MapValue().Message(), entries[name], f)
			if err != nil {
				return nil, err
			}
			out.add(name, value)
		}
		return out.end(), nil
	case field.IsMap(), field.Message() == nil:
		return compact(v)
	case field.IsList():
		var items []json.RawMessage
		if err := json.Unmarshal(v, &items); err != nil {
			return nil, fmt.Errorf("%s: %w", field.Name(), err)
		}
		for i := range items {
			item, err := rewrite(field.Message(), items[i], f)
			if err != nil {
				return nil, err
			}
			items[i] = item
		}
		return append(append([]byte{'['}, bytes.Join(asBytes(items), []byte{','})...), ']'), nil
	}
	return rewrite(field.Message(), v, f)
}

func asBytes(in []json.RawMessage) [][]byte {
	out := make([][]byte, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// wrapped is a payload that does not stand in its place as it is.
type wrapped struct {
	ContentType string            `json:"content_type,omitempty"`
	Base64      *string           `json:"base64"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// inline turns protojson's form of a payload into ours.
func inline(raw json.RawMessage) (json.RawMessage, error) {
	p := &aionv1.Payload{}
	if err := protojson.Unmarshal(raw, p); err != nil {
		return nil, err
	}
	if p.GetContentType() == "application/json" && len(p.GetMetadata()) == 0 && standsAsItIs(p.GetData()) {
		return p.GetData(), nil
	}
	text := base64.StdEncoding.EncodeToString(p.GetData())
	return json.Marshal(wrapped{p.GetContentType(), &text, p.GetMetadata()})
}

// standsAsItIs says whether JSON can be put into a line and be found there again byte for byte.
func standsAsItIs(data []byte) bool {
	if !json.Valid(data) || bytes.ContainsAny(data, "\r\n") || len(bytes.TrimSpace(data)) != len(data) {
		return false
	}
	_, isWrapped := unwrap(data)
	return !isWrapped
}

func unwrap(raw json.RawMessage) (wrapped, bool) {
	var w wrapped
	if len(raw) == 0 || raw[0] != '{' {
		return w, false
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return w, d.Decode(&w) == nil && w.Base64 != nil
}

// outline turns our form of a payload into protojson's.
func outline(raw json.RawMessage) (json.RawMessage, error) {
	p := &aionv1.Payload{ContentType: "application/json", Data: bytes.TrimSpace(raw)}
	if w, ok := unwrap(raw); ok {
		data, err := base64.StdEncoding.DecodeString(*w.Base64)
		if err != nil {
			return nil, fmt.Errorf("a payload's base64: %w", err)
		}
		p = &aionv1.Payload{ContentType: w.ContentType, Data: data, Metadata: w.Metadata}
	}
	return protojson.Marshal(p)
}

// object reads the members of a JSON object, each as it was written.
func object(raw json.RawMessage) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	return m, nil
}

func compact(raw json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	err := json.Compact(&b, raw)
	return b.Bytes(), err
}

// fields writes an object in the order in which its members are added.
type fields struct{ b []byte }

func (f *fields) add(name string, v json.RawMessage) {
	if len(f.b) == 0 {
		f.b = append(f.b, '{')
	} else {
		f.b = append(f.b, ',')
	}
	f.b = append(f.b, quoted(name)...)
	f.b = append(f.b, ':')
	f.b = append(f.b, v...)
}

func (f *fields) end() json.RawMessage {
	if len(f.b) == 0 {
		return json.RawMessage("{}")
	}
	return append(f.b, '}')
}

// quoted writes a JSON string; a string can always be written.
func quoted(s string) []byte {
	b, _ := json.Marshal(s)
	return b
}
