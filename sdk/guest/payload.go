package guest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// ContentTypeJSON is the content type of what the default codec writes.
const ContentTypeJSON = "application/json"

// Payload is a value as it is stored and sent: a content type, bytes, and small metadata. The zero Payload means "no value".
// Its Data must not be changed. Used as a workflow's or activity's input or output type it is passed on as it is, untouched by the codec.
type Payload struct {
	ContentType string
	Data        []byte
	Metadata    map[string]string
}

// None is the input or output of what has none. It is written as the zero Payload.
type None struct{}

// IsZero says whether p carries no value at all.
func (p Payload) IsZero() bool {
	return p.ContentType == "" && len(p.Data) == 0 && len(p.Metadata) == 0
}

// Decode reads the value into the variable that into points to. The zero Payload gives the zero value.
func (p Payload) Decode(into any) error {
	switch v := into.(type) {
	case *Payload:
		*v = p
		return nil
	case *None:
		return nil
	case interface{ TakePayload(Payload) error }:
		return v.TakePayload(p)
	}
	if p.IsZero() {
		return nil
	}
	if p.ContentType != ContentTypeJSON && p.ContentType != "" {
		return fmt.Errorf("the value has the content type %q, which the codec cannot read; use the type Payload to take it as it is", p.ContentType)
	}
	if err := json.Unmarshal(p.Data, into); err != nil {
		return fmt.Errorf("the value does not fit %T: %w", into, err)
	}
	return nil
}

// Encode makes a Payload of a value: JSON, unless v is a Payload or None, or says by AsPayload what it is.
func Encode(v any) (Payload, error) {
	switch v := v.(type) {
	case Payload:
		return v, nil
	case None:
		return Payload{}, nil
	case interface{ AsPayload() (Payload, error) }:
		return v.AsPayload()
	}
	b, err := json.Marshal(v)
	if err != nil {
		return Payload{}, fmt.Errorf("the value of type %T cannot be written as JSON: %w", v, err)
	}
	return Payload{ContentType: ContentTypeJSON, Data: b}, nil
}

// Decode reads a Payload as a value of type T.
func Decode[T any](p Payload) (T, error) {
	var v T
	err := p.Decode(&v)
	if err != nil {
		var zero T
		return zero, err
	}
	return v, nil
}

func decodePayload(b []byte) (Payload, error) {
	d := decoder{rest: b}
	var p Payload
	for d.next() {
		switch d.num {
		case 1:
			if string(d.bytes()) == ContentTypeJSON {
				p.ContentType = ContentTypeJSON
			} else {
				p.ContentType = d.string()
			}
		case 2:
			p.Data = bytes.Clone(d.bytes())
		case 3:
			p.Metadata = d.entry(p.Metadata)
		}
	}
	return p, d.err
}

// appendPayload writes a Payload field; the zero Payload is not written.
func appendPayload(b []byte, num int, p Payload) []byte {
	if p.IsZero() {
		return b
	}
	b, mark := openMessage(b, num)
	b = appendString(b, 1, p.ContentType)
	b = appendString(b, 2, p.Data)
	b = appendMap(b, 3, p.Metadata)
	return closeMessage(b, mark)
}

// appendMap writes a map<string, string> field in key order.
func appendMap(b []byte, num int, m map[string]string) []byte {
	if len(m) == 0 {
		return b
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b = appendEntry(b, num, k, m[k])
	}
	return b
}

func appendEntry(b []byte, num int, k, v string) []byte {
	b, mark := openMessage(b, num)
	b = appendString(b, 1, k)
	b = appendString(b, 2, v)
	return closeMessage(b, mark)
}
