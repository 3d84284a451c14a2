package tap

import (
	"context"
	"log"
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/worker"
	"github.com/aionrun/aion/test/evidence"
)

// Ledger is where a worker writes what it does.
type Ledger = evidence.Log[evidence.Step]

// Handle is worker.Handle with a line in the ledger when the code begins and when it has returned. A worker that cannot write its
// ledger ends: whatever it did without it would look like a fault of the server.
func Handle[I, O any](w *worker.Worker, ledger *Ledger, a activity.Activity[I, O], fn func(ctx context.Context, in I) (O, error)) {
	worker.Handle(w, a, func(ctx context.Context, in I) (O, error) {
		t := worker.Info(ctx)
		line := step(t.WorkflowID, t.ActivityID, t.Attempt, evidence.Begin)
		line.Type = t.ActivityType
		write(ledger, line)
		out, err := fn(ctx, in)
		line = step(t.WorkflowID, t.ActivityID, t.Attempt, evidence.End)
		if err == nil {
			if p, err := a.EncodeResult(out); err == nil {
				line.Result = evidence.Digest(p.Data)
			}
		}
		write(ledger, line)
		return out, err
	})
}

func step(workflow string, activity, attempt uint32, phase evidence.Phase) evidence.Step {
	return evidence.Step{Time: time.Now(), Workflow: workflow, Activity: activity, Attempt: attempt, PID: pid, Phase: phase}
}

func write(ledger *Ledger, lines ...evidence.Step) {
	if err := ledger.Write(lines...); err != nil {
		log.Fatalf("the ledger cannot be written: %v", err)
	}
}
