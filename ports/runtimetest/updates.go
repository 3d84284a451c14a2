package runtimetest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// validate asks as an engine does, on this instance.
func (r *run) validate(name, input string) error {
	check := ports.UpdateCheck{Name: model.UpdateName(name), Input: payload(input), Limits: ample}
	if decided, err := r.inst.PrecheckUpdate(context.Background(), check); decided || err != nil {
		return err
	}
	return r.inst.ValidateUpdate(context.Background(), check)
}

func accepted(id, input string) history.Attributes {
	return &history.UpdateAccepted{ID: model.UpdateID(id), Name: "raise", Input: payload(input)}
}

func rejected(t *testing.T, err error, typ string, parts ...string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Reason != fault.UpdateRejected || f.Metadata["failure_type"] != typ {
		t.Errorf("got %v; want update_rejected of type %q", err, typ)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("got %v; want %q in it", err, p)
		}
	}
}

// completedUpdate is the result of the one update that the commands complete.
func completedUpdate(t *testing.T, commands []history.Attributes, id string) string {
	t.Helper()
	if len(commands) == 1 {
		if u, ok := commands[0].(*history.UpdateCompleted); ok && string(u.ID) == id && u.Failure == nil {
			return string(u.Result.Data)
		}
	}
	t.Fatalf("commands %v: want the completion of update %s", kinds(commands), id)
	return ""
}

func updates(t *testing.T, s *subject) {
	r := s.start(t, "desk", "null")
	ask := func(name, input string) error {
		if !s.harness.Clones {
			return r.validate(name, input)
		}
		c := r.clone(s)
		defer c.inst.Close(context.Background())
		return c.validate(name, input)
	}
	for range 2 {
		if err := ask("raise", "7"); err != nil {
			t.Fatal(err)
		}
	}
	if v := completedUpdate(t, r.deliver(accepted("a", "7")), "a"); v != "7" {
		t.Errorf("got %s", v)
	}
	rejected(t, ask("lower", "1"), "", "lower", "raise")
	rejected(t, ask("raise", `"x"`), "aion.bad_payload")
	// What was accepted is done, whatever the validator would say: it is asked once, and never on replay.
	if v := completedUpdate(t, r.deliver(accepted("b", "30")), "b"); v != "37" {
		t.Errorf("got %s", v)
	}
	if v := result(t, r.deliver(signal("done", "null"))); v != "37" {
		t.Errorf("got %s", v)
	}
	r.replay(s)
	other := s.start(t, "inbox", "null")
	rejected(t, other.validate("raise", "1"), "", "raise")
}

func updateOnCopy(t *testing.T, s *subject) {
	r := s.start(t, "desk", "null")
	before := string(r.inst.Digest())
	c := r.clone(s)
	rejected(t, c.validate("raise", "11"), "too_high", "too high")
	c.inst.Close(context.Background())
	if string(r.inst.Digest()) != before {
		t.Error("what the validator did changed the original")
	}
	if v := completedUpdate(t, r.deliver(accepted("a", "3")), "a"); v != "3" {
		t.Errorf("got %s", v)
	}
	r.replay(s)
}
