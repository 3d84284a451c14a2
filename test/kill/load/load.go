// Package load is the workflow package of the kill test: parallel and flaky activities, timers, races, signals, cancels and
// compensations, in an order that the input lays down, so that everybody can say beforehand how a run has to end.
package load

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Plan is the input of a run.
type Plan struct {
	Parallel int   `json:"parallel"` // activities side by side
	Flaky    int   `json:"flaky"`    // how many attempts of one activity fail before it succeeds
	SleepMS  int   `json:"sleep_ms"` // a timer beside an activity
	RaceMS   int   `json:"race_ms"`  // an activity of this length against a timer of half of it; 0 = no race
	Signals  int   `json:"signals"`  // how many signals the run waits for
	Base     int64 `json:"base"`     // what the activities compute with
	End      End   `json:"end"`
}

// End says how a run has to end.
type End string

// The ends.
const (
	Complete End = "complete"
	Fail     End = "fail"   // with Demanded, after its compensation
	Cancel   End = "cancel" // when a client asks for it
)

// Done is the result of a run.
type Done struct {
	Sum     int64 `json:"sum"`     // of the activities
	Signals int64 `json:"signals"` // of the signals' values
}

// Job is the input of Work.
type Job struct {
	N        int64 `json:"n"`
	FailTill int   `json:"fail_till"` // attempts up to this one fail
	TakesMS  int   `json:"takes_ms"`
}

// What workers, clients and the code meet by.
const Demanded = activity.Type("demanded")

var (
	Add      = workflow.DefineSignal[int64]("Add")
	Progress = workflow.DefineQuery[workflow.None, Done]("Progress")
	Work     = activity.Define[Job, int64]("Work", activity.Options{StartToClose: 20 * time.Second, Retry: activity.Retry{
		InitialInterval: 20 * time.Millisecond, MaximumInterval: 200 * time.Millisecond,
	}})
	Undo = activity.Define[Job, int64]("Undo", Work.Options())
)

// Load does what its plan says.
var Load = workflow.Define("Load", func(ctx workflow.Context, p Plan) (d Done, err error) {
	var saga workflow.Saga
	defer saga.End(ctx, &err)
	Progress.Handle(ctx, func(workflow.None) (Done, error) { return d, nil })

	side := make([]Job, p.Parallel)
	for i := range side {
		side[i] = Job{N: p.Base + int64(i), TakesMS: i % 3}
	}
	answers, err := workflow.Map(ctx, side, 0, Work.Execute)
	if err != nil {
		return d, err
	}
	for _, a := range answers {
		d.Sum += a
	}

	flaky := workflow.Async(ctx, func(ctx workflow.Context) (int64, error) {
		return Work.Execute(ctx, Job{N: p.Base, FailTill: p.Flaky})
	})
	late := workflow.Async(ctx, func(ctx workflow.Context) (int64, error) {
		if err := workflow.Sleep(ctx, time.Duration(p.SleepMS)*time.Millisecond); err != nil {
			return 0, err
		}
		return Work.Execute(ctx, Job{N: 1})
	})
	answers, err = workflow.All(ctx, flaky, late)
	if err != nil {
		return d, err
	}
	d.Sum += answers[0] + answers[1]

	if p.RaceMS > 0 { // who wins is left to chance, and changes nothing
		slow := Work.Start(ctx, Job{N: 2, TakesMS: p.RaceMS})
		half := workflow.Async(ctx, func(ctx workflow.Context) (int64, error) {
			return 0, workflow.Sleep(ctx, time.Duration(p.RaceMS)*time.Millisecond/2)
		})
		if _, _, err = workflow.Race(ctx, slow, half); err != nil {
			return d, err
		}
	}

	for n := 0; n < p.Signals; n++ {
		err = workflow.Select(ctx,
			Add.On(func(v int64, err error) {
				if err == nil {
					d.Signals += v
				}
			}),
			workflow.After(time.Hour, func() { n = p.Signals }),
		)
		if err != nil {
			return d, err
		}
	}

	switch p.End {
	case Cancel:
		Undo.Compensate(&saga, Job{N: p.Base})
		return d, workflow.Sleep(ctx, 24*time.Hour)
	case Fail:
		Undo.Compensate(&saga, Job{N: p.Base})
		return d, fmt.Errorf("after %d signals: %w", p.Signals, Demanded)
	}
	last, err := Work.Execute(ctx, Job{N: p.Base + 7})
	d.Sum += last
	return d, err
})

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{Load} }
