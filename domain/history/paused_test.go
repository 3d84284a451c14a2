package history_test

import (
	"testing"

	"github.com/aionrun/aion/domain/history"
)

// [D-10] Paused and Blocked are two independent facts: each ends by itself, and the code runs only without both.
func TestPausedAndBlocked(t *testing.T) {
	s := running(t)
	if err := fold(s, &history.SignalReceived{}); err != nil || !s.NeedsActivation() {
		t.Fatal(err, "the signal does not wait for the code")
	}
	for _, c := range []struct {
		event           history.Attributes
		paused, blocked bool
	}{
		{&history.Paused{}, true, false},
		{&history.Blocked{What: "panic"}, true, true},
		{&history.Resumed{}, false, true},
		{&history.Paused{}, true, true},
		{&history.Unblocked{}, true, false},
		{&history.SignalReceived{}, true, false},
		{&history.Resumed{}, false, false},
	} {
		if err := fold(s, c.event); err != nil {
			t.Fatalf("%v: %v", c.event.Kind(), err)
		}
		if s.Paused != c.paused || (s.Blocked != nil) != c.blocked || s.NeedsActivation() == (c.paused || c.blocked) || !s.Open() {
			t.Errorf("behind %v: paused %v, blocked %v, activation %v", c.event.Kind(), s.Paused, s.Blocked != nil, s.NeedsActivation())
		}
	}
}
