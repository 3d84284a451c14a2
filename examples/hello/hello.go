// Package hello is the smallest workflow package: one activity, one workflow.
package hello

import (
	"time"

	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// In says whom to greet.
type In struct {
	Name string `json:"name"`
}

// Greet makes the greeting; worker/main.go implements it.
var Greet = activity.Define[In, string]("Greet", activity.Options{StartToClose: 5 * time.Second})

// Hello asks for a greeting and answers it.
var Hello = workflow.Define("Hello", func(ctx workflow.Context, in In) (string, error) {
	return Greet.Execute(ctx, in)
})

// Workflows lists what the package offers.
func Workflows() []workflow.Definition { return []workflow.Definition{Hello} }
