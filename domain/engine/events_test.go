package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aionrun/aion/aiontest"
	feed "github.com/aionrun/aion/domain/events"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

var errStop = errors.New("stop")

// seen is what subscribers got, by run.
type seen map[model.RunID][]history.Event

func (s seen) add(t testing.TB, f ports.EventFrame) {
	t.Helper()
	es, err := history.DecodePage(f.Events)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range es {
		if n := len(s[f.Run]); int(e.Seq) != n+1 {
			t.Fatalf("event %d of run %s follows event %d", e.Seq, f.Run, n)
		}
		s[f.Run] = append(s[f.Run], e)
	}
}

// [S-3] [EVT-1] [EVT-2] A subscriber of a namespace who is thrown out at random points, and whose server restarts, gets every event once and in order.
func TestSubscribeNamespace(t *testing.T) {
	env := aiontest.New(t, defs(listen, works))
	const runs, each = 20, 12
	var refs []ports.WorkflowRef
	for range runs {
		refs = append(refs, ref(start(t, env, request(listen, each))))
	}
	got, caughtUp := seen{}, 0
	cursor := ""
	r := rand.New(rand.NewPCG(1, 2))
	follow := func(until func(f ports.EventFrame) bool) error {
		return env.Engine().Subscribe(ctx, ports.SubscribeRequest{Cursor: cursor, FromStart: true}, func(f ports.EventFrame) error {
			if f.Cursor == "" {
				t.Errorf("a frame without a cursor: %+v", f)
			}
			if f.Kind == ports.FrameEvents {
				got.add(t, f)
			}
			cursor = f.Cursor
			if f.Kind == ports.FrameCaughtUp {
				caughtUp++
			}
			if until(f) {
				return errStop
			}
			return nil
		})
	}
	for round := range 4 {
		var load sync.WaitGroup
		for i := range refs {
			load.Go(func() {
				for k := range each / 4 {
					if err := signal(env, refs[i], "x", model.RequestID(fmt.Sprintf("%d-%d", round, k))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		loaded := make(chan struct{})
		go func() { load.Wait(); close(loaded) }()
		for done := false; !done; {
			select {
			case <-loaded:
				done = true
			default:
			}
			left := 1 + r.IntN(7)
			if err := follow(func(f ports.EventFrame) bool { left--; return left == 0 || f.Kind == ports.FrameCaughtUp }); !errors.Is(err, errStop) {
				t.Fatal(err)
			}
		}
		<-loaded
		if round == 1 {
			env.Restart()
		}
	}
	if err := follow(func(f ports.EventFrame) bool { return f.Kind == ports.FrameCaughtUp }); !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	for _, x := range refs {
		want := events(t, env, x)
		if len(got[x.Run]) != len(want) {
			t.Errorf("%d events of %d arrived", len(got[x.Run]), len(want))
		}
	}
	if caughtUp == 0 {
		t.Error("nobody caught up")
	}
}

// [EVT-1] A subscription that is open while runs go on gets their events as they are recorded, and holds up nobody.
func TestSubscribeLive(t *testing.T) {
	env := aiontest.New(t, defs(listen, echo))
	frames := make(chan ports.EventFrame, 1000)
	leaving, leave := context.WithCancel(ctx)
	ended := make(chan error, 2)
	ready := make(chan struct{})
	go func() {
		ended <- env.Engine().Subscribe(leaving, ports.SubscribeRequest{}, func(f ports.EventFrame) error {
			if f.Kind == ports.FrameSubscribed {
				close(ready)
			}
			f.Events = append([]byte(nil), f.Events...)
			frames <- f
			return nil
		})
	}()
	<-ready
	// One that never takes its first event.
	stuck := make(chan struct{})
	began := make(chan struct{})
	go func() {
		ended <- env.Engine().Subscribe(leaving, ports.SubscribeRequest{}, func(f ports.EventFrame) error {
			if f.Kind == ports.FrameSubscribed {
				close(began)
				<-stuck
			}
			return nil
		})
	}()
	<-began
	r := ref(start(t, env, request(echo, "x")))
	got := seen{}
	for len(got[r.Run]) == 0 || !got[r.Run][len(got[r.Run])-1].Kind().Closing() {
		if f := <-frames; f.Kind == ports.FrameEvents {
			got.add(t, f)
		}
	}
	close(stuck)
	leave()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n := env.Engine().Subscriptions(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// [EVT-3] A subscription to a run begins at any event, goes on live, and ends with the run.
func TestSubscribeRun(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := ref(start(t, env, request(listen, 3)))
	for from := range model.Seq(3) {
		caught := make(chan struct{})
		ended := make(chan error, 1)
		var first model.Seq
		go func() {
			ended <- env.Engine().Subscribe(ctx, ports.SubscribeRequest{WorkflowID: r.WorkflowID, From: from}, func(f ports.EventFrame) error {
				switch f.Kind {
				case ports.FrameEvents:
					if es, _ := history.DecodePage(f.Events); first == 0 {
						first = es[0].Seq
					}
				case ports.FrameCaughtUp:
					close(caught)
				}
				return nil
			})
		}()
		<-caught
		if err := signal(env, r, "x", ""); err != nil {
			t.Fatal(err)
		}
		if from == 2 {
			if err := <-ended; err != nil || first != 2 {
				t.Errorf("%v, began with %d", err, first)
			}
		} else {
			env.Restart() // whoever follows is told to come again
			want(t, <-ended, fault.Draining)
			if first != max(from, 1) {
				t.Errorf("began with %d", first)
			}
		}
	}
	// One that has seen the last event already hears that it was the last.
	var kinds []ports.EventFrameKind
	err := env.Engine().Subscribe(ctx, ports.SubscribeRequest{WorkflowID: r.WorkflowID, Run: r.Run, From: 1000}, func(f ports.EventFrame) error {
		kinds = append(kinds, f.Kind)
		return nil
	})
	if err != nil || !slices.Equal(kinds, []ports.EventFrameKind{ports.FrameSubscribed, ports.FrameEnd}) {
		t.Errorf("%v, %v", kinds, err)
	}
}

// [EVT-3] A workflow that goes on as new is one subscription, from its first run to its last.
func TestSubscribeChain(t *testing.T) {
	var countdown workflow.Workflow[int, int]
	countdown = workflow.Define("Countdown", func(ctx workflow.Context, n int) (int, error) {
		if _, err := note.Receive(ctx); err != nil || n == 0 {
			return n, err
		}
		return n, countdown.ContinueAsNew(ctx, n-1)
	})
	env := aiontest.New(t, defs(countdown))
	r := ref(start(t, env, request(countdown, 2)))
	var runs []model.RunID
	caught, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- env.Engine().Subscribe(ctx, ports.SubscribeRequest{WorkflowID: r.WorkflowID}, func(f ports.EventFrame) error {
			switch {
			case f.Kind == ports.FrameCaughtUp:
				close(caught)
			case f.Kind == ports.FrameEvents && !slices.Contains(runs, f.Run):
				runs = append(runs, f.Run)
			}
			return nil
		})
	}()
	<-caught
	for i := range 3 {
		if err := signal(env, ports.WorkflowRef{WorkflowID: r.WorkflowID}, "x", model.RequestID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err != nil || len(runs) != 3 || runs[0] != r.Run {
		t.Errorf("%v, %v", runs, err)
	}
	// The same afterwards, and from any run on.
	for i, first := range runs {
		var got []model.RunID
		err := env.Engine().Subscribe(ctx, ports.SubscribeRequest{WorkflowID: r.WorkflowID, Run: first}, func(f ports.EventFrame) error {
			if f.Kind == ports.FrameEvents && !slices.Contains(got, f.Run) {
				got = append(got, f.Run)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, runs[i:]) {
			t.Errorf("%v, %v", got, err)
		}
	}
}

// [EVT-4] What cannot be followed says why.
func TestSubscribeRefuses(t *testing.T) {
	env := aiontest.New(t, defs(listen))
	r := ref(start(t, env, request(listen, 1)))
	far := feed.Cursor{1 << 40}.String()
	two := feed.Cursor{1, 1}.String()
	for _, c := range []struct {
		r      ports.SubscribeRequest
		reason fault.Reason
		text   string
	}{
		{ports.SubscribeRequest{WorkflowID: "nobody"}, fault.NotFound, "nobody"},
		{ports.SubscribeRequest{Namespace: "elsewhere"}, fault.NotFound, "elsewhere"},
		{ports.SubscribeRequest{WorkflowID: r.WorkflowID, Run: "other"}, fault.NotFound, ""},
		{ports.SubscribeRequest{WorkflowID: r.WorkflowID, Cursor: far}, fault.InvalidInput, "from_seq"},
		{ports.SubscribeRequest{From: 3}, fault.InvalidInput, "from_seq"},
		{ports.SubscribeRequest{Cursor: "x"}, fault.InvalidInput, "not a cursor"},
		{ports.SubscribeRequest{Cursor: far[:len(far)-1] + "A"}, fault.InvalidInput, "not a cursor"},
		{ports.SubscribeRequest{Cursor: far}, fault.CursorAhead, "another database"},
		{ports.SubscribeRequest{Cursor: two}, fault.CursorAhead, "2 shards"},
	} {
		err := env.Engine().Subscribe(ctx, c.r, func(ports.EventFrame) error { return errStop })
		want(t, err, c.reason, c.text)
	}
}

// [EVT-2] [S-3] A cursor whose events were removed says so; from the start is then from the oldest that is kept.
func TestSubscribeAfterRetention(t *testing.T) {
	env := retained(t, nil)
	first := ref(start(t, env, request(echo, "x")))
	oldest := feed.Cursor{0}.String()
	env.Advance(2 * time.Hour)
	kept := ref(start(t, env, request(listen, 1)))
	removed(t, env, first)
	err := env.Engine().Subscribe(ctx, ports.SubscribeRequest{Cursor: oldest}, func(ports.EventFrame) error { return nil })
	want(t, err, fault.HistoryCompacted)
	got := seen{}
	err = env.Engine().Subscribe(ctx, ports.SubscribeRequest{FromStart: true}, func(f ports.EventFrame) error {
		if f.Kind == ports.FrameEvents {
			got.add(t, f)
		}
		if f.Kind == ports.FrameCaughtUp {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) || len(got) != 1 || len(got[kept.Run]) == 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// [EVT-1] A filter chooses among the runs of a namespace, as they stand when their events are delivered.
func TestSubscribeFilter(t *testing.T) {
	env := aiontest.New(t, defs(listen, echo))
	ended := ref(start(t, env, request(echo, "x")))
	open := ref(start(t, env, request(listen, 1)))
	for filter, want := range map[string]model.RunID{"status = 'Completed'": ended.Run, "workflow_type = 'Listen' and closed_at is null": open.Run} {
		got := seen{}
		err := env.Engine().Subscribe(ctx, ports.SubscribeRequest{Filter: filter, FromStart: true}, func(f ports.EventFrame) error {
			if f.Kind == ports.FrameEvents {
				got.add(t, f)
			}
			if f.Kind == ports.FrameCaughtUp {
				return errStop
			}
			return nil
		})
		if !errors.Is(err, errStop) || len(got) != 1 || len(got[want]) == 0 {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
	err := env.Engine().Subscribe(ctx, ports.SubscribeRequest{Filter: "customer = 'a'"}, func(ports.EventFrame) error { return nil })
	want(t, err, fault.InvalidInput, "customer")
}
