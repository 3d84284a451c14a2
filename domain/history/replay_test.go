package history_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// code gives the commands of one activation, numbered from 1.
type code func(activation int, events []history.Event) []history.Attributes

// activate runs code for a replayer, and notes what it was given.
func activate(t testing.TB, c code, given *[][]history.Kind) history.Activate {
	n := 0
	return func(page []byte, _ history.Boundary) ([]byte, error) {
		events, err := history.DecodePage(page)
		if err != nil {
			t.Fatal(err)
		}
		n++
		if given != nil {
			var ks []history.Kind
			for _, e := range events {
				ks = append(ks, e.Kind())
			}
			*given = append(*given, ks)
		}
		var out []byte
		for _, cmd := range c(n, events) {
			out = history.AppendCommand(out, cmd)
		}
		return out, nil
	}
}

// pages writes events as a store would give them back: seq from 1, a second apart, some events a page.
func pages(perPage int, all ...history.Attributes) [][]byte {
	var out [][]byte
	for i, a := range all {
		if i%perPage == 0 {
			out = append(out, nil)
		}
		out[len(out)-1] = history.AppendEvent(out[len(out)-1], &history.Event{Seq: model.Seq(i + 1), Time: int64(i+1) * int64(time.Second), Attr: a})
	}
	return out
}

func replay(t testing.TB, c code, perPage int, all ...history.Attributes) (*history.Replayer, error) {
	r := history.NewReplayer(activate(t, c, nil))
	for _, p := range pages(perPage, all...) {
		if err := r.Feed(p); err != nil {
			return r, err
		}
	}
	return r, r.Finish()
}

var (
	begin  = &history.Started{Namespace: "default", WorkflowID: "w", RunID: "r", Type: "T", TaskQueue: "q", Seed: make([]byte, 32)}
	input  = model.Payload{ContentType: "application/json", Data: []byte(`{"n":1}`)}
	pay    = &history.ActivityScheduled{Ordinal: 1, Type: "Pay", Input: input, Options: model.ActivityOptions{TaskQueue: "q", StartToClose: time.Minute}}
	alarm  = &history.TimerStarted{Ordinal: 2, Delay: time.Hour}
	result = &history.Completed{Result: model.Payload{Data: []byte("1")}}
)

// recorded is a run that starts an activity and a timer, gets the result, cancels the timer and completes.
var recorded = []history.Attributes{
	begin,
	&history.Activated{Through: 1, Commands: 2}, pay, alarm,
	&history.ActivityCompleted{Ordinal: 1, Attempt: 1},
	&history.Activated{Through: 5, Commands: 2}, &history.TimerCanceled{Ordinal: 2}, result,
}

func faithful(n int, _ []history.Event) []history.Attributes {
	if n == 1 {
		return []history.Attributes{pay, alarm}
	}
	return []history.Attributes{&history.TimerCanceled{Ordinal: 2}, result}
}

// [C-2] The code is given exactly the delivered events of each recorded activation.
func TestReplayGivesWhatWasDelivered(t *testing.T) {
	for perPage := 1; perPage <= len(recorded); perPage++ {
		var given [][]history.Kind
		r := history.NewReplayer(activate(t, faithful, &given))
		for _, p := range pages(perPage, recorded...) {
			if err := r.Feed(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Finish(); err != nil || r.State.Status != model.StatusCompleted {
			t.Fatal(err, r.State.Status)
		}
		if len(given) != 2 || len(given[0]) != 1 || given[0][0] != history.KindStarted || len(given[1]) != 1 || given[1][0] != history.KindActivityCompleted {
			t.Errorf("given %v", given)
		}
	}
	// What came while the code was not activated is given in the order in which it came; what is not for it, not at all.
	var given [][]history.Kind
	r := history.NewReplayer(activate(t, func(n int, _ []history.Event) []history.Attributes {
		if n == 1 {
			return []history.Attributes{pay}
		}
		return nil
	}, &given))
	for _, p := range pages(3, begin, &history.Activated{Through: 1, Commands: 1}, pay, &history.SignalReceived{Name: "a"}, &history.ActivityAttemptFailed{Ordinal: 1, Attempt: 1, Failure: &model.Failure{}},
		&history.CancelRequested{}, &history.SignalReceived{Name: "b"}, &history.Activated{Through: 6}, &history.Activated{Through: 7}) {
		if err := r.Feed(p); err != nil {
			t.Fatal(err)
		}
	}
	if len(given) != 3 || len(given[1]) != 2 || given[1][0] != history.KindSignalReceived || given[1][1] != history.KindCancelRequested || len(given[2]) != 1 {
		t.Errorf("given %v", given)
	}
}

// [DET-2] [D-10] Code that does not do what is recorded is told apart by kind, number, name, options and input, by what is missing and by what is too much.
func TestMismatch(t *testing.T) {
	change := func(f func(a *history.ActivityScheduled)) code {
		return func(n int, _ []history.Event) []history.Attributes {
			if n > 1 {
				return faithful(n, nil)
			}
			a := *pay
			f(&a)
			return []history.Attributes{&a, alarm}
		}
	}
	first := func(cmds ...history.Attributes) code {
		return func(n int, _ []history.Event) []history.Attributes {
			if n > 1 {
				return faithful(n, nil)
			}
			return cmds
		}
	}
	second := func(cmds ...history.Attributes) code {
		return func(n int, _ []history.Event) []history.Attributes {
			if n == 1 {
				return faithful(n, nil)
			}
			return cmds
		}
	}
	for _, c := range []struct {
		name            string
		code            code
		seq             model.Seq
		expected, found string
	}{
		{"kind", first(&history.TimerStarted{Ordinal: 1, Delay: time.Hour}, alarm), 3, `activity 1 "Pay"`, "timer 1 of 1h0m0s"},
		{"order", second(result), 7, "cancel of timer 2", "completion of the run"},
		{"name", change(func(a *history.ActivityScheduled) { a.Type = "Refund" }), 3, `activity 1 "Pay"`, `activity 1 "Refund"`},
		{"input", change(func(a *history.ActivityScheduled) {
			a.Input = model.Payload{ContentType: "application/json", Data: []byte(`{"n":2}`)}
		}), 3, `{\"n\":1}`, `{\"n\":2}`},
		{"content type of the input", change(func(a *history.ActivityScheduled) { a.Input.ContentType = "text/plain" }), 3, "digest", "digest"},
		{"options", change(func(a *history.ActivityScheduled) { a.Options.StartToClose = time.Second }), 3, "StartToClose:1m0s", "StartToClose:1s"},
		{"queue", change(func(a *history.ActivityScheduled) { a.Options.TaskQueue = "other" }), 3, "TaskQueue:q", "TaskQueue:other"},
		{"delay", first(pay, &history.TimerStarted{Ordinal: 2, Delay: time.Minute}), 4, "timer 2 of 1h0m0s", "timer 2 of 1m0s"},
		{"missing", first(pay), 4, "timer 2 of 1h0m0s", "nothing"},
		{"all missing", first(), 3, `activity 1 "Pay"`, "nothing"},
		{"surplus", first(pay, alarm, &history.TimerStarted{Ordinal: 3, Delay: 1}), 5, "nothing", "timer 3 of 1ns"},
		{"surplus behind the end", second(&history.TimerCanceled{Ordinal: 2}, result, &history.TimerStarted{Ordinal: 3, Delay: 1}), 9, "nothing", "timer 3 of 1ns"},
		{"another end", second(&history.TimerCanceled{Ordinal: 2}, &history.Failed{Failure: &model.Failure{Message: "no"}}), 8, "completion of the run", `failure of the run with "no"`},
		{"another result", second(&history.TimerCanceled{Ordinal: 2}, &history.Completed{Result: model.Payload{Data: []byte("2")}}), 8, `with "1"`, `with "2"`},
		{"canceled instead", second(&history.TimerCanceled{Ordinal: 2}, &history.Canceled{}), 8, "completion of the run", "cancellation of the run"},
		{"an activity canceled instead", second(&history.ActivityCancelRequested{Ordinal: 1}, &history.TimerCanceled{Ordinal: 2}, result), 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := replay(t, c.code, 2, recorded...)
			if c.seq == 0 {
				if err != nil { // it came too late to mean anything
					t.Error(err)
				}
				return
			}
			var m *history.Mismatch
			if !errors.As(err, &m) || m.Seq != c.seq || !strings.Contains(m.Expected, c.expected) || !strings.Contains(m.Found, c.found) {
				t.Errorf("got %v; want seq %d, %q and %q", err, c.seq, c.expected, c.found)
			}
		})
	}
	t.Run("a number", func(t *testing.T) {
		_, err := replay(t, change(func(a *history.ActivityScheduled) { a.Ordinal = 2 }), 2, recorded...)
		var r *history.Refusal
		if !errors.As(err, &r) || !strings.Contains(err.Error(), "next number is 1") {
			t.Error(err)
		}
	})
	t.Run("nonsense", func(t *testing.T) {
		r := history.NewReplayer(func([]byte, history.Boundary) ([]byte, error) { return []byte("nonsense"), nil })
		var refused *history.Refusal
		if err := r.Feed(pages(9, recorded...)[0]); !errors.As(err, &refused) {
			t.Error(err)
		}
	})
	t.Run("the code's own trouble", func(t *testing.T) {
		trouble := errors.New("trap")
		r := history.NewReplayer(func([]byte, history.Boundary) ([]byte, error) { return nil, trouble })
		if err := r.Feed(pages(9, recorded...)[0]); !errors.Is(err, trouble) {
			t.Error(err)
		}
	})
}

// A history never ends inside an activation; one that does is damaged.
func TestReplayEnds(t *testing.T) {
	for n := 1; n <= len(recorded); n++ {
		_, err := replay(t, faithful, 1, recorded[:n]...)
		inside := n == 2 || n == 3 || n == 6 || n == 7
		if inside != fault.Has(err, fault.Internal) || !inside && err != nil {
			t.Errorf("%d events: %v", n, err)
		}
	}
}

// Stop ends the activating behind an activation, and folds the rest.
func TestReplayStops(t *testing.T) {
	calls := 0
	r := history.NewReplayer(func([]byte, history.Boundary) ([]byte, error) {
		calls++
		var out []byte
		for _, c := range faithful(calls, nil) {
			out = history.AppendCommand(out, c)
		}
		return out, nil
	})
	r.Stop = 2
	for _, p := range pages(3, recorded...) {
		if err := r.Feed(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Finish(); err != nil || calls != 1 || r.State.Status != model.StatusCompleted {
		t.Error(err, calls, r.State.Status)
	}
}

// A page may begin inside a row: what was fed already is passed over.
func TestReplayOverlap(t *testing.T) {
	r := history.NewReplayer(activate(t, faithful, nil))
	all := pages(len(recorded), recorded...)[0]
	head := pages(3, recorded...)[0]
	if err := errors.Join(r.Feed(head), r.Feed(all), r.Feed(all), r.Finish()); err != nil || int(r.State.Seq) != len(recorded) {
		t.Error(err, r.State.Seq)
	}
	if err := r.Feed([]byte{10, 9, 1}); err == nil {
		t.Error("half a page was taken")
	}
}

// [C-6] A state restored from a checkpoint, with the events behind what the code was given, is the state; and goes on like it.
func TestCheckpoint(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := someHistory(rt)
		cut := rapid.IntRange(1, len(all)).Draw(rt, "checkpoint at")
		perPage := rapid.IntRange(1, 5).Draw(rt, "events a page")
		whole := history.NewReplayer(nil)
		var checkpoint []byte
		for i, p := range pages(1, all...) {
			if err := whole.Feed(p); err != nil {
				rt.Fatal(err)
			}
			if i+1 == cut {
				if whole.State.Closed != nil {
					return // closed runs have none
				}
				checkpoint = whole.State.Checkpoint([]byte("digest"))
			}
		}
		s, digest, err := history.Restore(checkpoint)
		if err != nil || string(digest) != "digest" {
			rt.Fatal(err)
		}
		from := s.Through + 1
		r := history.ResumeReplayer(s)
		for i, p := range pages(perPage, all...) {
			if model.Seq((i+1)*perPage) < from {
				continue // not read: the row ends below
			}
			if err := r.Feed(p); err != nil {
				rt.Fatal(err)
			}
		}
		if a, b := dump(whole.State), dump(r.State); a != b {
			rt.Fatalf("folded\n%s\nrestored\n%s", a, b)
		}
	})
	for name, b := range map[string][]byte{"nothing": nil, "nonsense": {1, 2, 3}, "half": running(t).Checkpoint(nil)[:20]} {
		if _, _, err := history.Restore(b); err == nil {
			t.Errorf("%s was restored", name)
		}
	}
}

// dump shows all of a state that counts.
func dump(s *history.State) string {
	var b strings.Builder
	closed := s.Closed
	s.Closed = nil
	if closed == nil {
		b.Write(s.Checkpoint(nil))
	}
	s.Closed = closed
	for _, p := range s.Pending {
		b.Write(p.Framed)
	}
	fmt.Fprint(&b, s.Status, s.Waiting, s.Delivered, s.ClosedAt)
	if closed != nil {
		b.Write(history.AppendCommand(nil, closed))
	}
	return b.String()
}

// someHistory draws the history of a run that does all sorts of things.
func someHistory(t *rapid.T) []history.Attributes {
	s := history.NewState()
	var all []history.Attributes
	add := func(a history.Attributes) {
		e := history.Event{Seq: s.Seq + 1, Time: s.Time + int64(time.Second), Attr: a}
		if err := s.Apply(&e, history.AppendEvent(nil, &e)); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	add(begin)
	for range rapid.IntRange(0, 40).Draw(t, "events") {
		if s.Closed != nil {
			break
		}
		var choices []history.Attributes
		if s.NeedsActivation() {
			choices = append(choices, &history.Activated{Through: s.Pending[rapid.IntRange(0, len(s.Pending)-1).Draw(t, "through")].Seq})
		}
		if s.Blocked == nil {
			choices = append(choices, &history.Blocked{What: "panic"})
		} else {
			choices = append(choices, &history.Unblocked{})
		}
		if s.Paused {
			choices = append(choices, &history.Resumed{Reason: "r"})
		} else {
			choices = append(choices, &history.Paused{Identity: "i"})
		}
		choices = append(choices, &history.SignalReceived{Name: "s", Input: input}, &history.CancelRequested{Reason: "r"}, &history.Repinned{Package: "p2", ReplayedThrough: s.Through},
			&history.TimerStarted{Ordinal: s.NextOrdinal, Delay: time.Hour}, &history.ActivityScheduled{Ordinal: s.NextOrdinal, Type: "A", Input: input, Options: model.ActivityOptions{TaskQueue: "q", Cancellation: model.CancelWait}})
		for o := model.Ordinal(1); o < s.NextOrdinal; o++ {
			if s.Timers[o] != nil {
				choices = append(choices, &history.TimerFired{Ordinal: o}, &history.TimerCanceled{Ordinal: o})
			}
			if a := s.Activities[o]; a != nil {
				choices = append(choices, &history.ActivityAttemptStarted{Ordinal: o, Attempt: a.Attempt, Worker: "w"},
					&history.ActivityAttemptFailed{Ordinal: o, Attempt: a.Attempt, Failure: &model.Failure{Message: "m", Retryable: true}, NextDelay: time.Second, Heartbeat: input},
					&history.ActivityCompleted{Ordinal: o, Attempt: a.Attempt, Result: input}, &history.ActivityCancelRequested{Ordinal: o})
			}
		}
		add(rapid.SampledFrom(choices).Draw(t, "event"))
	}
	if rapid.IntRange(0, 3).Draw(t, "closed") == 0 {
		add(&history.Terminated{Reason: "enough"})
	}
	return all
}

// ofCode is a command without what the engine adds to it.
func ofCode(a history.Attributes) history.Attributes {
	if f, ok := a.(*history.Failed); ok {
		return &history.Failed{Failure: f.Failure}
	}
	return a
}

// Same compares everything that is recorded of a command, and nothing else.
func TestSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := event(t).Attr, event(t).Attr
		equal := a.Kind() == b.Kind() && bytes.Equal(history.AppendCommand(nil, ofCode(a)), history.AppendCommand(nil, ofCode(b)))
		if history.Same(a, b) != equal || !history.Same(a, a) {
			t.Fatalf("%+v %+v", a, b)
		}
		if history.Describe(a) == "" {
			t.Fatalf("%v has no description", a.Kind())
		}
	})
}
