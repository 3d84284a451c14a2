// Package coroutines is a feature: coroutines of a run take turns in the order of their creation, and share variables [DET-1].
package coroutines

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var code = workflow.Define("coroutines", func(ctx workflow.Context, n int) (string, error) {
	out, running := "", n
	for i := range n {
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { running-- }()
			out += fmt.Sprint(i)
			if workflow.Sleep(ctx, time.Duration(n-i)*time.Second) == nil {
				out += fmt.Sprint(i)
			}
		})
	}
	late := workflow.Async(ctx, func(ctx workflow.Context) (string, error) {
		return "!", workflow.Await(ctx, func() bool { return running == 0 })
	})
	s, err := late.Get(ctx)
	return out + s, err
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
