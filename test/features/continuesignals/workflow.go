// Package continuesignals is a feature: a run continues as new with signals that it has not received, which begin the next run in order [CAN-1] [CAN-2];
// the code knows the length of its history [CAN-3].
package continuesignals

import (
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var word = workflow.DefineSignal[string]("word")

var code workflow.Workflow[state, string]

type state struct {
	Run  int
	Text string
}

func init() {
	code = workflow.Define("continuesignals", func(ctx workflow.Context, s state) (string, error) {
		s.Run++
		w, err := word.Receive(ctx)
		if err != nil {
			return "", err
		}
		s.Text += fmt.Sprintf(" %s@%d", w, workflow.GetInfo(ctx).HistoryLength)
		if s.Run == 4 {
			return fmt.Sprintf("run %d:%s", s.Run, s.Text), nil
		}
		workflow.NewTimer(ctx, 24*time.Hour)
		if err := workflow.Sleep(ctx, time.Minute); err != nil {
			return "", err
		}
		return "", code.ContinueAsNew(ctx, s)
	})
}

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code} }
