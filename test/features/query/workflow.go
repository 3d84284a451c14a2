// Package query is a feature: queries are answered from where the run stands, while it is open and when it is closed, and change nothing [QRY-1, QRY-2].
package query

import (
	"errors"

	"github.com/aionrun/aion/sdk/workflow"
)

var (
	add   = workflow.DefineSignal[int]("add")
	sum   = workflow.DefineQuery[int, int]("sum")
	other = workflow.DefineQuery[workflow.None, int]("other")
)

var code = workflow.Define("query", func(ctx workflow.Context, n int) (int, error) {
	total := 0
	sum.Handle(ctx, func(factor int) (int, error) {
		if factor == 0 {
			return 0, errors.New("a factor is needed")
		}
		total *= factor // of the copy
		return total, nil
	})
	for range n {
		v, err := add.Receive(ctx)
		if err != nil {
			return total, err
		}
		total += v
	}
	return total, nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
