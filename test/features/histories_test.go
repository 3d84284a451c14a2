package features_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/app/jsonform"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/test/evidence"
)

// eventsOf reads the events of a page.
func eventsOf(t *testing.T, page []byte) (out []*aionv1.HistoryEvent) {
	t.Helper()
	for len(page) > 0 {
		raw, _, rest, err := history.Split(page)
		if err != nil {
			t.Fatal(err)
		}
		e := new(aionv1.HistoryEvent)
		if err := proto.Unmarshal(raw, e); err != nil {
			t.Fatal(err)
		}
		out, page = append(out, e), rest
	}
	return out
}

func pageOf(t *testing.T, events []*aionv1.HistoryEvent) []byte {
	t.Helper()
	page, err := evidence.Page(events)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// exported gives a history as lines of JSON, as aion history -o json prints it.
func exported(t *testing.T, page []byte) (out []string) {
	t.Helper()
	for _, e := range eventsOf(t, page) {
		line, err := jsonform.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(line))
	}
	return out
}

func imported(t *testing.T, text []byte) (out []*aionv1.HistoryEvent) {
	t.Helper()
	for line := range bytes.Lines(text) {
		e := new(aionv1.HistoryEvent)
		if err := jsonform.Unmarshal(line, e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// comparable gives a history as lines, without what is not the same in both runtimes: the package, and stacks.
func comparable(t *testing.T, page []byte) []string {
	t.Helper()
	events := eventsOf(t, page)
	for _, e := range events {
		if s := e.GetStarted(); s != nil {
			s.Package = ""
		}
		blank(e.ProtoReflect(), "stack")
	}
	return exported(t, pageOf(t, events))
}

// blank clears all fields of a name in a message and below it.
func blank(m protoreflect.Message, name protoreflect.Name) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Name() == name:
			m.Clear(f)
		case f.Message() != nil && !f.IsList() && !f.IsMap():
			blank(v.Message(), name)
		}
		return true
	})
}

// commandsOf gives the places of the events that the code asked for: those that replay compares. What the code was told of its patches shows in what it
// does, and code that no longer asks is left alone.
func commandsOf(t *testing.T, events []*aionv1.HistoryEvent) (out []int) {
	t.Helper()
	for i, e := range events {
		for k := range e.GetActivated().GetCommands() {
			if at := i + 1 + int(k); events[at].GetPatchMarked() == nil {
				out = append(out, at)
			}
		}
	}
	return out
}

// corrupted gives a copy of a history in which event i says something else.
func corrupted(events []*aionv1.HistoryEvent, i int) []*aionv1.HistoryEvent {
	out := slices.Clone(events)
	e := proto.CloneOf(events[i])
	set := e.ProtoReflect().WhichOneof(e.ProtoReflect().Descriptor().Oneofs().ByName("attributes"))
	if !change(e.ProtoReflect().Mutable(set).Message()) { // it says nothing beyond its kind
		e.Attributes = &aionv1.HistoryEvent_TimerStarted{TimerStarted: &aionv1.TimerStarted{Ordinal: 4_000_000}}
	}
	out[i] = e
	return out
}

// change makes the last value that is set in a message, or below it, another one; false when there is none.
func change(m protoreflect.Message) bool {
	fields := m.Descriptor().Fields()
	for i := fields.Len() - 1; i >= 0; i-- {
		f := fields.Get(i)
		if !m.Has(f) || f.IsList() || f.IsMap() {
			continue
		}
		switch v := m.Get(f); f.Kind() {
		case protoreflect.MessageKind:
			if !change(v.Message()) {
				continue
			}
		case protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString(v.String()+"~"))
		case protoreflect.BytesKind:
			m.Set(f, protoreflect.ValueOfBytes(append(bytes.Clone(v.Bytes()), ' ')))
		case protoreflect.Uint32Kind:
			m.Set(f, protoreflect.ValueOfUint32(uint32(v.Uint())+1))
		case protoreflect.Uint64Kind:
			m.Set(f, protoreflect.ValueOfUint64(v.Uint()+1))
		case protoreflect.Int32Kind:
			m.Set(f, protoreflect.ValueOfInt32(int32(v.Int())+1))
		case protoreflect.Int64Kind:
			m.Set(f, protoreflect.ValueOfInt64(v.Int()+1))
		default:
			continue
		}
		return true
	}
	return false
}

// replay runs a history through the code again.
func replay(program ports.Program, page []byte) error {
	ctx := context.Background()
	var seed [32]byte
	raw, _, _, err := history.Split(page)
	if err != nil {
		return err
	}
	if first, err := history.DecodeEvent(raw); err == nil {
		if s, ok := first.Attr.(*history.Started); ok {
			copy(seed[:], s.Seed)
		}
	}
	code, err := program.New(ctx, seed)
	if err != nil {
		return err
	}
	defer code.Close(ctx)
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		out, err := code.Activate(ctx, ports.ActivationAt(events, at))
		return out.Commands, err
	})
	if err := r.Feed(page); err != nil {
		return err
	}
	return r.Finish()
}
