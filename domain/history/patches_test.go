package history_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
)

// asks replays code that asks for patches in each activation and starts a timer for each answer, of as many seconds as the patch's number; negative answers
// make one of an hour.
func asks(questions [][]int) history.Activate {
	n, ordinal, told := 0, model.Ordinal(0), map[int]bool{}
	return func(_ []byte, at history.Boundary) ([]byte, error) {
		var out []byte
		for _, q := range questions[n] {
			if _, known := told[q]; !known {
				told[q] = at.Patched(fmt.Sprint("p", q))
			}
			d := time.Hour
			if told[q] {
				d = time.Duration(q+1) * time.Second
			}
			ordinal++
			out = history.AppendCommand(out, &history.TimerStarted{Ordinal: ordinal, Delay: d})
		}
		n++
		return out, nil
	}
}

// live makes the history of such code.
func live(t testing.TB, questions [][]int) []history.Attributes {
	s := history.NewState()
	var all []history.Attributes
	add := func(a history.Attributes) {
		e := history.Event{Seq: s.Seq + 1, Time: int64(s.Seq+1) * int64(time.Second), Attr: a}
		if err := s.Apply(&e, history.AppendEvent(nil, &e)); err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	code := asks(questions)
	add(begin)
	for range questions {
		through := s.Seq
		p := history.LivePatches(s)
		out, err := code(nil, history.Boundary{Patched: p.Ask})
		if err != nil {
			t.Fatal(err)
		}
		cmds, err := history.DecodeCommands(out)
		if err != nil {
			t.Fatal(err)
		}
		add(&history.Activated{Through: through, Commands: uint32(len(cmds) + len(p.Marks()))})
		for _, a := range append(slices.Clone(p.Marks()), cmds...) {
			add(a)
		}
		add(&history.SignalReceived{Name: "go"})
	}
	return all
}

// [D-5] [DET-5] A replay answers what was answered, however the history is cut into pages, and where the code is folded from a checkpoint; code that asks for what nobody
// asked before is told no, and code that no longer asks is left alone.
func TestPatchesReplay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		questions := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4), 1, 6).Draw(r, "questions")
		all := live(t, questions)
		perPage := rapid.IntRange(1, len(all)).Draw(r, "events a page")
		run := func(a history.Activate) error {
			rep := history.NewReplayer(a)
			for _, p := range pages(perPage, all...) {
				if err := rep.Feed(p); err != nil {
					return err
				}
			}
			if back, _, err := history.Restore(rep.State.Checkpoint(nil)); err != nil || len(back.Patches) != len(rep.State.Patches) {
				r.Fatalf("restored %v of %v: %v", back, rep.State.Patches, err)
			}
			return rep.Finish()
		}
		if err := run(asks(questions)); err != nil {
			r.Fatal(err)
		}
		// Code from before the last activation's patches: it asks earlier for what was asked later.
		early := slices.Clone(questions)
		if last := questions[len(questions)-1]; len(questions) > 1 && len(last) > 0 {
			asked := slices.Concat(questions[:len(questions)-1]...)
			code := asks(early)
			err := run(func(events []byte, at history.Boundary) ([]byte, error) {
				for _, q := range last {
					if at.Patched(fmt.Sprint("p", q)) && !slices.Contains(asked, q) && events == nil {
						r.Fatal("told of a patch that was not asked for yet")
					}
				}
				return code(events, at)
			})
			if err != nil {
				r.Fatal(err)
			}
		}
		// Code that takes the branch of the patch without asking replays cleanly.
		n, ordinal := 0, model.Ordinal(0)
		if err := run(func([]byte, history.Boundary) (out []byte, _ error) {
			for _, q := range questions[n] {
				ordinal++
				out = history.AppendCommand(out, &history.TimerStarted{Ordinal: ordinal, Delay: time.Duration(q+1) * time.Second})
			}
			n++
			return out, nil
		}); err != nil {
			r.Fatal(err)
		}
		// Code that was told no differs.
		differs := len(slices.Concat(questions...)) > 0
		code := asks(questions)
		err := run(func(events []byte, at history.Boundary) ([]byte, error) {
			at.Patched = func(string) bool { return false }
			return code(events, at)
		})
		var m *history.Mismatch
		if errors.As(err, &m) != differs {
			r.Fatalf("differs %v: %v", differs, err)
		}
	})
}

// [D-5] Marks stand before commands, once each; they count as commands of their activation.
func TestPatchMarks(t *testing.T) {
	s := running(t)
	if err := fold(s, &history.PatchMarked{ID: "a"}); err != nil || !s.Patches["a"] {
		t.Fatal(err)
	}
	if err := fold(s, &history.PatchMarked{ID: "a"}); err == nil {
		t.Error("marked twice")
	}
	p := history.LivePatches(s)
	for _, id := range []string{"a", "b", "b", "c", ""} {
		if p.Ask(id) != (id != "") {
			t.Errorf("%q", id)
		}
	}
	if m := p.Marks(); len(m) != 2 || m[0].(*history.PatchMarked).ID != "b" || m[1].(*history.PatchMarked).ID != "c" {
		t.Errorf("%v", m)
	}
	if _, err := history.DecodeCommands(history.AppendCommand(nil, &history.PatchMarked{ID: "a"})); err == nil {
		t.Error("code marks a patch itself")
	}
}
