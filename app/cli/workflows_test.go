package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/aionrun/aion/adapters/storage/memory"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/ports"
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/sdk/workflow"
)

type person struct {
	Name string `json:"name"`
}

var (
	greet   = activity.Define[person, string]("Greet", activity.Options{StartToClose: 5 * time.Second})
	approve = workflow.DefineSignal[person]("approve")
	addTo   = workflow.DefineUpdate[int, int]("add")
	count   = workflow.DefineUpdate[workflow.None, string]("count")
	hang    = workflow.DefineUpdate[workflow.None, workflow.None]("hang")
	status_ = workflow.DefineQuery[workflow.None, string]("status")
)

// testWorkflows are what the scripts start: Hello (one activity), Approval (a signal, a query), Till (updates), Nap (a timer), Refuse (fails), Flaky (fails once), Stuck (is Blocked).
func testWorkflows() []workflow.Definition {
	return []workflow.Definition{
		workflow.Define("Hello", func(ctx workflow.Context, in person) (string, error) { return greet.Execute(ctx, in) }),
		workflow.Define("Approval", func(ctx workflow.Context, in person) (string, error) {
			state := "waiting for approval of " + in.Name
			status_.Handle(ctx, func(workflow.None) (string, error) { return state, nil })
			by, err := approve.Receive(ctx)
			if err != nil {
				return "", err
			}
			state = "approved"
			return "approved by " + by.Name, nil
		}),
		workflow.Define("Till", func(ctx workflow.Context, _ workflow.None) (int, error) {
			sum := 0
			addTo.HandleValidated(ctx, func(n int) error {
				if n > 100 {
					return fmt.Errorf("%d is too much", n)
				}
				return nil
			}, func(_ workflow.Context, n int) (int, error) {
				sum += n
				return sum, nil
			})
			count.Handle(ctx, func(ctx workflow.Context, _ workflow.None) (string, error) {
				_, err := approve.Receive(ctx)
				return fmt.Sprint(sum), err
			})
			hang.Handle(ctx, func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
				return workflow.None{}, workflow.Sleep(ctx, 24*time.Hour)
			})
			return sum, workflow.Sleep(ctx, 24*time.Hour)
		}),
		workflow.Define("Nap", func(ctx workflow.Context, _ workflow.None) (string, error) {
			return "slept", workflow.Sleep(ctx, 24*time.Hour)
		}),
		workflow.Define("Refuse", func(workflow.Context, workflow.None) (string, error) { return "", errors.New("not today") }),
		workflow.Define("Flaky", func(ctx workflow.Context, _ workflow.None) (uint32, error) {
			if n := workflow.GetInfo(ctx).Attempt; n > 1 {
				return n, nil
			}
			return 0, errors.New("not at first")
		}),
		workflow.Define("Stuck", func(workflow.Context, workflow.None) (string, error) { panic("a defect") }),
	}
}

// testWorker serves Greet until it is told to stop. A greeting of "nobody" fails and is retried for ever.
func testWorker() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := worker.New("", worker.Options{TaskQueues: []string{"default", "vip"}, Slots: 4, Identity: "testworker"})
	worker.Handle(w, greet, func(ctx context.Context, in person) (string, error) {
		if in.Name == "nobody" {
			return "", activity.Type("nobody").Errorf("nobody is there")
		}
		switch in.Name {
		case "later":
			return "", activity.ErrPending
		case "slow":
			<-ctx.Done()
			return "", ctx.Err()
		}
		return "Hello, " + in.Name, nil
	})
	if err := w.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// lossyStore no longer knows whether a commit happened once a workflow ID begins with "lose" [C-8], and does not come back from a commit
// when one begins with "hang".
type lossyStore struct{ ports.Store }

func newLossyStore() ports.Store { return lossyStore{memory.New()} }

func (s lossyStore) Append(ctx context.Context, a *ports.Append) (ports.AppendResult, error) {
	if strings.HasPrefix(string(a.Key.WorkflowID), "lose") {
		return ports.AppendResult{}, fault.New(fault.UnknownOutcome, "the outcome of a commit is unknown").Hinted("look at the disk")
	}
	if strings.HasPrefix(string(a.Key.WorkflowID), "hang") {
		fmt.Fprintln(os.Stderr, "hanging")
		<-ctx.Done()
		return ports.AppendResult{}, fault.Wrap(fault.Unavailable, ctx.Err(), "the append was given up")
	}
	return s.Store.Append(ctx, a)
}
