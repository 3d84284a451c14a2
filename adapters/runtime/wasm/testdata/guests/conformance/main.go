//go:build wasip1

// The workflows of the conformance suite as a package, with the SDK's guest side.
package main

import (
	"slices"

	"github.com/aionrun/aion/ports/runtimetest/workflows"
	"github.com/aionrun/aion/sdk/workflow"
)

func init() { workflow.Serve(slices.Concat(workflows.Workflows(), workflows.Misbehaving())) }

func main() {}
