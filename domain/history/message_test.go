package history_test

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
)

// [M-1] A letter comes back as it was written, and its key tells it from all others to the same chain.
func TestLetters(t *testing.T) {
	messages := []history.Message{&history.StartRun{}, &history.SignalRun{}, &history.EndRun{}, &history.CloseChildren{}, &history.RunStarted{}, &history.RunNotStarted{},
		&history.Delivered{}, &history.NotDelivered{}}
	rapid.Check(t, func(t *rapid.T) {
		var l history.Letter
		fill(t, reflect.ValueOf(&l.Link).Elem(), "link", 0)
		if rapid.IntRange(0, len(messages)).Draw(t, "kind") == 0 {
			closing := rapid.SampledFrom([]history.Attributes{&history.Completed{}, &history.Failed{}, &history.Canceled{}, &history.Terminated{}, &history.TimedOut{}}).Draw(t, "closing")
			l.Message = &history.RunClosed{Run: "r", Closing: attributes(t, closing)}
		} else {
			like := rapid.SampledFrom(messages).Draw(t, "message")
			v := reflect.New(reflect.TypeOf(like).Elem())
			fill(t, v.Elem(), "", 0)
			l.Message = v.Interface().(history.Message)
		}
		b := l.Encode()
		got, err := history.DecodeLetter(b)
		if err != nil || string(got.Encode()) != string(b) || got.Key() != l.Key() || reflect.TypeOf(got.Message) != reflect.TypeOf(l.Message) {
			t.Fatalf("%v\n%+v\n%+v", err, got, l)
		}
	})
	for name, b := range map[string][]byte{"empty": nil, "only a link": {1<<3 | 2, 0}, "an unknown message": {0xfa, 0x3f, 0}, "damaged": {10<<3 | 2, 9},
		"closed by an event that closes nothing": append([]byte{0xb2, 1, 5, 2<<3 | 2, 3}, 0xa2, 1, 0)} {
		if l, err := history.DecodeLetter(b); err == nil {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
