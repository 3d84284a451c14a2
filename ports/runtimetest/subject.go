package runtimetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// epoch0 is the first moment of the suite's own clock.
var epoch0 = time.Date(2024, 1, 2, 3, 4, 5, 678901234, time.UTC)

// ample are limits that no well-behaved workflow meets.
var ample = ports.Limits{Fuel: 100_000_000, MemoryBytes: 128 << 20}

// subject is what a case is about.
type subject struct {
	harness Harness
	runtime ports.Runtime
	program ports.Program
}

// run drives one instance and remembers what it was given, so that it can be replayed.
type run struct {
	t    *testing.T
	inst ports.Instance
	seed [32]byte
	seq  model.Seq
	now  time.Time
	past []ports.Activation
	out  [][]byte // the commands of each activation
}

func seedOf(n byte) (seed [32]byte) {
	for i := range seed {
		seed[i] = n + byte(i)
	}
	return seed
}

func (s *subject) open(t *testing.T, seed [32]byte) *run {
	t.Helper()
	inst, err := s.program.New(context.Background(), seed)
	if err != nil {
		t.Fatal(err)
	}
	return s.drive(t, inst, seed)
}

func (s *subject) drive(t *testing.T, inst ports.Instance, seed [32]byte) *run {
	t.Cleanup(func() { inst.Close(context.Background()) })
	return &run{t: t, inst: inst, seed: seed, now: epoch0}
}

// start opens an instance and starts a workflow in it.
func (s *subject) start(t *testing.T, workflow, input string) *run {
	t.Helper()
	r := s.open(t, seedOf(1))
	r.deliver(r.started(workflow, input))
	return r
}

func payload(text string) model.Payload {
	if text == "" {
		return model.Payload{}
	}
	return model.Payload{ContentType: model.ContentTypeJSON, Data: []byte(text)}
}

func (r *run) started(workflow, input string) history.Attributes {
	return &history.Started{
		Namespace: "default", WorkflowID: "w", RunID: "0190a0b0-0000-7000-8000-000000000001", Type: model.WorkflowType(workflow), Input: payload(input),
		TaskQueue: model.DefaultTaskQueue, Package: "p", Seed: r.seed[:], ImageVersion: 1,
	}
}

func completed(o model.Ordinal, result string) history.Attributes {
	return &history.ActivityCompleted{Ordinal: o, Attempt: 1, Result: payload(result), Worker: "w"}
}

func signal(name, input string) history.Attributes {
	return &history.SignalReceived{Name: model.SignalName(name), Input: payload(input)}
}

// activation makes the next activation, one second after the last.
func (r *run) activation(events ...history.Attributes) ports.Activation {
	r.now = r.now.Add(time.Second)
	a := ports.Activation{Now: r.now, Live: true, Limits: ample}
	for _, e := range events {
		r.seq++
		a.Events = history.AppendEvent(a.Events, &history.Event{Seq: r.seq, Time: r.now.UnixNano(), Attr: e})
	}
	return a
}

// deliver activates the instance with events and gives its commands.
func (r *run) deliver(events ...history.Attributes) []history.Attributes {
	r.t.Helper()
	out, err := r.activate(r.activation(events...))
	if err != nil {
		r.t.Fatal(err)
	}
	commands, err := history.DecodeCommands(out.Commands)
	if err != nil {
		r.t.Fatal(err)
	}
	return commands
}

func (r *run) activate(a ports.Activation) (ports.ActivationResult, error) {
	r.past = append(r.past, a)
	out, err := r.inst.Activate(context.Background(), a)
	r.out = append(r.out, slices.Clone(out.Commands))
	return out, err
}

// replay brings another instance to where r is, and compares every answer.
func (r *run) replay(s *subject) *run {
	r.t.Helper()
	again := s.open(r.t, r.seed)
	for i, a := range r.past {
		a.Live = false
		out, err := again.inst.Activate(context.Background(), a)
		if err != nil {
			r.t.Fatalf("replay of activation %d: %v", i+1, err)
		}
		if string(out.Commands) != string(r.out[i]) {
			r.t.Fatalf("replay of activation %d gives other commands", i+1)
		}
	}
	again.past, again.out, again.seq, again.now = slices.Clone(r.past), slices.Clone(r.out), r.seq, r.now
	r.same(again)
	return again
}

// same compares the whole state of two instances, where they have digests.
func (r *run) same(other *run) {
	r.t.Helper()
	if a, b := r.inst.Digest(), other.inst.Digest(); string(a) != string(b) {
		r.t.Fatalf("the states differ: %x and %x", a, b)
	}
}

// result is what the run ended with; it must have ended by the given commands.
func result(t *testing.T, commands []history.Attributes) string {
	t.Helper()
	if len(commands) == 1 {
		if c, ok := commands[0].(*history.Completed); ok {
			return string(c.Result.Data)
		}
	}
	t.Fatalf("commands %v: want a completion", kinds(commands))
	return ""
}

func kinds(commands []history.Attributes) (out []string) {
	for _, c := range commands {
		out = append(out, c.Kind().String())
	}
	return out
}

// scheduled gives the one activity that was asked for.
func scheduled(t *testing.T, commands []history.Attributes) *history.ActivityScheduled {
	t.Helper()
	if len(commands) == 1 {
		if a, ok := commands[0].(*history.ActivityScheduled); ok {
			return a
		}
	}
	t.Fatalf("commands %v: want one activity", kinds(commands))
	return nil
}

// trapped checks that an error is a trap of a kind and gives it.
func trapped(t *testing.T, err error, kind ports.TrapKind) *ports.Trap {
	t.Helper()
	var trap *ports.Trap
	if !errors.As(err, &trap) {
		t.Fatalf("%v: want a trap (%s)", err, kind)
	}
	if trap.Which != kind {
		t.Fatalf("%v: want a trap of kind %s", trap, kind)
	}
	return trap
}
