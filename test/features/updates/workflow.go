// Package updates is a feature: updates that are accepted, rejected, run an activity, fail, and are open when their run ends [UPD-1] [UPD-2] [UPD-5].
package updates

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

const tooMany = activity.Type("too_many")

var (
	pack = activity.Define[int, string]("updates.Pack", activity.Options{})

	add  = workflow.DefineUpdate[int, int]("add")
	ship = workflow.DefineUpdate[string, string]("ship")
	wait = workflow.DefineUpdate[workflow.None, workflow.None]("wait")
	done = workflow.DefineSignal[workflow.None]("done")
)

// The cart holds at most ten things.
var code = workflow.Define("updates", func(ctx workflow.Context, _ workflow.None) (int, error) {
	n := 0
	add.HandleValidated(ctx, func(more int) error {
		if n+more > 10 {
			defer func() { n = 1000 }() // on a copy
			return tooMany.Errorf("%d and %d are too many", n, more)
		}
		return nil
	}, func(_ workflow.Context, more int) (int, error) {
		n += more
		return n, nil
	})
	ship.Handle(ctx, func(ctx workflow.Context, to string) (string, error) {
		if to == "" {
			return "", activity.Type("nowhere").Errorf("where to?")
		}
		parcel, err := pack.Execute(ctx, n)
		return parcel + " to " + to, err
	})
	wait.Handle(ctx, func(ctx workflow.Context, _ workflow.None) (workflow.None, error) {
		return workflow.None{}, workflow.Sleep(ctx, 24*time.Hour)
	})
	_, err := done.Receive(ctx)
	return n, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
