package engine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aionrun/aion"
	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/aiontest"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/history"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/domain/schedule"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/workflow"
)

var reports = ports.ScheduleRef{ID: "reports"}

// hourly starts a workflow at every full hour.
func hourly(w interface{ Name() string }, in any, o model.Overlap) ports.CreateScheduleRequest {
	return ports.CreateScheduleRequest{Ref: reports, Config: model.ScheduleConfig{
		Spec:   model.ScheduleSpec{Crons: []string{"0 * * * *"}},
		Action: model.ScheduleAction{Type: model.WorkflowType(w.Name()), Input: payload(in)},
		Policy: model.SchedulePolicy{Overlap: o},
	}}
}

func createSchedule(t testing.TB, env *aiontest.Env, r ports.CreateScheduleRequest) ports.Schedule {
	t.Helper()
	s, err := env.Engine().CreateSchedule(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func theSchedule(t testing.TB, env *aiontest.Env) ports.Schedule {
	t.Helper()
	env.Wait()
	s, err := env.Engine().GetSchedule(ctx, reports, 3)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func allRuns(t testing.TB, env *aiontest.Env) []ports.Run {
	t.Helper()
	env.Wait()
	runs, _, err := env.Engine().List(ctx, ports.ListQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return runs
}

// Each tick starts one run, on every store and over restarts; the schedule knows what became of it. [SCHED-1]
func TestScheduleTicks(t *testing.T) {
	everyStore(t, func(t *testing.T, use func(*aion.Options)) {
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo}, Configure: use})
		s := createSchedule(t, env, hourly(echo, "report", 0))
		if len(s.NextTimes) != 5 || !s.NextTimes[0].Equal(env.Now().Add(time.Hour)) || s.Etag == "" {
			t.Errorf("%+v", s)
		}
		for range 4 {
			env.Advance(time.Hour)
			env.Restart()
		}
		env.Advance(time.Hour)
		s = theSchedule(t, env)
		if s.Started != 5 || s.OpenCount != 0 || len(s.Recent) != 5 || s.Recent[0].Status != model.StatusCompleted || s.Recent[0].Run == "" {
			t.Errorf("%+v", s)
		}
		runs := allRuns(t, env)
		if len(runs) != 5 {
			t.Fatalf("%d runs", len(runs))
		}
		if id := runs[4].Key.WorkflowID; id != "reports-2030-01-01T01:00:00Z" {
			t.Errorf("workflow ID %q", id)
		}
		started := find[*history.Started](t, env, ports.WorkflowRef{WorkflowID: runs[4].Key.WorkflowID})[0]
		if started.Header[model.HeaderScheduleID] != "reports" || started.Header[model.HeaderScheduleTime] != "2030-01-01T01:00:00Z" {
			t.Errorf("header %v", started.Header)
		}
		if _, err := env.Engine().Describe(ctx, ports.WorkflowRef{WorkflowID: "\x01schedule/reports"}); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("a schedule can be reached as a workflow: %v", err)
		}
	})
}

// What the overlap policies do to the runs themselves. [SCHED-3]
func TestScheduleOverlap(t *testing.T) {
	for _, c := range []struct {
		overlap                  model.Overlap
		started, skipped, closed int
		status                   model.Status
	}{
		{model.OverlapSkip, 1, 3, 0, 0},
		{model.OverlapBufferOne, 1, 2, 0, 0},
		{model.OverlapBufferAll, 1, 0, 0, 0},
		{model.OverlapCancelOther, 4, 0, 3, model.StatusCanceled},
		{model.OverlapTerminateOther, 4, 0, 3, model.StatusTerminated},
		{model.OverlapAllowAll, 4, 0, 0, 0},
	} {
		t.Run(c.overlap.String(), func(t *testing.T) {
			env := aiontest.New(t, defs(sleeper))
			createSchedule(t, env, hourly(sleeper, 100*time.Hour, c.overlap))
			env.Advance(4 * time.Hour)
			s := theSchedule(t, env)
			closed := 0
			for _, r := range allRuns(t, env) {
				if r.Status == c.status {
					closed++
				}
			}
			if int(s.Started) != c.started || int(s.Skipped["overlap"]) != c.skipped || closed != c.closed || s.Started+s.Skipped["overlap"]+uint64(s.Waiting) != 4 {
				t.Errorf("%d ended: %+v", closed, s)
			}
			if c.overlap == model.OverlapBufferAll {
				env.Advance(98 * time.Hour) // the first has ended
				if s := theSchedule(t, env); s.Started != 2 || s.OpenCount != 1 {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

// A server that comes back makes up for what is inside the window, and counts what is older. [SCHED-4]
func TestScheduleCatchUp(t *testing.T) {
	env := aiontest.New(t, defs(echo))
	r := hourly(echo, "report", model.OverlapAllowAll)
	r.Config.Policy.CatchUp = 150 * time.Minute
	createSchedule(t, env, r)
	env.Advance(90 * time.Minute)
	env.Engine().Close()
	env.Advance(10 * time.Hour) // until 11:30
	env.Restart()
	s := theSchedule(t, env)
	if s.Started != 1+3 || s.Skipped["catch_up"] != 7 || len(allRuns(t, env)) != 4 {
		t.Errorf("%+v", s)
	}
	if !s.Recent[0].Nominal.Equal(time.Date(2030, 1, 1, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", s.Recent)
	}
}

// A crash between a tick and its start, and one between start and end, lose nothing and double nothing. [SCHED-1]
func TestScheduleCrash(t *testing.T) {
	store := &faulty{Store: memory.New()}
	env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{sleeper}, Configure: func(o *aion.Options) { o.Store = store }})
	createSchedule(t, env, hourly(sleeper, 30*time.Minute, 0))
	store.set(func(a *ports.Append) how { // the run cannot be started
		if a.Entity == nil {
			return unavailable
		}
		return fine
	}, nil)
	env.Advance(time.Hour)
	if s := theSchedule(t, env); s.Started != 1 || len(allRuns(t, env)) != 0 {
		t.Fatalf("%+v", s)
	}
	store.set(nil, nil)
	env.Restart()
	s := theSchedule(t, env)
	if len(allRuns(t, env)) != 1 || s.OpenCount != 1 || s.Open[0].Run == "" {
		t.Fatalf("%+v", s)
	}
	store.set(func(a *ports.Append) how { // the schedule cannot hear of the end
		if a.Entity != nil {
			return unavailable
		}
		return fine
	}, nil)
	env.Advance(40 * time.Minute)
	store.set(nil, nil)
	env.Restart()
	if s := theSchedule(t, env); s.OpenCount != 0 || s.Recent[0].Status != model.StatusCompleted || s.Started != 1 {
		t.Errorf("%+v", s)
	}
	env.Advance(time.Hour)
	if s := theSchedule(t, env); s.Started != 2 || s.Skipped["overlap"] != 0 || len(allRuns(t, env)) != 2 {
		t.Errorf("%+v", s)
	}
}

// Whatever the store does and whenever the server ends, each tick has one run. [SCHED-1]
func TestScheduleFaultyStore(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			store := &faulty{Store: memory.New()}
			env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo}, Configure: func(o *aion.Options) { o.Store = store }})
			createSchedule(t, env, hourly(echo, "report", model.OverlapAllowAll))
			hours := 1 + r.IntN(5)
			for range hours {
				plan := make([]how, r.IntN(7))
				for i := range plan {
					plan[i] = [...]how{fine, unavailable, conflict, overloaded, lostAnswer}[r.IntN(5)]
				}
				store.set(func(*ports.Append) how {
					if len(plan) == 0 {
						return fine
					}
					h := plan[0]
					plan = plan[1:]
					return h
				}, nil)
				env.Advance(59*time.Minute + 50*time.Second)
				if r.IntN(2) == 0 {
					env.Restart()
				}
				env.Advance(10 * time.Second)
			}
			store.set(nil, nil)
			env.Advance(30 * time.Minute)
			s := theSchedule(t, env)
			if runs := allRuns(t, env); len(runs) != hours || int(s.Started) != hours || s.OpenCount != 0 {
				t.Fatalf("%d runs of %d hours: %+v", len(runs), hours, s)
			}
		})
	}
}

// A type without a route is counted and shown, and does not stop the schedule. [SCHED-5]
func TestScheduleWithoutRoute(t *testing.T) {
	env := aiontest.New(t, defs(echo))
	r := hourly(echo, "x", 0)
	r.Config.Action.Type = "Nothing"
	createSchedule(t, env, r)
	env.Advance(2 * time.Hour)
	s := theSchedule(t, env)
	if s.Failed != 2 || s.LastError == "" || s.Recent[0].Failure == "" || !s.LastErrorAt.Equal(env.Now()) || s.OpenCount != 0 {
		t.Fatalf("%+v", s)
	}
	action := s.Config.Action
	action.Type = model.WorkflowType(echo.Name())
	if _, err := env.Engine().UpdateSchedule(ctx, ports.UpdateScheduleRequest{Ref: reports, Action: &action, Etag: "old"}); !fault.Has(err, fault.Conflict) {
		t.Errorf("an old etag: %v", err)
	}
	u, err := env.Engine().UpdateSchedule(ctx, ports.UpdateScheduleRequest{Ref: reports, Action: &action, Etag: s.Etag})
	if err != nil || u.Etag == s.Etag {
		t.Fatalf("%v, %+v", err, u)
	}
	env.Advance(time.Hour)
	if s := theSchedule(t, env); s.Failed != 2 || s.Started != 3 || s.Recent[0].Status != model.StatusCompleted || s.Etag != u.Etag {
		t.Errorf("%+v", s)
	}
}

// [SCHED-6]
func TestScheduleChanges(t *testing.T) {
	env := aiontest.New(t, defs(sleeper))
	e := env.Engine()
	r := hourly(sleeper, 10*time.Minute, model.OverlapAllowAll)
	r.RequestID = "make"
	first := createSchedule(t, env, r)
	if again := createSchedule(t, env, r); again.Etag != first.Etag {
		t.Error("a repeated call made another schedule")
	}
	r.Note = "other"
	_, err := e.CreateSchedule(ctx, r)
	want(t, err, fault.RequestIDReused)
	r.RequestID = ""
	_, err = e.CreateSchedule(ctx, r)
	want(t, err, fault.AlreadyExists)

	if s, err := e.PauseSchedule(ctx, ports.ScheduleChange{Ref: reports, Note: "holiday"}); err != nil || !s.Paused || s.Note != "holiday" || s.NextTimes != nil {
		t.Fatalf("%v, %+v", err, s)
	}
	env.Advance(3 * time.Hour)
	for range 2 {
		if s, err := e.TriggerSchedule(ctx, ports.TriggerScheduleRequest{Ref: reports, RequestID: "now"}); err != nil || s.Started != 1 {
			t.Fatalf("%v, %+v", err, s)
		}
	}
	if s, err := e.ResumeSchedule(ctx, ports.ScheduleChange{Ref: reports}); err != nil || s.Paused || s.Started != 1 {
		t.Fatalf("%v, %+v", err, s)
	}
	env.Advance(time.Hour)
	if s := theSchedule(t, env); s.Started != 2 {
		t.Fatalf("%+v", s)
	}
	from := time.Date(2030, 1, 1, 1, 0, 0, 0, time.UTC)
	if _, err := e.BackfillSchedule(ctx, ports.BackfillScheduleRequest{Ref: reports, From: from, To: from.Add(2 * time.Hour), Overlap: model.OverlapBufferAll}); err != nil {
		t.Fatal(err)
	}
	env.Advance(45 * time.Minute) // one after the other
	if s := theSchedule(t, env); s.Started != 5 || len(s.Backfills) != 0 || s.OpenCount != 0 {
		t.Fatalf("%+v", s)
	}
	_, err = e.BackfillSchedule(ctx, ports.BackfillScheduleRequest{Ref: reports, From: from, To: from.Add(-1)})
	want(t, err, fault.InvalidInput)
	_, err = e.TriggerSchedule(ctx, ports.TriggerScheduleRequest{Ref: ports.ScheduleRef{ID: "none"}})
	want(t, err, fault.NotFound, "none")

	// A run that is open when its schedule is removed goes on, and the next schedule with the ID hears nothing of it.
	if _, err := e.TriggerSchedule(ctx, ports.TriggerScheduleRequest{Ref: reports}); err != nil {
		t.Fatal(err)
	}
	want(t, e.DeleteSchedule(ctx, ports.ScheduleChange{Ref: reports, Etag: "old"}), fault.Conflict)
	if err := e.DeleteSchedule(ctx, ports.ScheduleChange{Ref: reports, Etag: first.Etag}); err != nil {
		t.Fatal(err)
	}
	want(t, e.DeleteSchedule(ctx, ports.ScheduleChange{Ref: reports}), fault.NotFound)
	_, err = e.GetSchedule(ctx, reports, 0)
	want(t, err, fault.NotFound)
	if second := createSchedule(t, env, r); second.Etag == first.Etag || second.Started != 0 {
		t.Errorf("%+v", second)
	}
	env.Advance(14 * time.Minute)
	if s := theSchedule(t, env); s.Started != 0 || len(s.Recent) != 0 {
		t.Errorf("%+v", s)
	}
	if runs := allRuns(t, env); len(runs) != 6 || runs[0].Status != model.StatusCompleted {
		t.Errorf("%d runs, the last is %v", len(runs), runs[0].Status)
	}
}

// [SCHED-6]
func TestScheduleList(t *testing.T) {
	env := aiontest.New(t, defs(echo))
	for i := range 5 {
		r := hourly(echo, "x", 0)
		r.Ref.ID = model.ScheduleID(fmt.Sprintf("s%d", i))
		createSchedule(t, env, r)
	}
	var got []model.ScheduleID
	for q := (ports.ScheduleQuery{Limit: 2}); ; {
		page, next, err := env.Engine().ListSchedules(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			got = append(got, s.Ref.ID)
		}
		if q.After = next; next == "" {
			break
		}
	}
	if fmt.Sprint(got) != "[s0 s1 s2 s3 s4]" {
		t.Error(got)
	}
	if page, _, err := env.Engine().ListSchedules(ctx, ports.ScheduleQuery{Namespace: "other"}); !fault.Has(err, fault.NotFound) && len(page) > 0 {
		t.Errorf("another namespace sees %d schedules (%v)", len(page), err)
	}
	bad := hourly(echo, "x", 0)
	for name, change := range map[string]func(r *ports.CreateScheduleRequest){
		"no ID":  func(r *ports.CreateScheduleRequest) { r.Ref.ID = "" },
		"long":   func(r *ports.CreateScheduleRequest) { r.Ref.ID = model.ScheduleID(make([]byte, 300)) },
		"cron":   func(r *ports.CreateScheduleRequest) { r.Config.Spec.Crons = []string{"x"} },
		"header": func(r *ports.CreateScheduleRequest) { r.Config.Action.Header = map[string]string{"aion-x": "y"} },
		"note":   func(r *ports.CreateScheduleRequest) { r.Note = string(make([]byte, 2000)) },
	} {
		r := bad
		change(&r)
		if _, err := env.Engine().CreateSchedule(ctx, r); !fault.Has(err, fault.InvalidInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A schedule that waits costs nothing: with many of them, boot and tick ask the store as often as with few, and nothing of them is in memory. Old ticks
// leave nothing behind. [SCHED-7]
func TestScheduleCostsNothing(t *testing.T) {
	cost := func(n int) (boot, tick ports.StoreStats) {
		store := memory.New()
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			c := hourly(echo, "x", 0).Config
			c.Spec.Crons = []string{"0 0 1 6 *"}
			s, err := schedule.New(model.ScheduleID(fmt.Sprint("parked", i)), fmt.Sprint("instance", i), c, now.UnixNano())
			if err != nil {
				t.Fatal(err)
			}
			config, state := s.Encode()
			_, err = store.Append(ctx, &ports.Append{Key: model.ChainKey{Namespace: "default", WorkflowID: model.WorkflowID("\x01schedule/" + string(s.ID))},
				Chain: ports.Chain{Version: 1, WakeAt: time.Unix(0, s.Due())}, Entity: &ports.Entity{Config: config, State: state}})
			if err != nil {
				t.Fatal(err)
			}
		}
		before := store.Stats()
		env := aiontest.New(t, aiontest.Options{Workflows: []workflow.Definition{echo}, Configure: func(o *aion.Options) { o.Store = store }})
		env.Wait()
		boot = difference(store.Stats(), before)
		createSchedule(t, env, hourly(echo, "x", 0))
		env.Advance(30 * time.Minute)
		before = store.Stats()
		env.Advance(time.Hour)
		tick = difference(store.Stats(), before)
		if n := env.Engine().Resident(); n > 1 {
			t.Errorf("%d chains are in memory", n)
		}
		return boot, tick
	}
	fewBoot, fewTick := cost(1000)
	manyBoot, manyTick := cost(100_000)
	if fewBoot != manyBoot || fewTick != manyTick {
		t.Errorf("boot %+v and %+v, tick %+v and %+v", fewBoot, manyBoot, fewTick, manyTick)
	}
	if fewTick.Appends == 0 || fewTick.Appends > 6 {
		t.Errorf("a tick with its run takes %d appends", fewTick.Appends)
	}
}

func difference(a, b ports.StoreStats) ports.StoreStats {
	return ports.StoreStats{Appends: a.Appends - b.Appends, RowsWritten: a.RowsWritten - b.RowsWritten, HistoryReads: a.HistoryReads - b.HistoryReads,
		ChainReads: a.ChainReads - b.ChainReads, OtherReads: a.OtherReads - b.OtherReads}
}
