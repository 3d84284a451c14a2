package native_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aionrun/aion/adapters/runtime/native"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

// host plays the engine for one run: it records events, activates the code, decides its commands, and can replay what it recorded.
type host struct {
	t       *testing.T
	program ports.Program
	inst    ports.Instance
	state   *history.State
	page    []byte
	now     int64
	trap    *ports.Trap
	logs    []ports.LogLine
}

// run starts a workflow.
func run[I, O any](t *testing.T, w workflow.Workflow[I, O], in I) *host {
	t.Helper()
	p, err := native.New(w).Load(context.Background(), model.NativePackage, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{t: t, program: p, state: history.NewState(), now: 1_700_000_000_000_000_000}
	h.inst, err = p.New(context.Background(), [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.inst.Close(context.Background()) })
	seed := sha256.Sum256([]byte(t.Name()))
	h.deliver(&history.Started{
		Namespace: "default", WorkflowID: "w", RunID: "r", Type: model.WorkflowType(w.Name()), Input: value(t, in),
		TaskQueue: "default", Package: model.NativePackage, Seed: seed[:], ImageVersion: 1, Header: map[string]string{"k": "v"},
	})
	return h
}

func value(t *testing.T, v any) model.Payload {
	if _, ok := v.(workflow.None); ok {
		return model.Payload{}
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return model.Payload{ContentType: model.ContentTypeJSON, Data: b}
}

// deliver records events and activates the code until it has nothing more to answer.
func (h *host) deliver(events ...history.Attributes) {
	h.t.Helper()
	h.now += int64(time.Second)
	for _, a := range events {
		h.record(a)
	}
	for h.state.Open() && len(h.state.Pending) > 0 && h.trap == nil {
		h.activate()
	}
}

func (h *host) record(a history.Attributes) {
	h.t.Helper()
	e := &history.Event{Seq: h.state.Seq + 1, Time: h.now, Attr: a}
	start := len(h.page)
	h.page = history.AppendEvent(h.page, e)
	if err := h.state.Apply(e, h.page[start:len(h.page):len(h.page)]); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) activate() {
	h.t.Helper()
	var events []byte
	for _, p := range h.state.Pending {
		events = append(events, p.Framed...)
	}
	through := h.state.Delivered
	r, err := h.inst.Activate(context.Background(), ports.Activation{Now: time.Unix(0, h.now), Live: true, Events: events})
	for i := range events {
		events[i] = 0xff // the code must not keep what it was given
	}
	if err != nil {
		if !errors.As(err, &h.trap) {
			h.t.Fatal(err)
		}
		return
	}
	h.logs = append(h.logs, r.Logs...)
	cmds, err := history.DecodeCommands(r.Commands)
	if err != nil {
		h.t.Fatal(err)
	}
	// Commands are decided against the state behind Activated, whose count of events is not known before.
	var out []history.Attributes
	activated := &history.Activated{Through: through}
	scratch := h.fork()
	scratch.record(activated)
	for _, c := range cmds {
		events, n, err := history.Decide(scratch.state, c)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, e := range events[:n] {
			scratch.record(e)
			out = append(out, e)
		}
	}
	activated.Commands = uint32(len(out))
	h.record(activated)
	for _, e := range out {
		h.record(e)
	}
}

// fork gives a copy of the recorded state, without an instance.
func (h *host) fork() *host {
	s := &host{t: h.t, now: h.now, page: append([]byte(nil), h.page...)}
	r := history.NewReplayer(nil)
	if err := r.Feed(s.page); err != nil {
		h.t.Fatal(err)
	}
	s.state = r.State
	return s
}

// replay runs the code over the recorded history with a fresh instance and fails where it does anything else.
func (h *host) replay() {
	h.t.Helper()
	inst, err := h.program.New(context.Background(), [32]byte{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer inst.Close(context.Background())
	if err := replayOn(inst, h.page); err != nil {
		h.t.Fatal(err)
	}
}

func replayOn(inst ports.Instance, page []byte) error {
	r := history.NewReplayer(func(events []byte, at history.Boundary) ([]byte, error) {
		out, err := inst.Activate(context.Background(), ports.ActivationAt(events, at))
		return out.Commands, err
	})
	if err := r.Feed(page); err != nil {
		return err
	}
	return r.Finish()
}

// kinds lists the recorded commands and closing events by kind and ordinal.
func (h *host) commands() []string {
	h.t.Helper()
	events, err := history.DecodePage(h.page)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range events {
		switch e.Attr.(type) {
		case *history.Started, *history.Activated, *history.SignalReceived, *history.CancelRequested,
			*history.ActivityCompleted, *history.ActivityFailed, *history.ActivityTimedOut, *history.TimerFired:
		default:
			out = append(out, history.Describe(e.Attr))
		}
	}
	return out
}

// result decodes the result of a completed run.
func result[T any](h *host) T {
	h.t.Helper()
	c, ok := h.state.Closed.(*history.Completed)
	if !ok {
		h.t.Fatalf("the run is not completed: %v, trap %v, closed %+v", h.state.Status, h.trap, h.failure())
	}
	var v T
	if !c.Result.IsZero() {
		if err := json.Unmarshal(c.Result.Data, &v); err != nil {
			h.t.Fatal(err)
		}
	}
	return v
}

func (h *host) failure() *model.Failure {
	if f, ok := h.state.Closed.(*history.Failed); ok {
		return f.Failure
	}
	return nil
}

// completed, failed, … are what a worker or a timer answers.
func (h *host) completed(o model.Ordinal, v any) *history.ActivityCompleted {
	return &history.ActivityCompleted{Ordinal: o, Attempt: 1, Result: value(h.t, v)}
}

func (h *host) failed(o model.Ordinal, typ string) *history.ActivityFailed {
	return &history.ActivityFailed{Ordinal: o, Attempt: 1, Failure: &model.Failure{Type: typ, Message: "it is " + typ}}
}

func fired(o model.Ordinal) *history.TimerFired { return &history.TimerFired{Ordinal: o} }

func (h *host) signal(name string, v any) *history.SignalReceived {
	return &history.SignalReceived{Name: model.SignalName(name), Input: value(h.t, v)}
}

// query asks a throw-away instance at the head of the history.
func (h *host) query(name string, in any) string {
	h.t.Helper()
	p, err := h.tryQuery(name, in)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(p.Data)
}

func (h *host) tryQuery(name string, in any) (model.Payload, error) {
	h.t.Helper()
	inst, err := h.program.New(context.Background(), [32]byte{})
	if err != nil {
		h.t.Fatal(err)
	}
	defer inst.Close(context.Background())
	if err := replayOn(inst, h.page); err != nil {
		h.t.Fatal(err)
	}
	return inst.Query(context.Background(), ports.Query{Name: model.QueryName(name), Input: value(h.t, in)})
}

// queryLive asks the run's own instance.
func (h *host) queryLive(name string) string {
	h.t.Helper()
	p, err := h.inst.Query(context.Background(), ports.Query{Name: model.QueryName(name)})
	if err != nil {
		h.t.Fatal(err)
	}
	return string(p.Data)
}
