package history_test

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/history"
)

// [S-4] What is written here is read by the generated code, every field of it; what that writes is read back as it was.
func TestWriteAsProtobuf(t *testing.T) {
	for _, like := range kinds {
		t.Run(like.Kind().String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				e := event(t)
				e.Attr = attributes(t, like)
				raw, _, rest, err := history.Split(history.AppendEvent(nil, &e))
				if err != nil || len(rest) != 0 {
					t.Fatal(err, len(rest))
				}
				var m aionv1.HistoryEvent
				if err := proto.Unmarshal(raw, &m); err != nil {
					t.Fatalf("%v in %q", err, raw)
				}
				if f := m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("attributes")); f == nil || f.Number() != protoreflect.FieldNumber(like.Kind()) {
					t.Fatalf("written as %v", f)
				}
				if name := unknown(m.ProtoReflect()); name != "" {
					t.Fatalf("%s has fields that the contract does not know", name)
				}
				again, err := proto.Marshal(&m)
				if err != nil {
					t.Fatal(err)
				}
				back, err := history.DecodeEvent(again)
				if err != nil {
					t.Fatal(err)
				}
				same(t, e, back)
			})
		})
	}
}

// [S-4] What the generated code writes is read here, every field of it, and written back as it was.
func TestReadProtobuf(t *testing.T) {
	for _, like := range kinds {
		t.Run(like.Kind().String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := &aionv1.HistoryEvent{Seq: rapid.Uint32Range(1, 1<<31).Draw(t, "seq"), Time: timestamppb.New(history.Event{Time: rapid.Int64Range(1, 1<<62).Draw(t, "time")}.At())}
				f := m.ProtoReflect().Descriptor().Fields().ByNumber(protoreflect.FieldNumber(like.Kind()))
				draw(t, m.ProtoReflect().Mutable(f).Message(), 0)
				raw, err := proto.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				e, err := history.DecodeEvent(raw)
				if err != nil {
					t.Fatalf("%v: %v", err, m)
				}
				again, _, _, err := history.Split(history.AppendEvent(nil, &e))
				if err != nil {
					t.Fatal(err)
				}
				var back aionv1.HistoryEvent
				if err := proto.Unmarshal(again, &back); err != nil {
					t.Fatal(err)
				}
				if !proto.Equal(m, &back) {
					t.Fatalf("wrote %v\nread %v", m, &back)
				}
			})
		})
	}
}

// [S-4] The kinds here and in the contract are the same.
func TestKindsOfTheContract(t *testing.T) {
	var m aionv1.HistoryEvent
	fields := m.ProtoReflect().Descriptor().Oneofs().ByName("attributes").Fields()
	if fields.Len() != len(kinds) {
		t.Errorf("the contract has %d kinds, the test %d", fields.Len(), len(kinds))
	}
	for i := range fields.Len() {
		if k := history.Kind(fields.Get(i).Number()); !k.Known() || k.String() != string(fields.Get(i).Message().Name()) {
			t.Errorf("kind %d is %s in the contract and %v here", k, fields.Get(i).Message().Name(), k)
		}
	}
}

// [S-4] A page is the wire form of the events of GetHistoryResponse.
func TestPageAsProtobuf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var page []byte
		want := rapid.SliceOfN(rapid.Custom(event), 0, 5).Draw(t, "events")
		for i := range want {
			page = history.AppendEvent(page, &want[i])
		}
		var m aionv1.GetHistoryResponse
		if err := proto.Unmarshal(page, &m); err != nil {
			t.Fatal(err)
		}
		if len(m.GetEvents()) != len(want) {
			t.Fatalf("%d events", len(m.GetEvents()))
		}
		for i, e := range m.GetEvents() {
			if e.GetSeq() != uint32(want[i].Seq) || e.GetTime().AsTime().UnixNano() != want[i].Time {
				t.Errorf("event %d: %v", i, e)
			}
		}
	})
}

// What is not valid UTF-8 is made valid when it is written, so that everybody can read it.
func TestInvalidText(t *testing.T) {
	e := history.Event{Seq: 1, Attr: &history.Terminated{Reason: "a\xffb", Identity: "ok"}}
	raw, _, _, _ := history.Split(history.AppendEvent(nil, &e))
	var m aionv1.HistoryEvent
	if err := proto.Unmarshal(raw, &m); err != nil || m.GetTerminated().GetReason() != "a\uFFFDb" {
		t.Error(err, m.GetTerminated())
	}
}

// unknown names the first message with fields that the generated code does not know.
func unknown(m protoreflect.Message) (name string) {
	if len(m.GetUnknown()) > 0 {
		return string(m.Descriptor().FullName())
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind && !f.IsMap() && !f.IsList() {
			name = unknown(v.Message())
		}
		return name == ""
	})
	return name
}

// draw fills a message. Messages inside are left out or not empty.
func draw(t *rapid.T, m protoreflect.Message, deep int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		name := string(f.Name())
		switch {
		case f.IsMap():
			for range rapid.IntRange(0, 2).Draw(t, name) {
				v := m.Mutable(f).Map().NewValue()
				if f.MapValue().Kind() == protoreflect.MessageKind {
					draw(t, v.Message(), deep+1)
				} else {
					v = protoreflect.ValueOfString(text.Draw(t, name))
				}
				m.Mutable(f).Map().Set(protoreflect.ValueOfString(text.Draw(t, name)).MapKey(), v)
			}
		case f.IsList():
			for range rapid.IntRange(0, 2).Draw(t, name) {
				m.Mutable(f).List().Append(scalar(t, f))
			}
		case f.Kind() == protoreflect.MessageKind && f.Message().FullName() == (&durationpb.Duration{}).ProtoReflect().Descriptor().FullName():
			if d := rapid.Int64Range(-1<<61, 1<<61).Draw(t, name); d != 0 {
				m.Set(f, protoreflect.ValueOfMessage((&durationpb.Duration{Seconds: d / 1e9, Nanos: int32(d % 1e9)}).ProtoReflect()))
			}
		case f.Kind() == protoreflect.MessageKind:
			if deep == 4 || !rapid.Bool().Draw(t, name) {
				continue
			}
			sub := m.NewField(f)
			draw(t, sub.Message(), deep+1)
			if f.Message().Name() == "Failure" || proto.Size(sub.Message().Interface()) > 0 {
				m.Set(f, sub)
			}
		default:
			m.Set(f, scalar(t, f))
		}
	}
}

func scalar(t *rapid.T, f protoreflect.FieldDescriptor) protoreflect.Value {
	name := string(f.Name())
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text.Draw(t, name))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOf(rapid.Byte()).Draw(t, name))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, name))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, name))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(rapid.Int32().Draw(t, name))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, name))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(rapid.Float64().Draw(t, name))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.IntRange(0, f.Enum().Values().Len()-1).Draw(t, name)))
	}
	t.Fatalf("no way to draw %v", f.FullName())
	return protoreflect.Value{}
}

// same holds two events against each other; Raw does not count.
func same(t *rapid.T, want, got history.Event) {
	t.Helper()
	want.Raw, got.Raw = nil, nil
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("wrote %+v\nread %+v", want.Attr, got.Attr)
	}
}
