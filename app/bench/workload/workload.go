// Package workload has the workflows that the benchmarks run. The same source is compiled into servers and built as a package.
package workload

import (
	"github.com/aionrun/aion/sdk/activity"
	"github.com/aionrun/aion/sdk/workflow"
)

// Noop does nothing, so that only what is around it is measured.
var Noop = activity.Define[int, int]("BenchNoop", activity.Options{})

// Wake ends a parked run.
var Wake = workflow.DefineSignal[int]("wake")

// One runs one activity.
var One = workflow.Define("BenchOne", func(ctx workflow.Context, n int) (int, error) { return Noop.Execute(ctx, n) })

// Park waits for a signal.
var Park = workflow.Define("BenchPark", func(ctx workflow.Context, _ int) (int, error) { return Wake.Receive(ctx) })

// Workflows lists them.
func Workflows() []workflow.Definition { return []workflow.Definition{One, Park} }
