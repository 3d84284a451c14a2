// Package chaos holds a workflow that uses everything whose order Go leaves open, so that a replay which is not exact shows.
package chaos

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Step is answered by the test in any order.
var Step = activity.Define[int, int]("Step", activity.Options{})

// Nudge comes at moments that the test chooses.
var Nudge = workflow.DefineSignal[int]("nudge")

// Look ranges over a map: on the live instance that would shift every later map iteration.
var Look = workflow.DefineQuery[workflow.None, string]("look")

// Chaos fans out in map order, in 50 coroutines, through selectors, random numbers and UUIDs.
var Chaos = workflow.Define("Chaos", func(ctx workflow.Context, n int) (string, error) {
	seen := map[string]int{}
	Look.Handle(ctx, func(workflow.None) (string, error) {
		s := ""
		for k, v := range seen {
			s += fmt.Sprint(k, v)
		}
		return s, nil
	})
	names := map[string]int{}
	for i := range 30 {
		names[workflow.UUID(ctx)] = i
	}
	var started []workflow.Future[int]
	for name, i := range names {
		started = append(started, Step.Start(ctx, i))
		seen[name] = i
	}
	sum, running := 0, 50
	for i := range 50 {
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { running-- }()
			if workflow.Rand(ctx).IntN(2) == 0 {
				if workflow.Sleep(ctx, time.Duration(1+workflow.Rand(ctx).IntN(50))*time.Millisecond) != nil {
					return
				}
			}
			if v, err := Step.Execute(ctx, 100+i); err == nil {
				sum += v
				seen[fmt.Sprint("go", i)] = v
			}
		})
	}
	trace := ""
	for range n {
		if err := workflow.Select(ctx,
			Nudge.On(func(v int, _ error) { trace += fmt.Sprint("n", v) }),
			workflow.On(started[workflow.Rand(ctx).IntN(len(started))], func(v int, _ error) { trace += fmt.Sprint("f", v) }),
			workflow.After(20*time.Millisecond, func() { trace += "t" }),
		); err != nil {
			return "", err
		}
		for k := range seen { // one activity, whichever comes first
			if _, err := Step.Execute(ctx, len(k)+workflow.Now(ctx).Nanosecond()%7); err != nil {
				return "", err
			}
			break
		}
	}
	if err := workflow.Await(ctx, func() bool { return running == 0 }); err != nil {
		return "", err
	}
	return fmt.Sprint(sum, " ", trace, " ", workflow.UUID(ctx)), nil
})

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{Chaos} }
