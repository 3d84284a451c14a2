// Package sending is a feature: code sends signals and a cancel request to other workflows, which record them in order, and hears where that cannot be [SIG-5].
package sending

import (
	"errors"
	"fmt"
	"time"

	"github.com/aionrun/aion/sdk/workflow"
)

var word = workflow.DefineSignal[string]("sending.word")

var ear = workflow.Define("sending.Ear", func(ctx workflow.Context, n int) (string, error) {
	heard := ""
	for range n {
		w, err := word.Receive(ctx)
		if err != nil {
			return heard, err
		}
		heard += w
	}
	return heard, nil
})

var code = workflow.Define("sending", func(ctx workflow.Context, _ workflow.None) (string, error) {
	child := ear.StartChild(ctx, 2)
	for _, w := range []string{"a", "b"} {
		if err := word.Send(ctx, child.Target(), w); err != nil {
			return "", err
		}
	}
	heard, err := child.Get(ctx)
	if err != nil {
		return "", err
	}
	if err := workflow.Sleep(ctx, time.Minute); err != nil {
		return "", err
	}
	late := word.Send(ctx, child.Target(), "c")
	nobody := word.Send(ctx, workflow.To("nobody"), "d")
	if err := word.Send(ctx, workflow.To("other"), "e"); err != nil {
		return "", err
	}
	if err := workflow.RequestCancel(ctx, workflow.To("other"), "enough"); err != nil {
		return "", err
	}
	return fmt.Sprint(heard, errors.Is(late, workflow.ErrNotRunning), errors.Is(nobody, workflow.ErrNotRunning)), nil
})

// Workflows lists the feature's workflows.
func Workflows() []workflow.Definition { return []workflow.Definition{code, ear} }
