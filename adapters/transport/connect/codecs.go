package connect

import (
	"bytes"
	"encoding/json"
	"errors"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/aionrun/aion/domain/fault"
)

// connect answers a message that it cannot decode by itself, with an error that holds no ErrorInfo. These codecs hand such a
// message on instead, empty but for a mark, and the interceptor refuses it. A caller that sends the mark itself gets that same refusal.

const markField = protowire.Number(1<<29 - 1) // the last field number there is

// mark replaces the content of m by what was wrong with it.
func mark(m proto.Message, why string) {
	proto.Reset(m)
	b := protowire.AppendTag(nil, markField, protowire.BytesType)
	m.ProtoReflect().SetUnknown(protowire.AppendString(b, why))
}

// malformed gives the error of a message that could not be decoded, nil for any other.
func malformed(m proto.Message) error {
	b := m.ProtoReflect().GetUnknown()
	if len(b) == 0 {
		return nil
	}
	if num, typ, n := protowire.ConsumeTag(b); n > 0 && num == markField && typ == protowire.BytesType {
		if why, n := protowire.ConsumeString(b[n:]); n > 0 {
			return fault.Invalidf("the request is not a valid %s: %s", m.ProtoReflect().Descriptor().FullName(), why).
				Hinted("send what the contract in api/proto says; gRPC reflection shows it too")
		}
	}
	return nil
}

func asProto(message any) (proto.Message, error) {
	m, ok := message.(proto.Message)
	if !ok {
		return nil, errors.New("not a protobuf message")
	}
	return m, nil
}

// binaryCodec is the binary codec. It appends to the buffer that it is given.
type binaryCodec struct{}

func (binaryCodec) Name() string   { return "proto" }
func (binaryCodec) IsBinary() bool { return true }

func (c binaryCodec) Marshal(message any) ([]byte, error) { return c.MarshalAppend(nil, message) }

func (binaryCodec) MarshalAppend(b []byte, message any) ([]byte, error) {
	m, err := asProto(message)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{}.MarshalAppend(b, m)
}

func (binaryCodec) MarshalStable(message any) ([]byte, error) {
	m, err := asProto(message)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

func (binaryCodec) Unmarshal(b []byte, message any) error {
	m, err := asProto(message)
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(b, m); err != nil {
		mark(m, err.Error())
	}
	return nil
}

// jsonCodec is the JSON codec. A field or an enum's name that it does not know is an error: JSON is written by people, and
// leaving out what they misspelt would do something else than they said.
type jsonCodec struct{ name string }

func (c jsonCodec) Name() string { return c.name }
func (jsonCodec) IsBinary() bool { return false }

func (c jsonCodec) Marshal(message any) ([]byte, error) { return c.MarshalAppend(nil, message) }

func (jsonCodec) MarshalAppend(b []byte, message any) ([]byte, error) {
	m, err := asProto(message)
	if err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{}.MarshalAppend(b, m)
}

func (c jsonCodec) MarshalStable(message any) ([]byte, error) {
	b, err := c.Marshal(message)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // protojson varies its spaces
	err = json.Compact(&out, b)
	return out.Bytes(), err
}

func (jsonCodec) Unmarshal(b []byte, message any) error {
	m, err := asProto(message)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		mark(m, "it is empty; an empty message is {}")
	} else if err := protojson.Unmarshal(b, m); err != nil {
		mark(m, err.Error())
	}
	return nil
}
