// Package attributes is a feature: code sets search attributes of its run, which are those of the run's row at once [SRCH-1].
package attributes

import (
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var (
	customer = workflow.DefineSearchAttribute[string]("customer")
	amount   = workflow.DefineSearchAttribute[int]("amount")
	due      = workflow.DefineSearchAttribute[time.Time]("due")
	tags     = workflow.DefineSearchAttribute[[]string]("tags")
)

var code = workflow.Define("attributes", func(ctx workflow.Context, n int) (string, error) {
	err := workflow.UpsertSearchAttributes(ctx, amount.Is(n), due.Is(workflow.Now(ctx).Add(time.Hour)), tags.Is([]string{"new", "paid"}))
	if err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, time.Hour); err != nil {
		return "", err
	}
	return "done", workflow.UpsertSearchAttributes(ctx, customer.Unset(), tags.Is([]string{"done"}))
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
