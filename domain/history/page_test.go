package history_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// [S-4] What is written is read back as it was, one event and whole pages, and pages of several steps are joined by putting them together.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.Custom(event), 0, 8).Draw(t, "events")
		cutAt := rapid.IntRange(0, len(want)).Draw(t, "cut")
		var first, second []byte
		for i := range want {
			if i < cutAt {
				first = history.AppendEvent(first, &want[i])
			} else {
				second = history.AppendEvent(second, &want[i])
			}
		}
		page := append(bytes.Clone(first), second...)
		got, err := history.DecodePage(page)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d of %d events, %v", len(got), len(want), err)
		}
		var again []byte
		for i := range got {
			same(t, want[i], got[i])
			if k := history.PeekKind(got[i].Raw); k != want[i].Kind() {
				t.Fatalf("peeked %v, is %v", k, want[i].Kind())
			}
			again = history.AppendEvent(again, &got[i])
		}
		if !bytes.Equal(page, again) {
			t.Fatal("the encoding of what was read differs")
		}
	})
}

// Split takes a page apart without losing a byte.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var page, joined []byte
		n := rapid.IntRange(0, 6).Draw(t, "n")
		for range n {
			e := event(t)
			page = history.AppendEvent(page, &e)
		}
		for rest := page; ; n-- {
			raw, framed, more, err := history.Split(rest)
			if err != nil {
				t.Fatal(err)
			}
			if framed == nil {
				break
			}
			if !bytes.HasSuffix(framed, raw) {
				t.Fatal("the frame does not end with the event")
			}
			joined, rest = append(joined, framed...), more
		}
		if n != 0 || !bytes.Equal(joined, page) {
			t.Fatalf("%d events are missing", n)
		}
	})
}

func raw(a history.Attributes) []byte {
	r, _, _, _ := history.Split(history.AppendEvent(nil, &history.Event{Seq: 7, Time: 5, Attr: a}))
	return r
}

// An unknown kind, an unknown field and every damage is an error, never a panic and never half an event.
func TestDecodeErrors(t *testing.T) {
	good := raw(&history.SignalReceived{Name: "go", Input: model.Payload{ContentType: "x", Data: []byte("y")}})
	deep := []byte{}
	for range 100 {
		deep = append(binary.AppendUvarint([]byte{6<<3 | 2}, uint64(len(deep))), deep...)
	}
	failed := append([]byte{1<<3 | 2}, append(binary.AppendUvarint(nil, uint64(len(deep))), deep...)...)
	for _, c := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "no attributes"},
		{"only a seq", []byte{8, 7}, "event 7 has no attributes"},
		{"a kind of a newer version", []byte{8, 7, 0x92, 4, 0}, "unknown kind 66"},
		{"a kind far away", []byte{8, 7, 0xf2, 0xff, 3, 0}, "unknown kind"},
		{"a kind as a number", []byte{8, 7, 10 << 3, 0}, "unknown kind 10"},
		{"two kinds", append(bytes.Clone(good), raw(&history.TimerFired{Ordinal: 1})...), "two kinds"},
		{"a field of a newer version", []byte{8, 7, 0x92, 3, 2, 15 << 3, 1}, "unknown field 15"},
		{"a wrong wire type", []byte{8, 7, 0x92, 3, 2, 1 << 3, 1}, "wire type"},
		{"a group", []byte{8, 7, 0x92, 3, 1, 3<<3 | 3}, "wire type 3"},
		{"field 0", []byte{0, 0}, "damaged tag"},
		{"an endless number", bytes.Repeat([]byte{0xff}, 11), "damaged tag"},
		{"a seq out of range", []byte{8, 0xff, 0xff, 0xff, 0xff, 0x7f}, "out of range"},
		{"a time out of range", []byte{8, 1, 2<<3 | 2, 11, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 16}, "damaged"},
		{"a fixed number cut off", []byte{8, 7, 1<<3 | 1, 0}, "truncated"},
		{"nested too deep", append(binary.AppendUvarint([]byte{12<<3 | 2}, uint64(len(failed))), failed...), "nested deeper"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := history.DecodeEvent(c.raw)
			if !fault.Has(err, fault.Internal) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %q", e, err, c.want)
			}
		})
	}
	for n := 1; n < len(good); n++ {
		if _, err := history.DecodeEvent(good[:n]); err == nil {
			t.Errorf("cut after %d of %d bytes it was read", n, len(good))
		}
	}
	for _, page := range [][]byte{{0}, {10}, {10, 0}, {10, 5, 1}, {18, 1, 0}, append(history.AppendEvent(nil, &history.Event{Seq: 1, Attr: &history.Unblocked{}}), 10)} {
		if _, err := history.DecodePage(page); !fault.Has(err, fault.Internal) {
			t.Errorf("page %v: %v", page, err)
		}
	}
}

// A damaged event has no kind to peek at.
func TestPeekKind(t *testing.T) {
	for _, b := range [][]byte{nil, {8, 7}, {0xff}, {8}} {
		if k := history.PeekKind(b); k != 0 {
			t.Errorf("%v: %v", b, k)
		}
	}
	if k := history.Kind(200); k.Known() || k.Delivered() || k.Closing() || k.String() != "Unknown" {
		t.Error("kind 200 is known")
	}
}

func seeds(f *testing.F) {
	for _, like := range kinds {
		f.Add(raw(like))
	}
	f.Add(raw(&history.Started{Namespace: "default", WorkflowID: "w", RunID: "r", Type: "T", Input: model.Payload{ContentType: "application/json", Data: []byte(`{"a":1}`), Metadata: map[string]string{"k": "v"}},
		Seed: make([]byte, 32), RunTimeout: 1e10, Header: map[string]string{"a": "b"}}))
	f.Add(raw(&history.ActivityScheduled{Ordinal: 1, Type: "A", Options: model.ActivityOptions{StartToClose: 1, Retry: model.RetryPolicy{Coefficient: 2, NonRetryableTypes: []string{"x", "y"}}, AtMostOnce: true}}))
	f.Add(raw(&history.Failed{Failure: &model.Failure{Type: "t", Cause: &model.Failure{Message: "m", Retryable: true}}}))
}

// Whatever bytes come: no panic, and what is read is written and read again the same.
func FuzzDecodeEvent(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := history.DecodeEvent(b)
		if err != nil {
			return
		}
		page := history.AppendEvent(nil, &e)
		again, err := history.DecodePage(page)
		if err != nil || len(again) != 1 {
			t.Fatalf("%v: written as %x it is not read: %v", e.Kind(), page, err)
		}
		if second := history.AppendEvent(nil, &again[0]); !bytes.Equal(page, second) {
			t.Fatalf("%x becomes %x", page, second)
		}
	})
}

// Whatever bytes come: no panic, and splitting agrees with decoding.
func FuzzDecodePage(f *testing.F) {
	f.Add([]byte{})
	for _, like := range kinds {
		f.Add(history.AppendEvent(history.AppendEvent(nil, &history.Event{Seq: 1, Time: 1, Attr: like}), &history.Event{Seq: 2, Time: 1, Attr: like}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		events, err := history.DecodePage(b)
		if err != nil {
			return
		}
		n := 0
		for rest := b; len(rest) > 0; n++ {
			var err error
			if _, _, rest, err = history.Split(rest); err != nil {
				t.Fatal(err)
			}
		}
		if n != len(events) {
			t.Fatalf("%d events, %d frames", len(events), n)
		}
	})
}

// Whatever code answers: a list of commands or a refusal.
func FuzzDecodeCommands(f *testing.F) {
	for _, like := range kinds {
		f.Add(history.AppendCommand(nil, like))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		cmds, err := history.DecodeCommands(b)
		if err != nil {
			if _, ok := err.(*history.Refusal); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		s := running(t)
		for _, c := range cmds {
			if events, n, err := history.Decide(s, c); err == nil {
				for _, a := range events[:n] {
					e := history.Event{Seq: s.Seq + 1, Time: s.Time, Attr: a}
					if err := s.Apply(&e, history.AppendEvent(nil, &e)); err != nil {
						t.Fatalf("%v was accepted and cannot be folded: %v", a.Kind(), err)
					}
				}
			}
		}
	})
}
